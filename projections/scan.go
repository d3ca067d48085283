package projections

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

var fieldsByColumn sync.Map // of reflect.Type to map[string][]int

// scan reads a row into the fields of R that are tagged with its columns' names. Unlike
// pgx's own it reads dates into text, "" for NULL: a domain.Date is text.
func scan[R any](row pgx.CollectableRow) (r R, err error) {
	fields := columnsOf(reflect.TypeFor[R]())
	v := reflect.ValueOf(&r).Elem()
	into := make([]any, len(row.FieldDescriptions()))
	for i, f := range row.FieldDescriptions() {
		index, ok := fields[f.Name]
		if !ok {
			return r, fmt.Errorf("projections: %T has no column %q", r, f.Name)
		}
		field := v.FieldByIndex(index)
		if f.DataTypeOID == pgtype.DateOID && field.Kind() == reflect.String {
			into[i] = dateText{field}
		} else {
			into[i] = field.Addr().Interface()
		}
	}
	return r, row.Scan(into...)
}

func columnsOf(t reflect.Type) map[string][]int {
	if known, ok := fieldsByColumn.Load(t); ok {
		return known.(map[string][]int)
	}
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("db"), ","); name != "" && name != "-" {
			fields[name] = f.Index
		}
	}
	known, _ := fieldsByColumn.LoadOrStore(t, fields)
	return known.(map[string][]int)
}

type dateText struct{ to reflect.Value }

// ScanDate writes the date as text.
func (d dateText) ScanDate(v pgtype.Date) error {
	d.to.SetString("")
	if v.Valid {
		d.to.SetString(v.Time.Format(time.DateOnly))
	}
	return nil
}
