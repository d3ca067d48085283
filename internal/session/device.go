package session

import "strings"

// device says in words what a user agent seems to be: for people to know their own again,
// no more. Order matters: most name others beside themselves.
func device(agent string) string {
	browser := first(agent, "Edg", "Edge", "OPR", "Opera", "SamsungBrowser", "Samsung Internet", "FxiOS", "Firefox", "CriOS", "Chrome",
		"Firefox", "Firefox", "Chrome", "Chrome", "Safari", "Safari", "curl", "curl")
	system := first(agent, "iPhone", "iPhone", "iPad", "iPad", "Android", "Android", "Windows", "Windows", "CrOS", "ChromeOS",
		"Mac OS X", "macOS", "Linux", "Linux")
	switch {
	case browser == "" && system == "":
		return ""
	case system == "":
		return browser
	case browser == "":
		return system
	}
	return browser + " on " + system
}

// first is the name of the first mark that a text has; marks and names take turns.
func first(s string, marks ...string) string {
	for i := 0; i+1 < len(marks); i += 2 {
		if strings.Contains(s, marks[i]) {
			return marks[i+1]
		}
	}
	return ""
}
