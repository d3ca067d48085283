package notify

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/contact"
	"portico/internal/jobs"
	"portico/internal/mail"
	"portico/projections"
)

// news is what there is to say, before its words.
type news struct {
	words  string            // key of the words; "": the topic's name
	values map[string]string // in the words
	rows   []row
	link   string // a path of the portal; "": none
}

// row is one fact; Label is a key of the texts until it is written.
type row struct{ Label, Value string }

func (s *news) value(name, v string) {
	if s.values == nil {
		s.values = map[string]string{}
	}
	s.values[name] = v
}

// row adds a fact, if there is one.
func (s *news) row(label, v string) {
	if v != "" {
		s.rows = append(s.rows, row{label, v})
	}
}

// addressee is whom a letter is for, as of now.
type addressee struct {
	mail.Address
	viewer   projections.Viewer // as whom to look
	language string
	customer projections.Customer
}

// Compose writes the mail of a mail.send job, as the recipient may see it at this moment.
func (n *Notices) Compose(ctx context.Context, j jobs.Job) (mail.Message, error) {
	var l letter
	if err := j.Into(&l); err != nil {
		return mail.Message{}, err
	}
	if l.Login != uuid.Nil {
		return n.toLogin(ctx, j, l)
	}
	if l.Invitation != uuid.Nil {
		return n.toInvited(ctx, j, l)
	}
	t, known := topicOf(l.Topic)
	if !known {
		// Perhaps only here: a newer server that runs beside this one knows it.
		return mail.Message{}, errors.New("notify: there is no topic " + l.Topic)
	}
	business, err := n.Queries.GetTenant(ctx, itself(j.Tenant))
	if err != nil {
		return mail.Message{}, err
	}
	settings, err := n.Queries.GetNotificationSettings(ctx, itself(j.Tenant))
	if err != nil {
		return mail.Message{}, err
	}
	to, err := n.addressee(ctx, j.Tenant, l)
	if err != nil {
		return mail.Message{}, err
	}
	r := readerOf(to.language, business.Locale)
	said, err := t.tell(ctx, n, to.viewer, r, l.About)
	if err != nil {
		return mail.Message{}, err
	}
	var attached []mail.Attachment
	if settings.Mail.AttachDocuments {
		if attached, err = n.document(ctx, to.viewer, t, l.About.ID); err != nil {
			return mail.Message{}, err
		}
	}
	m := mail.Message{Kind: t.name, Customer: l.About.Customer, Contact: l.Contact, To: to.Address, ReplyTo: settings.Mail.ReplyTo,
		Attachments: attached, From: mail.Address{Name: settings.Mail.FromName, Address: settings.Mail.FromAddress}, Language: r.tag.String()}
	if m.From.Name == "" {
		m.From.Name = business.Name
	}
	if m.From.Address == "" {
		m.From.Address = n.Sender
	}
	return n.page(r, t, said, to, look{business.Name, business.Branding.Colour}).into(m)
}

// document is the file that the portal gives a reader of the same thing: those very bytes.
// One that is being drawn is waited for.
func (n *Notices) document(ctx context.Context, v projections.Viewer, t topic, id uuid.UUID) ([]mail.Attachment, error) {
	find := enclosures[t.name]
	if find == nil {
		return nil, nil
	}
	d, err := find(n.Queries, ctx, v, id, projections.DocumentOptions{})
	var none *domain.Error
	if errors.As(err, &none) && none.Kind == domain.KindNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []mail.Attachment{{Name: d.Number + ".pdf", MediaType: "application/pdf", SHA256: d.SHA256, Size: d.Size}}, nil
}

// addressee is whom a letter is for, if they are still to get it: a contact whose membership
// lasts, of a customer whose portal is on (I3), or an address that is still on the route.
func (n *Notices) addressee(ctx context.Context, code string, l letter) (to addressee, err error) {
	if l.Contact == uuid.Nil {
		to.viewer = itself(code)
		to.Address.Address, err = n.route(ctx, to.viewer, l.Topic, l.Route)
		if err == nil && to.Address.Address == "" {
			err = mail.ErrUnwanted
		}
		return to, err
	}
	mine, _, err := n.Commands.StandingOf(ctx, code, l.Contact)
	if err != nil {
		return to, err
	}
	if !slices.Contains(mine.Seen(), l.About.Customer) {
		return to, mail.ErrUnwanted
	}
	contacts, err := n.contacts(ctx, code, l.About.Customer)
	if err != nil {
		return to, err
	}
	at := slices.IndexFunc(contacts, func(c projections.Contact) bool { return c.ID == l.Contact })
	if at < 0 {
		return to, mail.ErrUnwanted
	}
	c := contacts[at]
	to = addressee{Address: mail.Address{Name: c.Name, Address: c.Email}, language: c.Language,
		viewer: projections.Viewer{Tenant: code, Kind: "contact", ID: c.ID, Standing: &mine}}
	to.customer, err = n.Queries.GetCustomer(ctx, itself(code), l.About.Customer) // its name, whatever else the contact may see of it
	if err != nil {
		err = unseen(err)
	}
	return to, err
}

// page is the letter in words.
func (n *Notices) page(r reader, t topic, said news, to addressee, l look) page {
	said.value("tenant", l.Name)
	w := r.Topics[cmp.Or(said.words, t.name)]
	p := page{reader: r, look: l.complete(), Subject: r.fill(w.Subject, said.values, true), Lead: r.fill(w.Lead, said.values, false),
		Greeting: r.Hello, Why: r.fill(r.WhyStaff, said.values, false)}
	if !t.staff {
		p.Why = r.fill(r.Why, map[string]string{"customer": to.customer.Name, "number": to.customer.Number}, false)
	}
	if to.Name != "" {
		p.Greeting = r.fill(r.Greeting, map[string]string{"name": to.Name}, false)
	}
	for _, f := range said.rows {
		p.Rows = append(p.Rows, row{r.label(f.Label), f.Value})
	}
	if at := n.portal(to.viewer.Tenant); said.link != "" && at != "" {
		p.Link, p.Button = at+said.link, w.Button
		if slices.Contains(contact.Declinable, t.name) {
			p.Choices = at + "/notifications"
		}
	}
	return p
}

// portal is where a tenant's people reach Portico, without a slash at its end.
func (n *Notices) portal(tenant string) string {
	at := n.PublicURL
	if n.Portal != nil {
		at = n.Portal(tenant)
	}
	return strings.TrimRight(at, "/")
}
