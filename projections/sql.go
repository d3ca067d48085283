package projections

import (
	"strings"
	"sync"
)

// text is SQL in which {s} stands for the schema of a build. It is always a constant of
// this package: nothing of a request ever becomes part of it.
type text string

var inSchema sync.Map // of struct{text, schema} to string

// in is the statement for one build. Equal arguments give the same string, so that
// prepared statements are found again.
func (t text) in(schema string) string {
	key := [2]string{string(t), schema}
	if sql, ok := inSchema.Load(key); ok {
		return sql.(string)
	}
	sql, _ := inSchema.LoadOrStore(key, strings.ReplaceAll(string(t), "{s}", schema))
	return sql.(string)
}
