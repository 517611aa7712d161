package event

import "time"

// SurveyInvited: a customer is asked.
type SurveyInvited struct {
	Unknown
	Instrument       string     `json:"instrument" rule:"required,enum=instrument"`
	InstrumentSource string     `json:"instrument_source,omitzero" rule:"max=256"`
	Wave             string     `json:"wave,omitzero"`
	CaseID           string     `json:"case_id,omitzero"`
	TicketID         string     `json:"ticket_id,omitzero"`
	Channel          string     `json:"channel,omitzero" rule:"enum=survey_channel"`
	ChannelSource    string     `json:"channel_source,omitzero" rule:"max=256"`
	Region           string     `json:"region,omitzero"`
	ExpiresAt        *time.Time `json:"expires_at,omitzero"`
}

// SurveyAnswered: the customer answers. Comment is free text and never leaves
// the store; Weight is 1 where it is absent.
type SurveyAnswered struct {
	Unknown
	Instrument       string   `json:"instrument" rule:"required,enum=instrument"`
	InstrumentSource string   `json:"instrument_source,omitzero" rule:"max=256"`
	Answers          []Answer `json:"answers" rule:"required,nonempty"`
	CaseID           string   `json:"case_id,omitzero"`
	TicketID         string   `json:"ticket_id,omitzero"`
	Region           string   `json:"region,omitzero"`
	Outlet           string   `json:"outlet,omitzero"`
	Product          string   `json:"product,omitzero" rule:"enum=product"`
	ProductSource    string   `json:"product_source,omitzero" rule:"max=256"`
	CustomerHash     string   `json:"customer_hash,omitzero" rule:"form=hash"`
	Comment          string   `json:"comment,omitzero" rule:"max=2000"`
	Topics           []string `json:"topics,omitzero"`
	Sentiment        *int64   `json:"sentiment,omitzero" rule:"min=-1,max=1"`
	Weight           *float64 `json:"weight,omitzero" rule:"above=0,max=1000000"`
}

// Answer is the answer to one item on a scale from Min to Max. Value is nil for
// "don't know", which stays out of denominators.
type Answer struct {
	Item       string   `json:"item" rule:"required"`
	Role       string   `json:"role" rule:"required,enum=role"`
	RoleSource string   `json:"role_source,omitzero" rule:"max=256"`
	Value      *float64 `json:"value" rule:"min=-1000000,max=1000000"`
	Min        float64  `json:"min" rule:"required,min=-1000000,max=1000000"`
	Max        float64  `json:"max" rule:"required,min=-1000000,max=1000000"`
}

func (Answer) relations() []relation {
	return []relation{below("min", "max"), notAbove("min", "value"), notAbove("value", "max")}
}
