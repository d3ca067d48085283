package invoice

import (
	"testing"

	"portico/domain"
	"portico/domain/spec"
)

func drawn(name string) domain.Rendition {
	return domain.Rendition{SHA256: name, Size: 3, Pages: 1, PaperHash: "paper of " + name}
}

func publishedAs(d Document, version int, r domain.Rendition) Published {
	return Published{d.CustomerID, version, d.Hash(), &r}
}

// S0.9: what is published is what was drawn, and each published version is drawn once.
func TestS09PublishedVersionsAreDrawn(t *testing.T) {
	a, b := drawn("a"), drawn("b")
	first, corrected, loose, theirs := document(), document(), document(nobodys), document()
	corrected.Reference, corrected.Description = "PO 8", "Boiler 2"
	correction := ReferenceCorrected{Reference: "PO 8", Description: "Boiler 2"}
	rendered := func(d Document, version int, r domain.Rendition) Rendered {
		return Rendered{d.CustomerID, version, d.Hash(), r}
	}
	imported := events{Issued{first}, published(first, 1)}
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "publishing names the file", Given: events{Issued{first}}, When: Publish{&a}, Then: events{publishedAs(first, 1, a)}},
		{Name: "so does issuing", When: Issue{content(), true, &a}, Then: events{Issued{first}, publishedAs(first, 1, a)}},
		{Name: "not if it does not publish", When: Issue{content(), false, &a}, Then: events{Issued{first}}},
		{Name: "drawn with it: not again", Given: events{Issued{first}, publishedAs(first, 1, a)}, When: Render{1, b}},
		{Name: "published without: drawn later", Given: imported, When: Render{1, a}, Then: events{rendered(first, 1, a)}},
		{Name: "once", Given: with(imported, rendered(first, 1, a)), When: Render{1, b}},
		{Name: "as it was published, not as corrected since", Given: with(imported, correction), When: Render{1, a}, Then: events{rendered(first, 1, a)}},
		{Name: "not a version that was replaced", Given: with(imported, correction, published(corrected, 2)), When: Render{1, a}},
		{Name: "but the one that replaced it", Given: with(imported, rendered(first, 1, a), correction, published(corrected, 2)), When: Render{2, b},
			Then: events{rendered(corrected, 2, b)}},
		{Name: "not what is not published", Given: events{Issued{first}}, When: Render{1, a}},
		{Name: "not what is void", Given: with(imported, Voided{true}), When: Render{1, a}},
		{Name: "not what is nobody's", Given: events{Issued{loose}, published(loose, 1)}, When: Render{1, a}},
		{Name: "until it is somebody's", Given: events{Issued{loose}, published(loose, 1), Assigned{Published: true, Document: theirs}}, When: Render{1, a},
			Then: events{rendered(theirs, 1, a)}},
		{Name: "I3: not what its customer does not see yet", Given: events{Issued{loose}, published(loose, 1), correction, Assigned{Document: corrected}}, When: Render{1, a}},
	})
}

func TestWhatThereIsToPublishAndToDraw(t *testing.T) {
	for _, c := range []struct {
		name                 string
		history              events
		publishable, undrawn bool
	}{
		{"nothing", nil, false, false},
		{"a draft", events{Drafted{content()}}, false, false},
		{"an issued one", events{Issued{document()}}, true, false},
		{"a published one", events{Issued{document()}, published(document(), 1)}, false, true},
		{"one that was drawn", events{Issued{document()}, publishedAs(document(), 1, drawn("a"))}, false, false},
		{"a corrected one", events{Issued{document()}, publishedAs(document(), 1, drawn("a")), ReferenceCorrected{Reference: "x", Description: "y"}}, true, false},
		{"a void one", events{Issued{document()}, Voided{true}}, false, false},
	} {
		s := domain.Fold(Invoice{}, c.history...)
		_, publishable := s.Publishable()
		if _, _, undrawn := s.Undrawn(); publishable != c.publishable || undrawn != c.undrawn {
			t.Errorf("%s: publishable %v, undrawn %v", c.name, publishable, undrawn)
		}
	}
}
