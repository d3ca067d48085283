package tenant

import (
	"slices"
	"testing"

	"portico/domain/spec"
)

// S4.5, S4.6: a route for each topic, and one overall list.
func TestNotificationRoutes(t *testing.T) {
	set := func(topic string, to ...string) SetNotificationRoute { return SetNotificationRoute{topic, to} }
	ann := NotificationRouteChanged{"mail_bounced", "ann@example.com,bob@example.com"}
	given := events{registered, ann}
	bad := func(name, address string) spec.Case[Tenant] {
		return spec.Case[Tenant]{Name: name, Given: given, When: set("default", address), Code: "tenant.mail_address"}
	}
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "set", Given: events{registered}, When: set("mail_bounced", " ann@example.com", "bob@example.com", "ann@example.com"), Then: events{ann}},
		{Name: "set again", Given: given, When: set("mail_bounced", "ann@example.com", "bob@example.com")},
		{Name: "clear", Given: given, When: set("mail_bounced"), Then: events{NotificationRouteChanged{"mail_bounced", ""}}},
		{Name: "clear what is clear", Given: given, When: set("default")},
		{Name: "no such topic", Given: given, When: set("gossip", "ann@example.com"), Code: "tenant.unknown_topic"},
		{Name: "too many", Given: given, When: set("default", slices.Repeat([]string{"ann@example.com"}, 21)...), Code: "tenant.too_many_recipients"},
		{Name: "nobody's", When: set("default", "ann@example.com"), Code: "tenant.unknown"},
		bad("a name with it", "Ann <ann@example.com>"), bad("a header with it", "ann@example.com\r\nBcc: bob@example.com"),
		bad("two in one", "ann@example.com,bob@example.com"), bad("nothing", " "),
	})
	if got := ann.Addresses(); !slices.Equal(got, []string{"ann@example.com", "bob@example.com"}) {
		t.Errorf("%q", got)
	}
	if got := (NotificationRouteChanged{}).Addresses(); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestContactNotices(t *testing.T) {
	change := func(topic, to string) ChangeContactNotices { return ChangeContactNotices{topic, to} }
	all := ContactNoticesChanged{"payment_received", "all"}
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "change", Given: events{registered}, When: change("payment_received", "all"), Then: events{all}},
		{Name: "change again", Given: events{registered, all}, When: change("payment_received", "all")},
		{Name: "to what it is at first", Given: events{registered}, When: change("payment_received", "primary")},
		{Name: "to managers, as it is at first", Given: events{registered}, When: change("viewed_as", "managers")},
		{Name: "to managers, where it is not", Given: events{registered}, When: change("payment_received", "managers"), Then: events{ContactNoticesChanged{"payment_received", "managers"}}},
		{Name: "off", Given: events{registered, all}, When: change("payment_received", "off"), Then: events{ContactNoticesChanged{"payment_received", "off"}}},
		{Name: "no such topic", Given: events{registered}, When: change("job_dead", "all"), Code: "tenant.unknown_topic"},
		{Name: "to nobody known", Given: events{registered}, When: change("payment_received", "some"), Code: "tenant.contact_notices"},
		{Name: "nobody's", When: change("payment_received", "all"), Code: "tenant.unknown"},
	})
}

func TestMailSettings(t *testing.T) {
	post := MailSettings{"Portico Ltd", "billing@example.com", "office@example.com", true}
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "change", Given: events{registered}, When: ChangeMailSettings{MailSettings{" Portico Ltd ", " billing@example.com", "office@example.com", true}}, Then: events{MailSettingsChanged{post}}},
		{Name: "change again", Given: events{registered, MailSettingsChanged{post}}, When: ChangeMailSettings{post}},
		{Name: "back to nothing", Given: events{registered, MailSettingsChanged{post}}, When: ChangeMailSettings{}, Then: events{MailSettingsChanged{}}},
		{Name: "a header in the name", Given: events{registered}, When: ChangeMailSettings{MailSettings{FromName: "x\r\nBcc: y@example.com"}}, Code: "field.control_character"},
		{Name: "no address", Given: events{registered}, When: ChangeMailSettings{MailSettings{FromAddress: "billing@"}}, Code: "tenant.mail_address"},
		{Name: "no address to answer to", Given: events{registered}, When: ChangeMailSettings{MailSettings{ReplyTo: "a@example.com, b@example.com"}}, Code: "tenant.mail_address"},
		{Name: "nobody's", When: ChangeMailSettings{post}, Code: "tenant.unknown"},
	})
}
