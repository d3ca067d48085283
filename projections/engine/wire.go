package engine

import (
	"encoding/json"
	"reflect"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// array is a column of rows in the form in which unnest takes it.
func (c *column) array(rows []reflect.Value) any {
	switch c.kind {
	case isUUID:
		return pgtype.FlatArray[pgtype.UUID](collect(c, rows, uuidOf))
	case isUUIDPtr:
		return pgtype.FlatArray[pgtype.UUID](collect(c, rows, uuidAt))
	case isText:
		return collect(c, rows, reflect.Value.String)
	case isInt:
		return collect(c, rows, reflect.Value.Int)
	case isUint:
		return collect(c, rows, func(f reflect.Value) string { return strconv.FormatUint(f.Uint(), 10) })
	case isBool:
		return collect(c, rows, reflect.Value.Bool)
	case isTime:
		return collect(c, rows, func(f reflect.Value) time.Time { return *f.Addr().Interface().(*time.Time) })
	case isTimePtr:
		return collect(c, rows, func(f reflect.Value) *time.Time { return *f.Addr().Interface().(**time.Time) })
	case isJSON:
		return collect(c, rows, func(f reflect.Value) *string {
			raw := *f.Addr().Interface().(*json.RawMessage)
			if raw == nil {
				return nil
			}
			s := string(raw)
			return &s
		})
	}
	return collect(c, rows, func(f reflect.Value) []byte { return *f.Addr().Interface().(*[]byte) })
}

// pgx takes its own type for a UUID many times faster than google's.
func uuidOf(f reflect.Value) pgtype.UUID {
	return pgtype.UUID{Bytes: *f.Addr().Interface().(*uuid.UUID), Valid: true}
}

func uuidAt(f reflect.Value) pgtype.UUID {
	if id := *f.Addr().Interface().(**uuid.UUID); id != nil {
		return pgtype.UUID{Bytes: *id, Valid: true}
	}
	return pgtype.UUID{}
}

func collect[T any](c *column, rows []reflect.Value, value func(reflect.Value) T) []T {
	values := make([]T, len(rows))
	for i, row := range rows {
		values[i] = value(row.FieldByIndex(c.index))
	}
	return values
}

// value is a field in the form in which COPY takes it for a column of the type.
func (c *column) value(row reflect.Value, typ string) any {
	f := row.FieldByIndex(c.index)
	switch c.kind {
	case isText:
		switch v := f.String(); {
		case v == "" && !isString(typ):
			return nil
		case typ == "date":
			if day, err := time.Parse(time.DateOnly, v); err == nil {
				return day
			}
			return v
		default:
			return v
		}
	case isUUID:
		return uuidOf(f)
	case isUUIDPtr:
		return uuidAt(f)
	case isInt:
		return f.Int()
	case isUint:
		return strconv.FormatUint(f.Uint(), 10)
	case isBool:
		return f.Bool()
	case isJSON, isBytes, isTimePtr:
		if f.IsNil() {
			return nil
		}
	}
	return f.Interface()
}

// target is where a field is scanned to.
func (c *column) target(row reflect.Value) any {
	p := row.FieldByIndex(c.index).Addr()
	switch c.kind {
	case isText:
		return p.Convert(reflect.TypeFor[*string]()).Interface()
	case isUUID:
		return p.Convert(reflect.TypeFor[*[16]byte]()).Interface()
	case isJSON:
		return p.Convert(reflect.TypeFor[*[]byte]()).Interface()
	case isUint:
		return decimal{p.Elem()}
	}
	return p.Interface()
}

// decimal scans decimal text into an unsigned field.
type decimal struct{ field reflect.Value }

func (d decimal) Scan(src any) error {
	n, err := strconv.ParseUint(src.(string), 10, 64)
	d.field.SetUint(n)
	return err
}
