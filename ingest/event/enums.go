package event

// Other stands in a payload for an enum word that the contract does not know,
// and is a word of every enum by itself.
const Other = "other"

// Unknown is part of every payload: the words its source used for enums and the
// contract does not know. They are no fault; they are kept and counted.
type Unknown struct {
	Words []Word `json:"-"`
}

// Word is one such word and the JSON pointer, from data, where it stood. The
// payload has Other in its place, and the word again in the field that ends in
// Source unless the source filled that one itself.
type Word struct {
	Pointer string
	Word    string
}

// enums holds the known words by the name that field rules use.
var enums = map[string][]string{
	"action":             {"bonus", "honour", "promotion", "warning", "deduction", "training", "transfer"},
	"archive_document":   {"application_form", "approval_record", "operation_log", "delivery_receipt"},
	"area_type":          {"city", "rural"},
	"category":           {"delay", "loss", "damage", "attitude", "fee", "address", "wrong_information", "privacy"},
	"channel":            {"outlet", "online", "third_party"},
	"customer_tier":      {"ordinary", "vip"},
	"customer_type":      {"person", "enterprise", "government", "intl_org"},
	"decision":           {"approved", "declined"},
	"delivery_result":    {"to_addressee", "to_agent", "to_locker", "to_collection_point"},
	"direction":          {"domestic", "inbound", "outbound"},
	"duty_result":        {"pass", "fail", "na"},
	"escalated_to":       {"supervisor", "head_office", "regulator", "media"},
	"exclusion_kind":     {"force_majeure"},
	"feature":            {"door_pickup", "smart_locker", "parcel_hold"},
	"finding":            {"valid", "invalid", "undetermined"},
	"improvement_result": {"standardised", "adjusted", "dropped"},
	"incident_kind":      {"equipment_fault", "infosec", "emergency", "outage"},
	"instrument":         {"csat", "servqual", "nps", "brand", "image", "campaign", "handling"},
	"line":               {"postal", "express"},
	"outcome":            {"returned", "lost", "damaged", "declined", "cancelled", "withdrawn"},
	"pause_reason":       {"customs", "awaiting_customer", "force_majeure"},
	"product":            {"letter", "parcel", "printed", "ems", "e_comm", "financial"},
	"promise_reason":     {"customer", "operator", "force_majeure", "address"},
	"remedy":             {"apology", "compensation", "redelivery", "correction", "none"},
	"review_result":      {"pass", "fail", "more_material"},
	"risk_level":         {"low", "medium", "high"},
	"role":               {"score", "expectation", "perception", "choice"},
	"signed_by":          {"self", "agent", "none"},
	"special_need":       {"none", "disabled", "elderly"},
	"step":               {"handling", "scan", "notice"},
	"survey_channel":     {"outlet", "online", "third_party", "phone", "12305", "letter", "bot"},
	"ticket_channel":     {"phone", "online", "outlet", "12305", "letter", "bot"},
	"ticket_kind":        {"complaint", "enquiry", "feedback", "suggestion", "review", "praise"},
}
