package api

import (
	"net/http"
	"testing"
)

func TestACommandAnswersWithItsReceipt(t *testing.T) {
	w := newWorld(t)
	got := w.call("staff", "POST", "/v1/customers", `{"number":"C-9","legal_name":"Nine Ltd"}`).is(http.StatusCreated, "")
	var r struct {
		ID      string `json:"id"`
		Version *int64 `json:"version"`
		Events  int    `json:"events"`
	}
	if got.into(&r); r.ID == "" || r.Version == nil || r.Events != 1 {
		t.Errorf("receipt %+v", r)
	}
	if p := got.Header().Get("Portico-Position"); p == "" {
		t.Error("no position")
	}
}
