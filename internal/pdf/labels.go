package pdf

import (
	"maps"
	"slices"
	"strings"
)

// languages are those that papers speak, in the order of a label's columns.
var languages = [...]string{"en", "de", "es", "pl", "ar"}

// columns is a label in each language, in the order of languages.
type columns = [len(languages)]string

// labels is the catalogue: every word that a paper says by itself. Facts, sums and kinds of
// entries name its keys. {} is where a value goes.
var labels = merged(titleLabels, factLabels, tableLabels, sumLabels, entryLabels, footLabels)

var titleLabels = map[string]columns{
	"invoice":     {"Invoice", "Rechnung", "Factura", "Faktura", "فاتورة"},
	"credit_memo": {"Credit memo", "Gutschrift", "Nota de crédito", "Faktura korygująca", "إشعار دائن"},
	"statement":   {"Statement of account", "Kontoauszug", "Estado de cuenta", "Wyciąg z konta", "كشف حساب"},
	"bill_to":     {"Bill to", "Rechnung an", "Facturar a", "Nabywca", "إلى"},
}

var factLabels = map[string]columns{
	"number":          {"Number", "Nummer", "Número", "Numer", "الرقم"},
	"issued_on":       {"Issued", "Ausgestellt am", "Fecha de emisión", "Data wystawienia", "تاريخ الإصدار"},
	"due_on":          {"Due", "Fällig am", "Vencimiento", "Termin płatności", "تاريخ الاستحقاق"},
	"supplied_on":     {"Supplied", "Leistungsdatum", "Fecha de prestación", "Data sprzedaży", "تاريخ التوريد"},
	"restated_on":     {"Restated", "Berichtigt am", "Rectificada el", "Data korekty", "تاريخ التعديل"},
	"from":            {"From", "Von", "Desde", "Od", "من"},
	"until":           {"Until", "Bis", "Hasta", "Do", "إلى"},
	"as_of":           {"As of", "Stand", "A fecha de", "Stan na dzień", "حتى تاريخ"},
	"reference":       {"Your reference", "Ihre Referenz", "Su referencia", "Państwa numer", "مرجعكم"},
	"purchase_order":  {"Purchase order", "Bestellnummer", "Pedido", "Nr zamówienia", "أمر الشراء"},
	"customer_number": {"Customer no.", "Kundennummer", "N.º de cliente", "Nr klienta", "رقم العميل"},
	"invoice_number":  {"Invoice", "Rechnung", "Factura", "Faktura", "الفاتورة"},
	"branch":          {"Branch", "Niederlassung", "Sucursal", "Oddział", "الفرع"},
	"site":            {"Site", "Standort", "Emplazamiento", "Lokalizacja", "الموقع"},
	"job":             {"Job", "Auftrag", "Trabajo", "Zlecenie", "المهمة"},
	"contractor":      {"Contractor", "Auftragnehmer", "Contratista", "Wykonawca", "المقاول"},
	"version":         {"Version", "Version", "Versión", "Wersja", "الإصدار"},
	"replaces":        {"Replaces", "Ersetzt", "Sustituye a", "Zastępuje", "يحل محل"},
	"reason":          {"Reason", "Grund", "Motivo", "Przyczyna", "السبب"},
	"currency":        {"Currency", "Währung", "Moneda", "Waluta", "العملة"},
	"tax_number":      {"Tax number", "Steuernummer", "NIF", "NIP", "الرقم الضريبي"},
	"terms":           {"Terms", "Zahlungsbedingungen", "Condiciones", "Warunki", "الشروط"},
}

