package event

import "time"

// TicketReceived: an enquiry, a complaint or another word from outside.
// CategorySource is the source's own word for the category.
type TicketReceived struct {
	Unknown
	Kind           string     `json:"kind" rule:"required,enum=ticket_kind"`
	KindSource     string     `json:"kind_source,omitzero" rule:"max=256"`
	Region         string     `json:"region" rule:"required"`
	Channel        string     `json:"channel" rule:"required,enum=ticket_channel"`
	ChannelSource  string     `json:"channel_source,omitzero" rule:"max=256"`
	CaseID         string     `json:"case_id,omitzero"`
	Category       string     `json:"category,omitzero" rule:"enum=category"`
	CategorySource string     `json:"category_source,omitzero" rule:"max=256"`
	Severity       *int64     `json:"severity,omitzero" rule:"min=1,max=3"`
	CustomerHash   string     `json:"customer_hash,omitzero" rule:"form=hash"`
	Outlet         string     `json:"outlet,omitzero"`
	FirstOwnerRef  string     `json:"first_owner_ref,omitzero"`
	AppliedAt      *time.Time `json:"applied_at,omitzero"`
	DueAt          *time.Time `json:"due_at,omitzero"`
	DuplicateOf    string     `json:"duplicate_of,omitzero"`
	Line           string     `json:"line,omitzero" rule:"enum=line"`
	LineSource     string     `json:"line_source,omitzero" rule:"max=256"`
	Unit           string     `json:"unit,omitzero"` // who has to act
}

// TicketAccepted: somebody owns it now.
type TicketAccepted struct {
	Unknown
	OwnerRef       string     `json:"owner_ref" rule:"required"`
	DueAt          *time.Time `json:"due_at,omitzero"`
	Category       string     `json:"category,omitzero" rule:"enum=category"`
	CategorySource string     `json:"category_source,omitzero" rule:"max=256"`
	Severity       *int64     `json:"severity,omitzero" rule:"min=1,max=3"`
}

// TicketResponded: the first answer to the customer.
type TicketResponded struct {
	Unknown
	OwnerRef  string `json:"owner_ref,omitzero"`
	RecordRef string `json:"record_ref,omitzero"`
}

// TicketHandedOver: another owner takes it, or does not.
type TicketHandedOver struct {
	Unknown
	ToOwnerRef string `json:"to_owner_ref" rule:"required"`
	Accepted   bool   `json:"accepted" rule:"required"`
}

// TicketInvestigated: what was found.
type TicketInvestigated struct {
	Unknown
	Finding       string `json:"finding" rule:"required,enum=finding"`
	FindingSource string `json:"finding_source,omitzero" rule:"max=256"`
	CauseCode     string `json:"cause_code,omitzero"`
}

// TicketResolved: what was done. CompensationCNY is in yuan.
type TicketResolved struct {
	Unknown
	Remedy          string   `json:"remedy" rule:"required,enum=remedy"`
	RemedySource    string   `json:"remedy_source,omitzero" rule:"max=256"`
	CompensationCNY *float64 `json:"compensation_cny,omitzero" rule:"min=0"`
}

// TicketReplied: the result is fed back to the customer.
type TicketReplied struct {
	Unknown
	DisclosedToCustomer *bool  `json:"disclosed_to_customer,omitzero"`
	RecordRef           string `json:"record_ref,omitzero"`
	ContactsCount       *int64 `json:"contacts_count,omitzero"`
}

// TicketPaused: the work waits for somebody else.
type TicketPaused struct {
	Unknown
	Reason       string `json:"reason" rule:"required,enum=pause_reason"`
	ReasonSource string `json:"reason_source,omitzero" rule:"max=256"`
}

// TicketResumed ends a pause.
type TicketResumed struct {
	Unknown
	Reason       string `json:"reason" rule:"required,enum=pause_reason"`
	ReasonSource string `json:"reason_source,omitzero" rule:"max=256"`
}

// TicketEscalated: it rose to a level of 2 to 4.
type TicketEscalated struct {
	Unknown
	Level    int64  `json:"level" rule:"required,min=2,max=4"`
	To       string `json:"to" rule:"required,enum=escalated_to"`
	ToSource string `json:"to_source,omitzero" rule:"max=256"`
}

// TicketWithdrawn: the customer takes it back.
type TicketWithdrawn struct {
	Unknown
	Reason string `json:"reason,omitzero" rule:"max=256"`
}

// TicketReopened: it was closed too early.
type TicketReopened struct {
	Unknown
	Reason string `json:"reason" rule:"required,max=256"`
}

// TicketArchived: filed, and linked to an improvement if it led to one.
type TicketArchived struct {
	Unknown
	ImprovementID string `json:"improvement_id,omitzero"`
}

// TicketTallied: ready totals of a month or a day, as the 12305 circulars.
type TicketTallied struct {
	Unknown
	Month          string `json:"month,omitzero" rule:"form=month"`
	Date           string `json:"date,omitzero" rule:"form=date"`
	Region         string `json:"region" rule:"required"`
	Line           string `json:"line" rule:"required,enum=line"`
	LineSource     string `json:"line_source,omitzero" rule:"max=256"`
	Received       int64  `json:"received" rule:"required"`
	Valid          *int64 `json:"valid,omitzero"`
	OverdueReplies *int64 `json:"overdue_replies,omitzero"`
	Satisfied      *int64 `json:"satisfied,omitzero"`
	Decided        *int64 `json:"decided,omitzero"`
}

func (TicketTallied) relations() []relation {
	return []relation{oneOf("date", "month"), notBoth("date", "month")}
}
