package contact

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/spec"
)

type events = []Event

func TestContact(t *testing.T) {
	acme, because := uuid.UUID{1}, domain.Because{Reason: domain.Reason{Code: "left"}}
	jane := Details{"Jane Doe", "jane@example.com", "+44 1", true, "en-GB"}
	janet := Details{Name: "Janet Doe"}
	mail := func(address string) Add { return Add{CustomerID: acme, Details: Details{Name: "Jane", Email: address}} }
	added, removed := events{Added{CustomerID: acme, Details: jane}}, events{Added{CustomerID: acme, Details: jane}, Removed{acme}}
	spec.Run(t, Types, []spec.Case[Contact]{
		{Name: "add", When: Add{CustomerID: acme, Details: Details{" Jane Doe ", "jane@example.com", "+44 1", true, "en-GB"}}, Then: added},
		{Name: "add again", Given: added, When: Add{CustomerID: acme, Details: jane}},
		{Name: "add another under this id", Given: added, When: Add{CustomerID: acme, Details: janet}, Code: "contact.added"},
		{Name: "add for another customer", Given: added, When: Add{CustomerID: uuid.UUID{2}, Details: jane}, Code: "contact.added"},
		{Name: "E25: who returns is a new contact", Given: removed, When: Add{CustomerID: acme, Details: jane}, Code: "contact.added"},
		{Name: "without a name", When: Add{CustomerID: acme, Details: Details{}}, Code: "field.missing"},
		{Name: "without an address", When: mail(""), Then: events{Added{CustomerID: acme, Details: Details{Name: "Jane"}}}},
		{Name: "with half an address", When: mail("jane@"), Code: "contact.email"},
		{Name: "with more than an address", When: mail("Jane <jane@example.com>"), Code: "contact.email"},
		{Name: "with two addresses", When: mail("a@example.com, b@example.com"), Code: "contact.email"},
		{Name: "with a header in the address", When: mail("a@example.com\r\nBcc: b@example.com"), Code: "contact.email"},
		{Name: "in a language", When: Add{CustomerID: acme, Details: Details{Name: "Jane", Language: "pl_pl"}}, Then: events{Added{CustomerID: acme, Details: Details{Name: "Jane", Language: "pl-PL"}}}},
		{Name: "in no language there is", When: Add{CustomerID: acme, Details: Details{Name: "Jane", Language: "polish!"}}, Code: "contact.language"},
		{Name: "with a header in the language", When: Add{CustomerID: acme, Details: Details{Name: "Jane", Language: "en\r\nBcc: x"}}, Code: "contact.language"},
		{Name: "change", Given: added, When: ChangeDetails{janet}, Then: events{DetailsChanged{acme, janet}}},
		{Name: "change nothing", Given: added, When: ChangeDetails{jane}},
		{Name: "change to nonsense", Given: added, When: ChangeDetails{Details{Name: "J", Email: "x"}}, Code: "contact.email"},
		{Name: "change nobody", When: ChangeDetails{jane}, Code: "contact.unknown"},
		{Name: "change who was removed", Given: removed, When: ChangeDetails{janet}, Code: "contact.removed"},
		{Name: "remove", Given: added, When: Remove{because}, Then: events{Removed{acme}}},
		{Name: "remove again", Given: removed, When: Remove{because}},
		{Name: "remove without a reason", Given: added, When: Remove{}, Code: "reason.missing"},
		{Name: "remove nobody", When: Remove{because}, Code: "contact.unknown"},
		{Name: "choose some mails", Given: added, When: ChooseNotices{[]string{"payment_received"}}, Then: events{NoticesChosen{[]string{"invoice_published", "credit_memo_issued"}}}},
		{Name: "choose all, as it was", Given: added, When: ChooseNotices{Declinable}},
		{Name: "choose none", Given: added, When: ChooseNotices{}, Then: events{NoticesChosen{Declinable}}},
		{Name: "choose all again", Given: append(added[:1:1], NoticesChosen{Declinable}), When: ChooseNotices{Declinable}, Then: events{NoticesChosen{[]string{}}}},
		{Name: "choose what cannot be declined", Given: added, When: ChooseNotices{[]string{"viewed_as"}}, Code: "contact.notice"},
		{Name: "choose for nobody", When: ChooseNotices{}, Code: "contact.unknown"},
	})
	s := domain.Fold(Contact{}, added...)
	if gone := (Removed{acme}).Evolve(s); s.CustomerID() != acme || gone.CustomerID() != uuid.Nil {
		t.Errorf("of %s, then of %s", s.CustomerID(), gone.CustomerID())
	}
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Contact](t, Types) }

// Version 1 knew no language: its events say that there is none. Before version 3 there were
// no grants: contacts saw what was published.
func TestOlderContactsSpeakNoLanguageAndSeeWhatWasPublished(t *testing.T) {
	for name, want := range map[string]any{
		"contact.added":           Added{CustomerID: uuid.UUID{1}, Details: Details{Name: "J"}, Grants: access.BeforeGrants()},
		"contact.details_changed": DetailsChanged{uuid.UUID{1}, Details{Name: "J"}},
	} {
		got, err := domain.NewCatalog(Types).Decode(name, 1, []byte(`{"customer_id":"01000000-0000-0000-0000-000000000000","name":"J"}`))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}
