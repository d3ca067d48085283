package api

import (
	"net/http"
	"strings"
)

// Card data is typed at the payment provider's, never here (PCI DSS v4 3.3.1): who sends a
// field of such a name has taken Portico for one, and is told so before anything is read
// from it. Names are written in lower case without what joins words.
var cardFields = map[string]bool{
	"pan": true, "cardnumber": true, "primaryaccountnumber": true, "cardno": true,
	"cvv": true, "cvv2": true, "cvc": true, "cvc2": true, "cid": true, "csc": true, "cardsecuritycode": true, "securitycode": true,
	"track": true, "track1": true, "track2": true, "trackdata": true, "magstripe": true, "pinblock": true,
}

var joints = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

// cardField refuses a field that is named for card data.
func cardField(name, at string) error {
	if !cardFields[joints.Replace(strings.ToLower(name))] {
		return nil
	}
	return problem(http.StatusBadRequest, "card.refused", "card data is not taken here: it is typed at the payment provider's", AtField{at, "leave it out"})
}