var tableLabels = map[string]columns{
	"sku":              {"Item", "Artikel", "Artículo", "Kod", "الرمز"},
	"description":      {"Description", "Beschreibung", "Descripción", "Opis", "الوصف"},
	"quantity":         {"Qty", "Menge", "Cant.", "Ilość", "الكمية"},
	"unit_price":       {"Unit price", "Einzelpreis", "Precio unit.", "Cena jedn.", "سعر الوحدة"},
	"discount":         {"Discount", "Rabatt", "Dto.", "Rabat", "الخصم"},
	"tax":              {"Tax", "Steuer", "Impuesto", "Podatek", "الضريبة"},
	"amount":           {"Amount", "Betrag", "Importe", "Kwota", "المبلغ"},
	"tax_rate":         {"Tax rate", "Steuersatz", "Tipo", "Stawka", "نسبة الضريبة"},
	"taxable":          {"Net", "Netto", "Base", "Netto", "الصافي"},
	"date":             {"Date", "Datum", "Fecha", "Data", "التاريخ"},
	"entry":            {"Entry", "Vorgang", "Concepto", "Operacja", "الحركة"},
	"document":         {"Document", "Beleg", "Documento", "Dokument", "المستند"},
	"balance":          {"Balance", "Saldo", "Saldo", "Saldo", "الرصيد"},
	"prices_with_tax":  {"Prices and amounts of lines include tax.", "Preise und Beträge der Zeilen enthalten die Steuer.", "Los precios e importes de las líneas incluyen impuestos.", "Ceny i kwoty pozycji zawierają podatek.", "أسعار ومبالغ البنود شاملة الضريبة."},
	"payment_details":  {"How to pay", "Zahlung", "Forma de pago", "Sposób zapłaty", "طريقة الدفع"},
	"ageing":           {"How old what is owed is", "Fälligkeiten", "Antigüedad de la deuda", "Struktura wiekowa należności", "أعمار الديون"},
	"nothing_happened": {"Nothing happened in this period.", "In diesem Zeitraum gab es keine Vorgänge.", "No hubo movimientos en este periodo.", "Brak operacji w tym okresie.", "لا توجد حركات في هذه الفترة."},
}

var sumLabels = map[string]columns{
	"net":             {"Net", "Netto", "Base imponible", "Netto", "الصافي"},
	"total":           {"Total", "Gesamtbetrag", "Total", "Razem", "الإجمالي"},
	"lines_total":     {"Sum of lines", "Summe der Zeilen", "Suma de las líneas", "Suma pozycji", "مجموع البنود"},
	"withheld":        {"Withheld", "Einbehalten", "Retención", "Potrącono", "المستقطع"},
	"retained":        {"Retained until later", "Sicherheitseinbehalt", "Retención de garantía", "Kaucja gwarancyjna", "المحتجز لوقت لاحق"},
	"paid":            {"Paid", "Bezahlt", "Pagado", "Zapłacono", "المدفوع"},
	"credited":        {"Credited", "Gutgeschrieben", "Abonado", "Uznano", "المقيد لكم"},
	"to_pay":          {"To pay", "Zu zahlen", "A pagar", "Do zapłaty", "المطلوب دفعه"},
	"left_to_pay":     {"Left to pay", "Noch offen", "Pendiente de pago", "Pozostało do zapłaty", "المتبقي للدفع"},
	"opening_balance": {"Opening balance", "Anfangssaldo", "Saldo inicial", "Saldo początkowe", "الرصيد الافتتاحي"},
	"closing_balance": {"Closing balance", "Endsaldo", "Saldo final", "Saldo końcowe", "الرصيد الختامي"},
	"not_due":         {"Not yet due", "Noch nicht fällig", "No vencido", "Przed terminem", "غير مستحق بعد"},
	"days_1_30":       {"1–30 days", "1–30 Tage", "1–30 días", "1–30 dni", "1–30 يوما"},
	"days_31_60":      {"31–60 days", "31–60 Tage", "31–60 días", "31–60 dni", "31–60 يوما"},
	"days_61_90":      {"61–90 days", "61–90 Tage", "61–90 días", "61–90 dni", "61–90 يوما"},
	"days_over_90":    {"Over 90 days", "Über 90 Tage", "Más de 90 días", "Ponad 90 dni", "أكثر من 90 يوما"},
	"overdue":         {"Overdue", "Überfällig", "Vencido", "Po terminie", "متأخر"},
	"unapplied":       {"Not yet applied", "Nicht zugeordnet", "Sin aplicar", "Nierozliczone", "غير مخصص"},
}

