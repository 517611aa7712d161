package event

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// CaseSubmitted: a customer asks for a service.
type CaseSubmitted struct {
	Unknown
	Channel              string   `json:"channel" rule:"required,enum=channel"`
	ChannelSource        string   `json:"channel_source,omitzero" rule:"max=256"`
	Product              string   `json:"product" rule:"required,enum=product"`
	ProductSource        string   `json:"product_source,omitzero" rule:"max=256"`
	Region               string   `json:"region" rule:"required"`
	Outlet               string   `json:"outlet,omitzero"`
	CustomerType         string   `json:"customer_type,omitzero" rule:"enum=customer_type"`
	CustomerTypeSource   string   `json:"customer_type_source,omitzero" rule:"max=256"`
	CustomerTier         string   `json:"customer_tier,omitzero" rule:"enum=customer_tier"`
	CustomerTierSource   string   `json:"customer_tier_source,omitzero" rule:"max=256"`
	SpecialNeed          string   `json:"special_need,omitzero" rule:"enum=special_need"`
	SpecialNeedSource    string   `json:"special_need_source,omitzero" rule:"max=256"`
	CustomerHash         string   `json:"customer_hash,omitzero" rule:"form=hash"`
	AppliedFieldsPresent []string `json:"applied_fields_present,omitzero"`
}

// CaseAccepted: the operator takes the case over. PromisedAt or PromiseDays
// (working days, resolved by the calendar) is the promise; without either the
// case has no deadline. Documents are codes of the operator, of which the
// manual names application_form, id_proof and customs_form.
type CaseAccepted struct {
	Unknown
	Product               string     `json:"product" rule:"required,enum=product"`
	ProductSource         string     `json:"product_source,omitzero" rule:"max=256"`
	Region                string     `json:"region" rule:"required"`
	Outlet                string     `json:"outlet" rule:"required"`
	Channel               string     `json:"channel" rule:"required,enum=channel"`
	ChannelSource         string     `json:"channel_source,omitzero" rule:"max=256"`
	Direction             string     `json:"direction" rule:"required,enum=direction"`
	DirectionSource       string     `json:"direction_source,omitzero" rule:"max=256"`
	ItemID                string     `json:"item_id,omitzero"`
	ItemIDValid           bool       `json:"-"` // ItemID is a good S10 identifier or a domestic number
	PromisedAt            *time.Time `json:"promised_at,omitzero"`
	PromiseDays           *int64     `json:"promise_days,omitzero" rule:"max=3660"`
	OwnerRef              string     `json:"owner_ref,omitzero"`
	Documents             []string   `json:"documents,omitzero"`
	Features              []string   `json:"features,omitzero" rule:"enum=feature"`
	ReferralCode          *bool      `json:"referral_code,omitzero"`
	ClassCode             string     `json:"class_code,omitzero"`
	AreaType              string     `json:"area_type,omitzero" rule:"enum=area_type"`
	AreaTypeSource        string     `json:"area_type_source,omitzero" rule:"max=256"`
	DestRegion            string     `json:"dest_region,omitzero"`
	RequiredFieldsPresent *int64     `json:"required_fields_present,omitzero"`
	RequiredFieldsTotal   *int64     `json:"required_fields_total,omitzero"`
	CustomerType          string     `json:"customer_type,omitzero" rule:"enum=customer_type"`
	CustomerTypeSource    string     `json:"customer_type_source,omitzero" rule:"max=256"`
	CustomerTier          string     `json:"customer_tier,omitzero" rule:"enum=customer_tier"`
	CustomerTierSource    string     `json:"customer_tier_source,omitzero" rule:"max=256"`
	SpecialNeed           string     `json:"special_need,omitzero" rule:"enum=special_need"`
	SpecialNeedSource     string     `json:"special_need_source,omitzero" rule:"max=256"`
	CustomerHash          string     `json:"customer_hash,omitzero" rule:"form=hash"`
	AppliedFieldsPresent  []string   `json:"applied_fields_present,omitzero"`
}

func (CaseAccepted) relations() []relation {
	return []relation{
		notBoth("promised_at", "promise_days"),
		notAbove("required_fields_present", "required_fields_total"),
	}
}

func (p *CaseAccepted) derive() { p.ItemIDValid = ValidItemID(p.ItemID) }

// CaseReviewed: the papers were looked at.
type CaseReviewed struct {
	Unknown
	Result            string `json:"result" rule:"required,enum=review_result"`
	ResultSource      string `json:"result_source,omitzero" rule:"max=256"`
	RiskLevel         string `json:"risk_level,omitzero" rule:"enum=risk_level"`
	RiskLevelSource   string `json:"risk_level_source,omitzero" rule:"max=256"`
	MaterialsComplete *bool  `json:"materials_complete,omitzero"`
	Compliant         *bool  `json:"compliant,omitzero"`
	Authentic         *bool  `json:"authentic,omitzero"`
}

// CaseApproved: the decision, taken at a level of 1 (lowest) to 5.
type CaseApproved struct {
	Unknown
	Decision            string     `json:"decision" rule:"required,enum=decision"`
	DecisionSource      string     `json:"decision_source,omitzero" rule:"max=256"`
	ApproverLevel       int64      `json:"approver_level" rule:"required,min=1,max=5"`
	RequiredLevel       *int64     `json:"required_level,omitzero" rule:"min=1,max=5"`
	OpinionPresent      *bool      `json:"opinion_present,omitzero"`
	Signed              *bool      `json:"signed,omitzero"`
	ApproverRef         string     `json:"approver_ref,omitzero"`
	RecheckedBy         string     `json:"rechecked_by,omitzero"`
	ApplicantNotifiedAt *time.Time `json:"applicant_notified_at,omitzero"`
}

