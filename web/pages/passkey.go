package pages

import (
	"context"

	"github.com/a-h/templ"

	"portico/web/ui"
)

// passkeyWords are what passkey.js may have to say, in the reader's language.
func passkeyWords(ctx context.Context) templ.Attributes {
	return templ.Attributes{
		"data-cancelled": t(ctx, "passkey.cancelled"), "data-known": t(ctx, "passkey.known"), "data-none": t(ctx, "passkey.none"),
		"data-failed": t(ctx, "passkey.failed"), "data-expired": t(ctx, "passkey.expired"), "data-confirm": t(ctx, "passkey.confirm"),
		"data-other": t(ctx, "passkey.other"),
	}
}

func passkeyName(ctx context.Context) ui.Field {
	f := fieldOf(ctx, "name", "text", "off")
	f.Label, f.Required = t(ctx, "passkey.name"), true
	return f
}
