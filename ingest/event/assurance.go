package event

import "time"

// AssuranceScheduled: a duty and its day. Kind is a code of table A4
// (training_quarterly, equipment_check_quarterly, backup, …) or the operator's own.
type AssuranceScheduled struct {
	Unknown
	Kind      string `json:"kind" rule:"required"`
	Unit      string `json:"unit" rule:"required"`
	DueDate   string `json:"due_date" rule:"required,form=date"`
	TargetRef string `json:"target_ref,omitzero"` // an employee or a device
	Key       *bool  `json:"key,omitzero"`
	Period    string `json:"period,omitzero"`
}

// AssurancePerformed: the duty was done.
type AssurancePerformed struct {
	Unknown
	Result       string   `json:"result" rule:"required,enum=duty_result"`
	ResultSource string   `json:"result_source,omitzero" rule:"max=256"`
	Score        *float64 `json:"score,omitzero"`
	Hours        *float64 `json:"hours,omitzero" rule:"min=0"`
	Participants *int64   `json:"participants,omitzero"`
	RecordRef    string   `json:"record_ref,omitzero"`
	ReportRef    string   `json:"report_ref,omitzero"`
	ItemsMet     *int64   `json:"items_met,omitzero"`
	ItemsTotal   *int64   `json:"items_total,omitzero"`
}

func (AssurancePerformed) relations() []relation {
	return []relation{notAbove("items_met", "items_total")}
}

// AssuranceWaived: the duty leaves the denominator.
type AssuranceWaived struct {
	Unknown
	Reason string `json:"reason" rule:"required,max=256"`
}

// IncidentOpened: something failed; level 1 (gravest) to 4.
type IncidentOpened struct {
	Unknown
	Kind        string     `json:"kind" rule:"required,enum=incident_kind"`
	KindSource  string     `json:"kind_source,omitzero" rule:"max=256"`
	Level       int64      `json:"level" rule:"required,min=1,max=4"`
	Unit        string     `json:"unit" rule:"required"`
	DeviceRef   string     `json:"device_ref,omitzero"`
	Key         *bool      `json:"key,omitzero"`
	RespondedAt *time.Time `json:"responded_at,omitzero"`
}

// IncidentClosed: it works again.
type IncidentClosed struct {
	Unknown
	Kind        string     `json:"kind" rule:"required,enum=incident_kind"`
	KindSource  string     `json:"kind_source,omitzero" rule:"max=256"`
	Level       int64      `json:"level" rule:"required,min=1,max=4"`
	Unit        string     `json:"unit" rule:"required"`
	DeviceRef   string     `json:"device_ref,omitzero"`
	Key         *bool      `json:"key,omitzero"`
	RespondedAt *time.Time `json:"responded_at,omitzero"`
}

// ResourceSnapshot: what a unit has on a day; PlansValid counts the three risks
// of manual 3.4 that a valid emergency plan covers.
type ResourceSnapshot struct {
	Unknown
	Date                 string  `json:"date" rule:"required,form=date"`
	Unit                 string  `json:"unit" rule:"required"`
	Employees            int64   `json:"employees" rule:"required"`
	KeyPostEmployees     int64   `json:"key_post_employees" rule:"required"`
	NewEmployees         int64   `json:"new_employees" rule:"required"`
	Devices              int64   `json:"devices" rule:"required"`
	KeyDevices           int64   `json:"key_devices" rule:"required"`
	KeyDevicesWithBackup int64   `json:"key_devices_with_backup" rule:"required"`
	CourierHours         float64 `json:"courier_hours" rule:"required,min=0"`
	DeliveryAreas        int64   `json:"delivery_areas" rule:"required"`
	AreasServed          int64   `json:"areas_served" rule:"required"`
	CertifiedEmployees   *int64  `json:"certified_employees,omitzero"`
	MentoredNewEmployees *int64  `json:"mentored_new_employees,omitzero"`
	DevicesMonitored     *int64  `json:"devices_monitored,omitzero"`
	DevicesLogged        *int64  `json:"devices_logged,omitzero"`
	PlansValid           *int64  `json:"plans_valid,omitzero" rule:"max=3"`
	Outlets              *int64  `json:"outlets,omitzero"`
	OutletsStandard      *int64  `json:"outlets_standard,omitzero"`
}

// Period is a span of Beijing days, [Start, End).
type Period struct {
	Start string `json:"start" rule:"required,form=date"`
	End   string `json:"end" rule:"required,form=date"`
}

func (Period) relations() []relation { return []relation{below("start", "end")} }

// ImprovementPlanned: an indicator is to become better than in Baseline.
type ImprovementPlanned struct {
	Unknown
	Indicator        string `json:"indicator" rule:"required,max=128"`
	Unit             string `json:"unit" rule:"required"`
	OwnerPost        string `json:"owner_post" rule:"required"`
	Baseline         Period `json:"baseline" rule:"required"`
	PlannedCheckDate string `json:"planned_check_date" rule:"required,form=date"`
}

// ImprovementStarted: the work begins.
type ImprovementStarted struct {
	Unknown
}

