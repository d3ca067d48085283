package projections

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

var fieldsByColumn sync.Map // of reflect.Type to map[string][]int

// collect reads rows into the fields of R that are tagged with its columns' names. Unlike
// pgx's own it reads dates into text, "" for NULL: a domain.Date is text.
func collect[R any](rows pgx.Rows) (all []R, err error) {
	defer rows.Close()
	if err := rows.Err(); err != nil { // of a batch that was cut off: there are no columns
		return nil, err
	}
	var r, blank R
	into, err := targets(reflect.ValueOf(&r).Elem(), rows.FieldDescriptions())
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		r = blank // what a row leaves out must not be the last row's
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// targets are the fields of v that columns are read into, in their order: the same for
// all rows, so that pgx plans the reading once.
func targets(v reflect.Value, columns []pgconn.FieldDescription) ([]any, error) {
	fields, into := columnsOf(v.Type()), make([]any, len(columns))
	for i, c := range columns {
		index, ok := fields[c.Name]
		if !ok {
			return nil, fmt.Errorf("projections: %s has no column %q", v.Type(), c.Name)
		}
		field := v.FieldByIndex(index)
		if c.DataTypeOID == pgtype.DateOID && field.Kind() == reflect.String {
			into[i] = &dateText{field}
		} else {
			into[i] = field.Addr().Interface()
		}
	}
	return into, nil
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
func (d *dateText) ScanDate(v pgtype.Date) error {
	d.to.SetString("")
	if v.Valid {
		d.to.SetString(v.Time.Format(time.DateOnly))
	}
	return nil
}
