package projections

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var notificationSettings = engine.NewTable[string, notificationRow]("notification_settings")

type notificationRow struct {
	Tenant          string          `db:"tenant,key"`
	FromName        string          `db:"from_name"`
	FromAddress     string          `db:"from_address"`
	ReplyTo         string          `db:"reply_to"`
	AttachDocuments bool            `db:"attach_documents"`
	Routes          json.RawMessage `db:"routes"`
	Notices         json.RawMessage `db:"notices"`
}

// NotificationSettings are how a tenant's mails look, and whom they go to.
type NotificationSettings struct {
	Mail    tenant.MailSettings `json:"mail"`
	Routes  []NotificationRoute `json:"routes" nullable:"false" doc:"Whom staff notices go to; default is the overall list"`
	Notices []ContactNotice     `json:"contact_notices" nullable:"false" doc:"Which contacts of a customer are told"`
}

// NotificationRoute is whom staff notices of a topic go to.
type NotificationRoute struct {
	Topic      string   `json:"topic"`
	Recipients []string `json:"recipients" nullable:"false"`
}

// ContactNotice is which contacts of a customer are told of a topic.
type ContactNotice struct {
	Topic string `json:"topic"`
	To    string `json:"to" enum:"off,primary,managers,all"`
}

// MyNotice is a topic of mails as a contact has it.
type MyNotice struct {
	Topic    string `json:"topic"`
	To       string `json:"to" enum:"off,primary,managers,all" doc:"Whom of a customer the business tells"`
	Wanted   bool   `json:"wanted" doc:"false: the contact has declined it"`
	Optional bool   `json:"optional" doc:"It can be declined"`
}

// Route is whom staff notices of a topic go to: by its own route, else by the overall list.
func (n NotificationSettings) Route(topic string) []string {
	for _, name := range []string{topic, tenant.DefaultTopic} {
		at := slices.IndexFunc(n.Routes, func(r NotificationRoute) bool { return r.Topic == name })
		if at >= 0 && len(n.Routes[at].Recipients) > 0 {
			return n.Routes[at].Recipients
		}
	}
	return nil
}

// Tells says which contacts are told of a topic: off, primary, managers or all.
func (n NotificationSettings) Tells(topic string) string {
	at := slices.IndexFunc(n.Notices, func(c ContactNotice) bool { return c.Topic == topic })
	if at < 0 {
		return tenant.ToldOf(topic)
	}
	return n.Notices[at].To
}

func applyNotificationSettings(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case tenant.Registered:
		notificationSettings.Put(b, notificationRow{Tenant: e.Meta.Tenant, Routes: json.RawMessage("[]"), Notices: json.RawMessage("[]")})
	case tenant.MailSettingsChanged:
		if r := notificationSettings.Get(b, e.Meta.Tenant); r != nil {
			r.FromName, r.FromAddress, r.ReplyTo, r.AttachDocuments = d.FromName, d.FromAddress, d.ReplyTo, d.AttachDocuments
		}
	case tenant.NotificationRouteChanged:
		return changeNotifications(b, e, func(n *NotificationSettings) {
			n.Routes = slices.DeleteFunc(n.Routes, func(r NotificationRoute) bool { return r.Topic == d.Topic })
			if to := d.Addresses(); len(to) > 0 {
				n.Routes = append(n.Routes, NotificationRoute{d.Topic, to})
			}
		})
	case tenant.ContactNoticesChanged:
		return changeNotifications(b, e, func(n *NotificationSettings) {
			n.Notices = slices.DeleteFunc(n.Notices, func(c ContactNotice) bool { return c.Topic == d.Topic })
			n.Notices = append(n.Notices, ContactNotice(d))
		})
	}
	return nil
}

// changeNotifications edits a tenant's routes and notices.
func changeNotifications(b *engine.Batch, e envelope.Event, change func(*NotificationSettings)) error {
	r := notificationSettings.Get(b, e.Meta.Tenant)
	if r == nil {
		return nil
	}
	n, err := r.view()
	if err != nil {
		return err
	}
	change(&n)
	if r.Routes, err = json.Marshal(n.Routes); err != nil {
		return err
	}
	r.Notices, err = json.Marshal(n.Notices)
	return err
}

func (r notificationRow) view() (NotificationSettings, error) {
	n := NotificationSettings{Mail: tenant.MailSettings{FromName: r.FromName, FromAddress: r.FromAddress, ReplyTo: r.ReplyTo, AttachDocuments: r.AttachDocuments}}
	if err := json.Unmarshal(r.Routes, &n.Routes); err != nil {
		return n, err
	}
	return n, json.Unmarshal(r.Notices, &n.Notices)
}

const sqlNotificationSettings engine.SQL = `select * from {s}.notification_settings where tenant = @tenant`

// GetNotificationSettings is how the tenant's mails look, and whom they go to; for staff.
func (q *Queries) GetNotificationSettings(ctx context.Context, v Viewer) (NotificationSettings, error) {
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return NotificationSettings{}, err
	}
	row, err := one[notificationRow](ctx, q.DB, sqlNotificationSettings, s, pgx.NamedArgs{})
	if errors.Is(err, pgx.ErrNoRows) { // nothing was ever said
		return notificationRow{Routes: json.RawMessage("[]"), Notices: json.RawMessage("[]")}.view()
	}
	if err != nil {
		return NotificationSettings{}, err
	}
	return row.view()
}
