package access

import (
	"slices"

	"portico/domain"
)

// fields are those that a business may hide from its customers, or call by another name:
// nothing that says what is owed, or whose a thing is, or which it is (S1.41, S4.13).
var fields = map[string][]string{
	"invoice":     {"branch", "contractor", "description", "line.discount", "line.sku", "primary_contact", "reference", "site"},
	"credit_memo": {"branch", "contractor", "description", "line.discount", "line.sku", "primary_contact", "site"},
	"payment":     {"method", "reference"},
	"customer":    {"address", "branch", "country", "terms_days"},
}

// Fields are all of them, in order.
func Fields() (all []Field) {
	for entity, names := range fields {
		for _, name := range names {
			all = append(all, Field{entity, name})
		}
	}
	slices.SortFunc(all, compareFields)
	return all
}

func compareFields(a, b Field) int {
	return slices.Compare([]string{a.Entity, a.Name}, []string{b.Entity, b.Name})
}

// String is how a field is written: invoice.reference.
func (f Field) String() string { return f.Entity + "." + f.Name }

// Check refuses what is none.
func (f Field) Check() error {
	switch names, known := fields[f.Entity]; {
	case !known:
		return domain.Invalid("access.field", "no fields of %q can be hidden or renamed: of invoice, credit_memo, payment and customer some can", f.Entity)
	case !slices.Contains(names, f.Name):
		return domain.Invalid("access.field", "the field %q of %s cannot be hidden or renamed: of %v", f.Name, f.Entity, names)
	}
	return nil
}

// Hides tells whether a field is hidden from the contact.
func (s Standing) Hides(entity, name string) bool {
	return slices.Contains(s.Hidden, Field{entity, name})
}
