package pages

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/web/text"
)

// A leaf is one value of an event, as people read it. Its key is where it is: "lines.0001.text".
type leaf struct {
	label, text string
	reference   bool // to another record, by its id
}

type leafs map[string]leaf

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// overlaid is what stands after an event has said something: members are what its type could say.
func (l leafs) overlaid(said leafs, members []string) leafs {
	out := leafs{}
	for key, was := range l {
		member, _, _ := strings.Cut(key, ".")
		if !slices.Contains(members, member) {
			out[key] = was
		}
	}
	maps.Copy(out, said)
	return out
}

func leafsOf(ctx context.Context, data json.RawMessage) leafs {
	all, members := leafs{}, dataOf(data)
	code, _ := members["currency"].(string)
	for name, v := range members {
		all.put(ctx, name, capital(name), code, v)
	}
	return all
}

// put notes a value and those in it. What is empty is not there.
func (l leafs) put(ctx context.Context, key, label, code string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if said := plainly(ctx, v); said != "" {
			l[key] = leaf{label: label, text: said}
			return
		}
		for name, in := range v {
			l.put(ctx, key+"."+name, label+": "+strings.ReplaceAll(name, "_", " "), code, in)
		}
	case []any:
		if words := texts(ctx, v); words != "" {
			l[key] = leaf{label: label, text: words}
			return
		}
		for i, in := range v {
			if l.grant(ctx, key, label, in) {
				continue
			}
			l.put(ctx, fmt.Sprintf("%s.%04d", key, i), label+" "+strconv.Itoa(i+1), code, in)
		}
	case json.Number:
		l[key] = leaf{label: label, text: counted(ctx, key, code, v)}
	case string:
		if v != "" {
			l[key] = leaf{label: label, text: worded(ctx, v), reference: uuid.Validate(v) == nil}
		}
	case bool:
		l[key] = leaf{label: label, text: plainly(ctx, v)}
	}
}

// grant notes what is allowed or denied under the module that it is about, so that one more, or
// one less, of a list does not look like a change to those after it.
func (l leafs) grant(ctx context.Context, key, label string, v any) bool {
	of, _ := v.(map[string]any)
	module, isOne := of["module"].(string)
	actions, lists := of["actions"].([]any)
	if !isOne || !lists {
		return false
	}
	key, label = key+"."+module, label+": "+strings.ReplaceAll(module, "_", " ")
	for at := key; ; at += "+" { // of one module there can be several
		if _, taken := l[at]; !taken {
			key = at
			break
		}
	}
	said := texts(ctx, actions)
	if of["deny"] == true {
		said = t(ctx, "staff.record_denied", "what", said)
	}
	l[key] = leaf{label: label, text: said}
	if scope, narrowed := of["scope"]; narrowed {
		l.put(ctx, key+".scope", label+": scope", "", scope)
	}
	return true
}

// texts are a list of nothing but texts, in a line; "" for other lists.
func texts(ctx context.Context, list []any) string {
	var words []string
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return ""
		}
		words = append(words, worded(ctx, s))
	}
	return strings.Join(words, ", ")
}

// inMinorUnits are the members of events that are amounts in minor units of their document's
// currency; numbers under all other names count things.
var inMinorUnits = map[string]bool{"net": true, "gross": true, "lines_total": true, "withheld": true, "retained": true, "minor": true, "minimum": true}

func counted(ctx context.Context, key, code string, n json.Number) string {
	whole, err := n.Int64()
	switch {
	case err != nil || !inMinorUnits[key[strings.LastIndexByte(key, '.')+1:]]:
		return n.String()
	case code == "":
		return t(ctx, "staff.record_minor", "n", n.String())
	}
	return cash(ctx, domain.Money{Minor: whole, Currency: code})
}

var codeLike = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

// worded is a text as people write it: days, instants and codes have ways of their own.
func worded(ctx context.Context, s string) string {
	if hash.MatchString(s) {
		return short(s) + "…"
	}
	if _, err := time.Parse(time.DateOnly, s); err == nil {
		return date(ctx, domain.Date(s))
	}
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return text.Of(ctx).Instant(at)
	}
	if codeLike.MatchString(s) {
		return strings.ReplaceAll(s, "_", " ")
	}
	return clipped(s)
}

// hash are names of contents: their beginnings tell them apart, and their whole breaks lines.
var hash = regexp.MustCompile(`^[0-9a-f]{40,}$`)

func capital(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "_", " ")
}

var unsaid = regexp.MustCompile(`\{[a-z_]+\}`)

// eventWords say what happened in a sentence, with what the event carries. What is not there, or
// was erased, is a dash; an event that a newer program wrote is told by its name.
func eventWords(ctx context.Context, kind string, data json.RawMessage) string {
	key := "staff.event." + kind
	if !text.Has(key) {
		return inWords(kind)
	}
	var with []string
	said := leafsOf(ctx, data)
	for _, name := range unsaid.FindAllString(t(ctx, key), -1) {
		name = strings.Trim(name, "{}")
		with = append(with, name, cmp.Or(said[name].text, "—"))
	}
	return t(ctx, key, with...)
}
