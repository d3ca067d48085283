package ui

// Field is one thing that a form asks for.
type Field struct {
	Name, Label string // Name is the id, too: a form has it once
	Kind        string // of the input; "": text
	Value       string // what was typed; never a password
	Hint, Wrong string // Wrong is what is wrong with it; "": nothing
	Fill        string // autocomplete
	Optional    bool
	Required    bool
	Code        bool // numbers and references: from left to right in every language
	Focus       bool
}

// described are the ids of what is said about a field.
func (f Field) described() string {
	switch {
	case f.Hint != "" && f.Wrong != "":
		return f.Name + "-hint " + f.Name + "-wrong"
	case f.Hint != "":
		return f.Name + "-hint"
	case f.Wrong != "":
		return f.Name + "-wrong"
	}
	return ""
}

func (f Field) kind() string {
	if f.Kind == "" {
		return "text"
	}
	return f.Kind
}

// Option is one of several.
type Option struct {
	Value, Label string
	Hint         string
	Chosen       bool
	Disabled     bool
}
