package public

import (
	"reflect"
	"slices"
	"strings"

	"portico/internal/envelope"
)

// Kind is a type of public event. Once released its name, and the names and meanings of its
// data's fields, are forever; fields may be added.
type Kind struct {
	Type     string       // such as portico.invoice.issued.v1
	Stored   string       // the domain event it comes from
	When     string       // a sentence for its readers
	Audience Audience     // the widest it can have
	Data     reflect.Type // a struct whose first field is what the event is about

	subject   string
	translate func(envelope.Event) (data any, audience Audience)
}

// Kinds are all public events there are, in the order of their documentation.
func Kinds() []Kind { return slices.Clone(kinds) }

// kinds is the whole public vocabulary.
var kinds = slices.Concat(
	customerKinds,
	invoiceKinds,
	creditMemoKinds,
	paymentKinds,
	moneyBackKinds,
	creditKinds,
	statementKinds,
	importKinds,
)

var byStored = func() map[string]Kind {
	m := map[string]Kind{}
	for _, k := range kinds {
		if m[k.Stored].Type != "" {
			panic("public: two events for " + k.Stored)
		}
		m[k.Stored] = k
	}
	return m
}()

// of declares that stored events of type E are told as typ, with data of type P.
func of[E, P any](stored, typ string, audience Audience, when string, translate func(envelope.Event, E) P) Kind {
	return some(stored, typ, audience, when, func(e envelope.Event, d E) (*P, Audience) {
		p := translate(e, d)
		return &p, audience
	})
}

// some is of, for what is told only of some events (nil: not of this one) or not always to
// all of the audience.
func some[E, P any](stored, typ string, audience Audience, when string, translate func(envelope.Event, E) (*P, Audience)) Kind {
	return Kind{Type: typ, Stored: stored, When: when, Audience: audience, Data: reflect.TypeFor[P](),
		subject: strings.Split(typ, ".")[1],
		translate: func(e envelope.Event) (any, Audience) {
			d, ok := e.Data.(E)
			if !ok {
				return nil, Owner
			}
			p, audience := translate(e, d)
			if p == nil {
				return nil, Owner
			}
			return *p, audience
		}}
}