// ImprovementChecked: the days to compare with the baseline, [Start, End).
type ImprovementChecked struct {
	Unknown
	Start string `json:"start" rule:"required,form=date"`
	End   string `json:"end" rule:"required,form=date"`
}

func (ImprovementChecked) relations() []relation { return []relation{below("start", "end")} }

// ImprovementClosed: what became of it.
type ImprovementClosed struct {
	Unknown
	Result       string `json:"result" rule:"required,enum=improvement_result"`
	ResultSource string `json:"result_source,omitzero" rule:"max=256"`
}

// ExclusionRequested: somebody asks to leave deadlines in [From, Until) and in
// Scope out of the figures that end in _excl_fm.
type ExclusionRequested struct {
	Unknown
	Kind         string    `json:"kind" rule:"required,enum=exclusion_kind"`
	KindSource   string    `json:"kind_source,omitzero" rule:"max=256"`
	Scope        Scope     `json:"scope" rule:"required"`
	From         time.Time `json:"from" rule:"required"`
	Until        time.Time `json:"until" rule:"required"`
	EvidenceRef  string    `json:"evidence_ref" rule:"required"`
	RequesterRef string    `json:"requester_ref" rule:"required"`
}

func (ExclusionRequested) relations() []relation { return []relation{below("from", "until")} }

// Scope is what an exclusion covers: cases that match every list given. One
// list at least is required, so that nobody excludes everything by omission.
type Scope struct {
	Regions  []string `json:"regions,omitzero"`
	Outlets  []string `json:"outlets,omitzero"`
	Products []string `json:"products,omitzero" rule:"enum=product"`
}

func (Scope) relations() []relation { return []relation{oneOf("regions", "outlets", "products")} }

// ExclusionApproved: a second person agrees. RequesterRef may repeat who asked;
// whether the two differ is judged against the request in any case.
type ExclusionApproved struct {
	Unknown
	ApproverRef  string `json:"approver_ref" rule:"required"`
	RequesterRef string `json:"requester_ref,omitzero"`
}

func (ExclusionApproved) relations() []relation {
	return []relation{differ("approver_ref", "requester_ref")}
}

// ExclusionWithdrawn: the request or its approval is taken back.
type ExclusionWithdrawn struct {
	Unknown
	Reason string `json:"reason,omitzero" rule:"max=256"`
}

// OutletRegistered: an outlet of the operator's registry.
type OutletRegistered struct {
	Unknown
	Code           string `json:"code" rule:"required"`
	NameZh         string `json:"name_zh" rule:"required,max=256"`
	NameEn         string `json:"name_en,omitzero" rule:"max=256"`
	Parent         string `json:"parent,omitzero"`
	AreaType       string `json:"area_type,omitzero" rule:"enum=area_type"`
	AreaTypeSource string `json:"area_type_source,omitzero" rule:"max=256"`
	OpenedOn       string `json:"opened_on,omitzero" rule:"form=date"`
	ClosedOn       string `json:"closed_on,omitzero" rule:"form=date"`
}

func (OutletRegistered) relations() []relation {
	return []relation{notAbove("opened_on", "closed_on")}
}

// RegionRegistered: a region of the operator's registry.
type RegionRegistered struct {
	Unknown
	Code           string `json:"code" rule:"required"`
	NameZh         string `json:"name_zh" rule:"required,max=256"`
	NameEn         string `json:"name_en,omitzero" rule:"max=256"`
	Parent         string `json:"parent,omitzero"`
	AreaType       string `json:"area_type,omitzero" rule:"enum=area_type"`
	AreaTypeSource string `json:"area_type_source,omitzero" rule:"max=256"`
	OpenedOn       string `json:"opened_on,omitzero" rule:"form=date"`
	ClosedOn       string `json:"closed_on,omitzero" rule:"form=date"`
}

func (RegionRegistered) relations() []relation {
	return []relation{notAbove("opened_on", "closed_on")}
}

// ConductRecorded: a reward (points > 0) or a penalty (points < 0) for a member
// of staff or a unit. Quarter is written 2026Q1.
type ConductRecorded struct {
	Unknown
	StaffRef     string `json:"staff_ref,omitzero"`
	Unit         string `json:"unit,omitzero"`
	Points       int64  `json:"points" rule:"required,signed"`
	Action       string `json:"action" rule:"required,enum=action"`
	ActionSource string `json:"action_source,omitzero" rule:"max=256"`
	Quarter      string `json:"quarter" rule:"required,form=quarter"`
}

func (ConductRecorded) relations() []relation { return []relation{oneOf("staff_ref", "unit")} }

// CampaignReported: a day of a campaign on one of its channels.
type CampaignReported struct {
	Unknown
	Campaign    string `json:"campaign" rule:"required"`
	Date        string `json:"date" rule:"required,form=date"`
	Channel     string `json:"channel" rule:"required"`
	Views       int64  `json:"views" rule:"required"`
	Reach       int64  `json:"reach" rule:"required"`
	Conversions int64  `json:"conversions" rule:"required"`
}
