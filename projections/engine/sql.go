package engine

import (
	"strings"
	"sync"
)

// SQL is a statement in which {s} stands for the schema of a build. It is always a
// constant: nothing of a request ever becomes part of it.
type SQL string

var inSchema sync.Map // of struct{SQL, schema} to string

// In is the statement for one build. Equal arguments give the same string, so that
// prepared statements are found again.
func (t SQL) In(schema string) string {
	key := [2]string{string(t), schema}
	if sql, ok := inSchema.Load(key); ok {
		return sql.(string)
	}
	sql, _ := inSchema.LoadOrStore(key, strings.ReplaceAll(string(t), "{s}", schema))
	return sql.(string)
}
