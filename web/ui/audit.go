package ui

// Person heads a column of the permission matrix.
type Person struct{ ID, Name string }

// Permission is one row of the matrix.
type Permission struct {
	Key, Label string
	Held       map[string]bool // by the id of a person
	Fixed      map[string]bool // cannot be changed here
}

// Permissions are a titled run of rows.
type Permissions struct {
	Title string
	Rows  []Permission
}

// Recorded is one event as an auditor reads it.
type Recorded struct {
	Number        int
	Name, Change  string
	When          string
	Who, Role     string
	From, Channel string
	Why           string
	Href          string
}

// NamedEvents is of how many the slider says which they are: more would make the page too long.
const NamedEvents = 60

// class says where an event stands from the one whose state is shown.
func (e Recorded) class(at int) string {
	switch {
	case at > 0 && e.Number == at:
		return "now"
	case at > 0 && e.Number > at:
		return "later"
	}
	return ""
}
