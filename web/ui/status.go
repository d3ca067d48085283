package ui

// Tone is what a colour means; every tone comes with a word and an icon, so that colour is
// never the only cue.
type Tone string

// The tones.
const (
	Plain Tone = ""
	OK    Tone = "ok"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
	Info  Tone = "info"
	Brand Tone = "brand"
)

// look is how a status is shown. Its words are the text "status." + key.
type look struct {
	tone Tone
	icon string
}

var statuses = map[string]look{
	"paid":        {OK, "check"},
	"unpaid":      {Plain, "clock"},
	"due":         {Warn, "clock"},
	"overdue":     {Bad, "circle-alert"},
	"part":        {Info, "circle-dot"},
	"processing":  {Info, "loader-circle"},
	"draft":       {Plain, "pencil"},
	"void":        {Plain, "x"},
	"credited":    {Plain, "undo-2"},
	"applied":     {OK, "check"},
	"open":        {Info, "circle-dot"},
	"received":    {OK, "check"},
	"reversed":    {Warn, "undo-2"},
	"failed":      {Bad, "circle-x"},
	"disputed":    {Warn, "message-square"},
	"written_off": {Plain, "file-minus"},
	"active":      {OK, "check"},
	"invited":     {Info, "mail"},
	"revoked":     {Bad, "user-x"},
	"none":        {Plain, "circle"},
	"updating":    {Info, "loader-circle"},
}

// HasStatus says whether Chip knows a status.
func HasStatus(key string) bool {
	_, ok := statuses[key]
	return ok
}

func statusOf(key string) look {
	l, ok := statuses[key]
	if !ok {
		panic("ui: no status " + key)
	}
	return l
}

func toneIcon(tone Tone) string {
	switch tone {
	case OK:
		return "check"
	case Warn:
		return "triangle-alert"
	case Bad:
		return "circle-alert"
	}
	return "info"
}