// NotPublic are the stored events that other systems are not told of, and why.
var NotPublic = map[string]string{
	"tenant.registered":                 "settings of the business: it made them itself",
	"contact.access_granted":            "who may see what is the business's own affair",
	"contact.access_changed":            "who may see what is the business's own affair",
	"contact.module_revoked":            "who may see what is the business's own affair",
	"contact.access_revoked":            "who may see what is the business's own affair",
	"contact.joined":                    "who may see what is the business's own affair",
	"contact.notices_chosen":            "which mails somebody wants is between them and the business",
	"tenant.settings_changed":           "settings of the business",
	"tenant.branch_added":               "settings of the business",
	"tenant.branch_closed":              "settings of the business",
	"tenant.contractor_added":           "settings of the business",
	"tenant.payment_policy_changed":     "settings of the business",
	"tenant.module_enabled":             "settings of the portal",
	"tenant.module_disabled":            "settings of the portal",
	"tenant.field_visibility_changed":   "settings of the portal",
	"tenant.field_renamed":              "settings of the portal",
	"tenant.job_age_limit_changed":      "settings of the portal",
	"customer.modules_changed":          "settings of the portal",
	"tenant.branding_changed":           "settings of the business",
	"tenant.mail_settings_changed":      "settings of the business",
	"tenant.notification_route_changed": "settings of the business",
	"tenant.host_added":                 "settings of the business: where its portal is",
	"tenant.host_removed":               "settings of the business: where its portal is",
	"tenant.contact_notices_changed":    "settings of the business",
	"invoice.rendered":                  "what the file says was told when it was published: ask for it",
	"credit_memo.rendered":              "what the file says was told when it was issued: ask for it",
	"attachment.added":                  "hidden until it is shared, and may be hidden again: ask for the list",
	"attachment.shared":                 "may be hidden again at any time: ask for the list",
	"attachment.hidden":                 "may be shared again at any time: ask for the list",
	"attachment.replaced":               "hidden until it is shared: ask for the list",
	"attachment.removed":                "ask for the list",
	"invoice.drafted":                   "a draft is nothing yet",
	"account.opened":                    "the first document or payment in a currency says as much",
	"account.invoice_posted":            "follows from invoice.issued or invoice.assigned",
	"account.invoice_adjusted":          "follows from invoice.restated",
	"account.invoice_reversed":          "invoice.voided follows from it",
	"account.credit_posted":             "follows from credit_memo.issued or credit_memo.assigned",
	"account.credit_adjusted":           "follows from credit_memo.restated",
	"account.credit_reversed":           "credit_memo.voided follows from it",
	"reservation.reserved":              "how numbers are kept unique",
	"api_key.issued":                    "who may come in is nobody else's business",
	"api_key.revoked":                   "who may come in is nobody else's business",
	"import.started":                    "import.finished says what came of it",
	"subject.erasure_requested":         "whose data are erased, or kept, is nobody else's business",
	"subject.erasure_refused":           "whose data are erased, or kept, is nobody else's business",
	"subject.erased":                    "whose data are erased, or kept, is nobody else's business",
	"subject.data_exported":             "whose data are erased, or kept, is nobody else's business",
	"subject.legal_hold_placed":         "whose data are erased, or kept, is nobody else's business",
	"subject.legal_hold_released":       "whose data are erased, or kept, is nobody else's business",
	"login.registered":                  "how people sign in is nobody else's business",
	"login.abandoned":                   "how people sign in is nobody else's business",
	"login.password_changed":            "how people sign in is nobody else's business",
	"login.second_factor_enrolled":      "how people sign in is nobody else's business",
	"login.second_factor_removed":       "how people sign in is nobody else's business",
	"login.recovery_codes_made":         "how people sign in is nobody else's business",
	"login.recovery_code_used":          "how people sign in is nobody else's business",
	"login.email_change_requested":      "how people sign in is nobody else's business",
	"login.email_changed":               "how people sign in is nobody else's business",
	"login.email_change_undone":         "how people sign in is nobody else's business",
	"login.credentials_withdrawn":       "how people sign in is nobody else's business",
	"login.locked":                      "how people sign in is nobody else's business",
	"login.unlocked":                    "how people sign in is nobody else's business",
	"login.disabled":                    "how people sign in is nobody else's business",
	"login.enabled":                     "how people sign in is nobody else's business",
	"login.joined":                      "how people sign in is nobody else's business",
	"login.left":                        "how people sign in is nobody else's business",
	"reservation.released":              "how names are kept unique",
	"webhook.registered":                "who is told what is nobody else's business",
	"webhook.changed":                   "who is told what is nobody else's business",
	"webhook.secret_rotated":            "who is told what is nobody else's business",
	"webhook.disabled":                  "who is told what is nobody else's business",
	"webhook.enabled":                   "who is told what is nobody else's business",
	"webhook.removed":                   "who is told what is nobody else's business",
	"staff.added":                       "who may come in is nobody else's business",
	"staff.details_changed":             "who may come in is nobody else's business",
	"staff.roles_changed":               "who may come in is nobody else's business",
	"staff.roles_proposed":              "who may come in is nobody else's business",
	"staff.roles_approved":              "who may come in is nobody else's business",
	"staff.roles_declined":              "who may come in is nobody else's business",
	"staff.joined":                      "who may come in is nobody else's business",
	"staff.removed":                     "who may come in is nobody else's business",
	"guard.announced":                   "Portico's own bookkeeping, before what is announced",
	"roster.owner_joined":               "who may come in is nobody else's business",
	"roster.owner_left":                 "who may come in is nobody else's business",
	"invitation.sent":                   "who may come in is nobody else's business",
	"invitation.superseded":             "who may come in is nobody else's business",
	"invitation.cancelled":              "who may come in is nobody else's business",
	"invitation.expired":                "who may come in is nobody else's business",
	"invitation.accepted":               "who may come in is nobody else's business",
	"invitation.refused":                "who may come in is nobody else's business",
	"tenant.security_policy_changed":    "how people come in is nobody else's business",
}
