package eventstore

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

type text string // keeps SQL constant: a value of another string type does not compile

// call is a function of the schema es that appends a batch and answers a position, or
// NULL if it wrote nothing because a stream is elsewhere.
type call struct {
	sql  text
	oids []uint32
}

var (
	appendOne = call{`SELECT es.append_one($1, $2, $3, $4, $5, $6)`, []uint32{pgtype.TextOID, pgtype.Int8OID,
		pgtype.UUIDArrayOID, pgtype.TextArrayOID, pgtype.ByteaArrayOID, pgtype.ByteaArrayOID}}
	appendMany = call{`SELECT es.append_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, []uint32{
		pgtype.TextArrayOID, pgtype.Int8ArrayOID, pgtype.Int4ArrayOID, pgtype.Int4ArrayOID, pgtype.Int4ArrayOID, pgtype.Int4ArrayOID,
		pgtype.UUIDArrayOID, pgtype.TextArrayOID, pgtype.ByteaArrayOID, pgtype.ByteaArrayOID}}
)

// binaryFormat asks for PostgreSQL's binary form of every parameter, and of the result.
var binaryFormat = []int16{1}

// invoke makes the call. It goes below pgx's own methods because their conversions cost a
// lone append a tenth of its time.
//
// The statement is prepared, which saves the server parsing it each time, until a
// connection turns out not to be the session that prepared it: then a transaction pooler
// stands in front. Nothing was executed, and from then on nothing is prepared.
func (p *Postgres) invoke(ctx context.Context, conn *pgxpool.Conn, c call, args [][]byte) (pos uint64, ok bool, err error) {
	if p.pooled.Load() {
		return position(conn.Conn().PgConn().ExecParams(ctx, string(c.sql), args, c.oids, binaryFormat, binaryFormat))
	}
	prepared, err := conn.Conn().Prepare(ctx, string(c.sql), string(c.sql))
	if err == nil {
		pos, ok, err = position(conn.Conn().PgConn().ExecPrepared(ctx, prepared.Name, args, binaryFormat, binaryFormat))
	}
	if otherSession(err) {
		p.pooled.Store(true)
		return p.invoke(ctx, conn, c, args)
	}
	return pos, ok, err
}

// position reads the one value that a call answers with.
func position(r *pgconn.ResultReader) (pos uint64, ok bool, err error) {
	result := r.Read()
	switch {
	case result.Err != nil:
		return 0, false, result.Err
	case len(result.Rows) != 1 || len(result.Rows[0]) != 1:
		return 0, false, fmt.Errorf("an append answered with %d rows", len(result.Rows))
	case result.Rows[0][0] == nil:
		return 0, false, nil
	}
	return binary.BigEndian.Uint64(result.Rows[0][0]), true, nil
}

// one lays a request out as the arguments of es.append_one.
func one(r *request) [][]byte {
	e := newEvents(len(r.events), r.size)
	e.add(r.events)
	return append([][]byte{[]byte(r.stream), binary.BigEndian.AppendUint64(nil, uint64(r.expected))}, e.args()...)
}

// many lays a batch out as the arguments of es.append_many.
func many(batch []*request) [][]byte {
	n, size, names := 0, 0, 0
	for _, r := range batch {
		n, size, names = n+len(r.events), size+r.size, names+len(r.stream)
	}
	var (
		stream   = newArray(pgtype.TextOID, len(batch), names)
		expected = newArray(pgtype.Int8OID, len(batch), 8*len(batch))
		count    = newArray(pgtype.Int4OID, len(batch), 4*len(batch))
		last     = newArray(pgtype.Int4OID, len(batch), 4*len(batch))
		rq, k    = newArray(pgtype.Int4OID, n, 4*n), newArray(pgtype.Int4OID, n, 4*n)
		e        = newEvents(n, size)
		end      int
	)
	for i, r := range batch {
		end += len(r.events)
		stream.text(string(r.stream))
		expected.int8(r.expected)
		count.int4(len(r.events))
		last.int4(end)
		for j := range r.events {
			rq.int4(i + 1)
			k.int4(j + 1)
		}
		e.add(r.events)
	}
	return append([][]byte{stream, expected, count, last, rq, k}, e.args()...)
}

// events are the four arrays that both calls end with.
type events struct{ id, types, data, meta array }

// newEvents makes room for n events of size bytes; most of them are data.
func newEvents(n, size int) *events {
	return &events{newArray(pgtype.UUIDOID, n, 16*n), newArray(pgtype.TextOID, n, 32*n),
		newArray(pgtype.ByteaOID, n, size), newArray(pgtype.ByteaOID, n, size/2)}
}

func (e *events) add(all []Event) {
	for i := range all {
		e.id.bytes(all[i].ID[:])
		e.types.text(all[i].Type)
		e.data.bytes(all[i].Data)
		e.meta.bytes(all[i].Meta)
	}
}

func (e *events) args() [][]byte { return [][]byte{e.id, e.types, e.data, e.meta} }

// array is a one-dimensional array without NULLs in PostgreSQL's binary form.
type array []byte

func newArray(element uint32, n, size int) array {
	a := make(array, 0, 20+4*n+size)
	for _, header := range []uint32{1, 0, element, uint32(n), 1} { // dimensions, NULLs, type, length, first index
		a = binary.BigEndian.AppendUint32(a, header)
	}
	return a
}

func (a *array) bytes(b []byte) {
	*a = append(binary.BigEndian.AppendUint32(*a, uint32(len(b))), b...)
}

func (a *array) text(s string) {
	*a = append(binary.BigEndian.AppendUint32(*a, uint32(len(s))), s...)
}

func (a *array) int4(n int) {
	*a = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(*a, 4), uint32(n))
}

func (a *array) int8(n int64) {
	*a = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(*a, 8), uint64(n))
}