var entryLabels = map[string]columns{
	"payment":           {"Payment", "Zahlung", "Pago", "Wpłata", "دفعة"},
	"payment_reversed":  {"Payment reversed", "Zahlung storniert", "Pago anulado", "Wpłata anulowana", "دفعة معكوسة"},
	"refund":            {"Refund", "Rückzahlung", "Reembolso", "Zwrot", "رد مبلغ"},
	"credit":            {"Credit", "Gutschrift", "Abono", "Uznanie", "رصيد دائن"},
	"credit_reversed":   {"Credit reversed", "Gutschrift storniert", "Abono anulado", "Uznanie anulowane", "رصيد دائن معكوس"},
	"invoice_adjusted":  {"Invoice adjusted", "Rechnung geändert", "Factura ajustada", "Korekta faktury", "تعديل فاتورة"},
	"invoice_reversed":  {"Invoice reversed", "Rechnung storniert", "Factura anulada", "Faktura anulowana", "فاتورة معكوسة"},
	"write_off":         {"Written off", "Ausgebucht", "Cancelación", "Umorzenie", "شطب"},
	"charge":            {"Charge", "Belastung", "Cargo", "Obciążenie", "رسوم"},
	"chargeback":        {"Chargeback", "Rückbelastung", "Contracargo", "Obciążenie zwrotne", "استرداد مدفوعات"},
	"chargeback_won":    {"Chargeback won", "Rückbelastung abgewehrt", "Contracargo ganado", "Obciążenie zwrotne odrzucone", "استرداد مرفوض"},
	"adjustment":        {"Adjustment", "Anpassung", "Ajuste", "Korekta", "تسوية"},
	"transfer":          {"Transfer", "Umbuchung", "Traspaso", "Przeniesienie", "تحويل"},
	"write_off_undone":  {"Write-off reversed", "Ausbuchung storniert", "Cancelación anulada", "Umorzenie cofnięte", "شطب معكوس"},
	"credit_adjusted":   {"Credit adjusted", "Gutschrift geändert", "Abono ajustado", "Korekta uznania", "تعديل رصيد دائن"},
	"payment_allocated": {"Payment allocated", "Zahlung zugeordnet", "Pago aplicado", "Rozliczenie wpłaty", "تخصيص دفعة"},
}

var footLabels = map[string]columns{
	"page_of": {"Page {} of {}", "Seite {} von {}", "Página {} de {}", "Strona {} z {}", "صفحة {} من {}"},
	"verify":  {"Is this genuine? Ask at", "Echtheit prüfen unter", "Compruebe la autenticidad en", "Sprawdź autentyczność:", "تحقق من صحة المستند على"},
}

// american is what differs in en-US.
var american = map[string]string{"purchase_order": "PO number", "supplied_on": "Service date"}

func merged(parts ...map[string]columns) map[string]columns {
	all := map[string]columns{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// HasLabel tells whether the catalogue knows a key. A paper says an unknown one as it is,
// with spaces for underscores.
func HasLabel(key string) bool { _, ok := labels[key]; return ok }

// label says a key in the tongue, with values in the places of {}.
func (t tongue) label(key string, values ...string) string {
	s := strings.ReplaceAll(key, "_", " ")
	if c, ok := labels[key]; ok {
		s = c[slices.Index(languages[:], t.base)]
	}
	if other, ok := american[key]; ok && t.name == "en-US" {
		s = other
	}
	for _, v := range values {
		s = strings.Replace(s, "{}", v, 1)
	}
	return s
}