// CaseProgressed: a step on the way, every scan of a carrier among them.
// Activity is the operator's own name of the step, EMSEVT the UPU event code.
type CaseProgressed struct {
	Unknown
	Step             string `json:"step" rule:"required,enum=step"`
	StepSource       string `json:"step_source,omitzero" rule:"max=256"`
	Activity         string `json:"activity,omitzero" rule:"max=128"`
	ResourceRef      string `json:"resource_ref,omitzero"`
	EMSEVT           string `json:"emsevt,omitzero" rule:"form=emsevt"`
	Location         string `json:"location,omitzero" rule:"max=256"`
	CustomerNotified *bool  `json:"customer_notified,omitzero"`
	AttemptNo        *int64 `json:"attempt_no,omitzero"`
	ReasonCode       string `json:"reason_code,omitzero"`
}

// CaseDelivered: the item or service is handed over. With TimeUnknown the time
// of the event is only when it was recorded.
type CaseDelivered struct {
	Unknown
	TimeUnknown    *bool    `json:"time_unknown,omitzero"`
	Result         string   `json:"result,omitzero" rule:"enum=delivery_result"`
	ResultSource   string   `json:"result_source,omitzero" rule:"max=256"`
	Receipt        *Receipt `json:"receipt,omitzero"`
	AttemptNo      *int64   `json:"attempt_no,omitzero"`
	SignedBy       string   `json:"signed_by,omitzero" rule:"enum=signed_by"`
	SignedBySource string   `json:"signed_by_source,omitzero" rule:"max=256"`
	OutletRating   *int64   `json:"outlet_rating,omitzero" rule:"min=1,max=5"`
}

// Receipt says which of the four entries the receipt carries (manual 2.3).
type Receipt struct {
	CaseNo         *bool `json:"case_no,omitzero"`
	ServiceContent *bool `json:"service_content,omitzero"`
	DeliveredAt    *bool `json:"delivered_at,omitzero"`
	Result         *bool `json:"result,omitzero"`
}

// CasePromiseChanged: another instant is promised. Only the reasons customer
// and address move the promise that is measured.
type CasePromiseChanged struct {
	Unknown
	PromisedAt   time.Time `json:"promised_at" rule:"required"`
	Reason       string    `json:"reason" rule:"required,enum=promise_reason"`
	ReasonSource string    `json:"reason_source,omitzero" rule:"max=256"`
}

// CasePaused: the work waits for somebody else.
type CasePaused struct {
	Unknown
	Reason       string `json:"reason" rule:"required,enum=pause_reason"`
	ReasonSource string `json:"reason_source,omitzero" rule:"max=256"`
}

// CaseResumed ends a pause.
type CaseResumed struct {
	Unknown
	Reason       string `json:"reason" rule:"required,enum=pause_reason"`
	ReasonSource string `json:"reason_source,omitzero" rule:"max=256"`
}

// CaseEnded: the case ends otherwise than by a delivery; cancelled is by the
// operator, withdrawn by the customer.
type CaseEnded struct {
	Unknown
	Outcome       string `json:"outcome" rule:"required,enum=outcome"`
	OutcomeSource string `json:"outcome_source,omitzero" rule:"max=256"`
	Reason        string `json:"reason,omitzero" rule:"max=256"`
}

// CaseReopened: back to handling. The reason not_received voids the delivery.
type CaseReopened struct {
	Unknown
	Reason string `json:"reason" rule:"required,max=256"`
}

// CaseArchived: the papers are filed.
type CaseArchived struct {
	Unknown
	Documents []string `json:"documents" rule:"required,enum=archive_document"`
	Version   *int64   `json:"version,omitzero"`
	Backup    *bool    `json:"backup,omitzero"`
}

// Corrected repairs what is known of another event of the same source and
// topic, named by correctsid: Void takes it away; otherwise the members of Data
// replace its members of the same name (null removes one) and TimeNew its time.
// With Void the rest says nothing. One of the three is required.
type Corrected struct {
	Unknown
	Void    bool           `json:"void,omitzero"`
	Data    jsontext.Value `json:"data,omitzero"`
	TimeNew *time.Time     `json:"time_new,omitzero" rule:"happened"`
}

// derive gives the payload bytes of its own.
func (p *Corrected) derive() { p.Data = slices.Clone(p.Data) }

func (Corrected) relations() []relation { return []relation{oneOf("void", "data", "time_new")} }

// VolumeReported: a day's totals where single cases do not exist.
type VolumeReported struct {
	Unknown
	Date          string `json:"date" rule:"required,form=date"`
	Region        string `json:"region" rule:"required"`
	Product       string `json:"product" rule:"required,enum=product"`
	ProductSource string `json:"product_source,omitzero" rule:"max=256"`
	Items         int64  `json:"items" rule:"required"`
	Outlet        string `json:"outlet,omitzero"`
	OnTimeItems   *int64 `json:"on_time_items,omitzero"`
	PromisedItems *int64 `json:"promised_items,omitzero"`
}

func (VolumeReported) relations() []relation {
	return []relation{notAbove("on_time_items", "promised_items")}
}
