package attachment

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

type events = []Event

func TestAttachment(t *testing.T) {
	acme, other, inv := uuid.UUID{1}, uuid.UUID{2}, Owner{"invoice", uuid.UUID{7}}
	because := domain.Because{Reason: domain.Reason{Code: "wrong_photo", Text: "the neighbour's"}}
	one := File{strings.Repeat("1", 64), 10, "image/png"}
	two := File{strings.Repeat("2", 64), 20, "application/pdf"}

	named := func(f File, name string) Named { return Named{f.SHA256, name} }
	add := Add{inv, named(one, "photo.png"), Facts{acme, one}}
	added := Added{acme, inv, "photo.png", one}
	share := Share{one.SHA256, Facts{CustomerID: acme}}
	shared, hidden := Shared{one.SHA256}, Hidden{one.SHA256, "wrong_photo"}
	replaced := Replaced{acme, "report.pdf", two, one.SHA256}
	renamed := Replaced{acme, "boiler.png", one, one.SHA256}

	spec.Run(t, Types, []spec.Case[Attachment]{
		{Name: "S4.26 a file is added hidden", When: add, Then: events{added}},
		{Name: "adding the same again is nothing", Given: events{added}, When: add},
		{Name: "an attachment is added once", Given: events{added}, When: Add{inv, named(two, "x.pdf"), Facts{acme, two}}, Code: "attachment.added"},
		{Name: "what is nobody's takes no files", When: Add{inv, named(one, "x.png"), Facts{uuid.Nil, one}}, Code: "attachment.owner_unassigned"},
		{Name: "a name is made harmless", When: Add{inv, named(two, "../invoice\u202efdp.exe"), Facts{acme, two}},
			Then: events{Added{acme, inv, "invoicefdp.pdf", two}}},

		{Name: "S4.27 a tick shares it", Given: events{added}, When: share, Then: events{shared}},
		{Name: "sharing twice is once", Given: events{added, shared}, When: share},
		{Name: "E41 nobody shares what they have not seen", Given: events{added, replaced}, When: share, Code: "attachment.replaced"},
		{Name: "what moved to another customer is not shared", Given: events{added}, When: Share{one.SHA256, Facts{CustomerID: other}}, Code: "attachment.owner_moved"},
		{Name: "what is not there is not shared", When: share, Code: "attachment.unknown"},

		{Name: "S4.28 the tick is taken away", Given: events{added, shared}, When: Hide{because}, Then: events{hidden}},
		{Name: "hiding what is hidden is nothing", Given: events{added}, When: Hide{because}},
		{Name: "hiding needs a reason", Given: events{added, shared}, When: Hide{}, Code: "reason.missing"},
		{Name: "what was hidden can be shared again", Given: events{added, shared, hidden}, When: share, Then: events{shared}},

		{Name: "a file is replaced", Given: events{added, shared}, When: Replace{named(two, "report.pdf"), Facts{File: two}}, Then: events{replaced}},
		{Name: "E41 the share belonged to the bytes", Given: events{added, shared, replaced}, When: Share{two.SHA256, Facts{CustomerID: acme}},
			Then: events{Shared{two.SHA256}}},
		{Name: "E41 bytes that come back start hidden too", Given: events{added, shared, replaced, Replaced{acme, "photo.png", one, two.SHA256}}, When: share,
			Then: events{shared}},
		{Name: "E41 another name leaves the share", Given: events{added, shared, renamed}, When: share},
		{Name: "replacing by the same is nothing", Given: events{added, shared}, When: Replace{named(one, "photo.png"), Facts{File: one}}},
		{Name: "what is not there is not replaced", When: Replace{named(one, "photo.png"), Facts{File: one}}, Code: "attachment.unknown"},

		{Name: "a file is removed", Given: events{added, shared}, When: Remove{because}, Then: events{Removed{one.SHA256}}},
		{Name: "removing twice is once", Given: events{added, Removed{one.SHA256}}, When: Remove{because}},
		{Name: "removing needs a reason", Given: events{added}, When: Remove{}, Code: "reason.missing"},
		{Name: "what was removed is not shared", Given: events{added, Removed{one.SHA256}}, When: share, Code: "attachment.removed"},
		{Name: "what was removed does not come back", Given: events{added, Removed{one.SHA256}}, When: add, Code: "attachment.added"},
	})

	for _, c := range []struct {
		history events
		one     bool
	}{{events{added}, false}, {events{added, shared}, true}, {events{added, shared, hidden}, false}, {events{added, shared, replaced}, false},
		{events{added, shared, renamed}, true}, {events{added, shared, Removed{one.SHA256}}, false}, {events{added, shared, replaced, Shared{one.SHA256}}, false}} {
		s := domain.Fold(Attachment{}, c.history...)
		if s.Shows(one.SHA256) != c.one || s.Shows(two.SHA256) {
			t.Errorf("%+v: shows %v", c.history, s.Shows(one.SHA256))
		}
	}
}
