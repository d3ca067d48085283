package envelope_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portico/domain/customer"
)

// Read models get the data whole, and of the envelope nothing that is sealed.
func TestOpenDataLeavesOutWhatIsSealedInTheEnvelope(t *testing.T) {
	w := newWorld()
	r := w.seal(t, stream("customer", acme), customer.Registered{Number: "7", Details: customer.Details{LegalName: "Secret Sons"}})
	whole := w.open(t, r)
	if whole.Meta.Origin.IP != "203.0.113.77" || whole.Meta.Reason.Text == "" {
		t.Fatalf("%+v", whole.Meta)
	}
	data, err := w.OpenData(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if m := data.Meta; m.Origin.IP != "" || m.Origin.UserAgent != "" || m.Reason.Text != "" || m.Reason.Code != "asked" {
		t.Errorf("%+v", m)
	}
	whole.Meta.Origin.IP, whole.Meta.Origin.UserAgent, whole.Meta.Reason.Text = "", "", ""
	if d := cmp.Diff(whole, data); d != "" {
		t.Error(d)
	}
}
