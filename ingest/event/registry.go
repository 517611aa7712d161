package event

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// The event types, by family.
const (
	TypeCaseSubmitted      = "cn.post.case.submitted"
	TypeCaseAccepted       = "cn.post.case.accepted"
	TypeCaseReviewed       = "cn.post.case.reviewed"
	TypeCaseApproved       = "cn.post.case.approved"
	TypeCaseProgressed     = "cn.post.case.progressed"
	TypeCaseDelivered      = "cn.post.case.delivered"
	TypeCasePromiseChanged = "cn.post.case.promise_changed"
	TypeCasePaused         = "cn.post.case.paused"
	TypeCaseResumed        = "cn.post.case.resumed"
	TypeCaseEnded          = "cn.post.case.ended"
	TypeCaseReopened       = "cn.post.case.reopened"
	TypeCaseArchived       = "cn.post.case.archived"
	TypeCaseCorrected      = "cn.post.case.corrected"
	TypeVolumeReported     = "cn.post.volume.reported"

	TypeTicketReceived     = "cn.post.ticket.received"
	TypeTicketAccepted     = "cn.post.ticket.accepted"
	TypeTicketResponded    = "cn.post.ticket.responded"
	TypeTicketHandedOver   = "cn.post.ticket.handed_over"
	TypeTicketInvestigated = "cn.post.ticket.investigated"
	TypeTicketResolved     = "cn.post.ticket.resolved"
	TypeTicketReplied      = "cn.post.ticket.replied"
	TypeTicketPaused       = "cn.post.ticket.paused"
	TypeTicketResumed      = "cn.post.ticket.resumed"
	TypeTicketEscalated    = "cn.post.ticket.escalated"
	TypeTicketWithdrawn    = "cn.post.ticket.withdrawn"
	TypeTicketReopened     = "cn.post.ticket.reopened"
	TypeTicketArchived     = "cn.post.ticket.archived"
	TypeTicketTallied      = "cn.post.ticket.tallied"
	TypeTicketCorrected    = "cn.post.ticket.corrected"

	TypeSurveyInvited   = "cn.post.survey.invited"
	TypeSurveyAnswered  = "cn.post.survey.answered"
	TypeSurveyCorrected = "cn.post.survey.corrected"

	TypeAssuranceScheduled = "cn.post.assurance.scheduled"
	TypeAssurancePerformed = "cn.post.assurance.performed"
	TypeAssuranceWaived    = "cn.post.assurance.waived"
	TypeAssuranceCorrected = "cn.post.assurance.corrected"
	TypeIncidentOpened     = "cn.post.incident.opened"
	TypeIncidentClosed     = "cn.post.incident.closed"
	TypeResourceSnapshot   = "cn.post.resource.snapshot"
	TypeImprovementPlanned = "cn.post.improvement.planned"
	TypeImprovementStarted = "cn.post.improvement.started"
	TypeImprovementChecked = "cn.post.improvement.checked"
	TypeImprovementClosed  = "cn.post.improvement.closed"
	TypeExclusionRequested = "cn.post.exclusion.requested"
	TypeExclusionApproved  = "cn.post.exclusion.approved"
	TypeExclusionWithdrawn = "cn.post.exclusion.withdrawn"
	TypeOutletRegistered   = "cn.post.outlet.registered"
	TypeRegionRegistered   = "cn.post.region.registered"
	TypeConductRecorded    = "cn.post.conduct.recorded"
	TypeCampaignReported   = "cn.post.campaign.reported"
)

// The topics. A correction repairs any event of its own topic.
const (
	TopicCases      = "youzhi.cases.v1"
	TopicComplaints = "youzhi.complaints.v1"
	TopicSurveys    = "youzhi.surveys.v1"
	TopicAssurance  = "youzhi.assurance.v1"
)

// Topics returns the four topics.
func Topics() []string {
	return []string{TopicCases, TopicComplaints, TopicSurveys, TopicAssurance}
}

// spec is a line of the registry.
type spec struct {
	name      string
	topic     string
	schemaURI string
	corrected bool
	plan      *plan
	derives   bool // the payload computes fields of its own
}

// deriver is implemented by payloads with fields that are computed from others.
type deriver interface{ derive() }

// Adding an event type is a constant, a struct and a line here.
var registry, errRegistry = newRegistry(
	line[CaseSubmitted](TypeCaseSubmitted, TopicCases),
	line[CaseAccepted](TypeCaseAccepted, TopicCases),
	line[CaseReviewed](TypeCaseReviewed, TopicCases),
	line[CaseApproved](TypeCaseApproved, TopicCases),
	line[CaseProgressed](TypeCaseProgressed, TopicCases),
	line[CaseDelivered](TypeCaseDelivered, TopicCases),
	line[CasePromiseChanged](TypeCasePromiseChanged, TopicCases),
	line[CasePaused](TypeCasePaused, TopicCases),
	line[CaseResumed](TypeCaseResumed, TopicCases),
	line[CaseEnded](TypeCaseEnded, TopicCases),
	line[CaseReopened](TypeCaseReopened, TopicCases),
	line[CaseArchived](TypeCaseArchived, TopicCases),
	line[Corrected](TypeCaseCorrected, TopicCases),
	line[VolumeReported](TypeVolumeReported, TopicCases),

	line[TicketReceived](TypeTicketReceived, TopicComplaints),
	line[TicketAccepted](TypeTicketAccepted, TopicComplaints),
	line[TicketResponded](TypeTicketResponded, TopicComplaints),
	line[TicketHandedOver](TypeTicketHandedOver, TopicComplaints),
	line[TicketInvestigated](TypeTicketInvestigated, TopicComplaints),
	line[TicketResolved](TypeTicketResolved, TopicComplaints),
	line[TicketReplied](TypeTicketReplied, TopicComplaints),
	line[TicketPaused](TypeTicketPaused, TopicComplaints),
	line[TicketResumed](TypeTicketResumed, TopicComplaints),
	line[TicketEscalated](TypeTicketEscalated, TopicComplaints),
	line[TicketWithdrawn](TypeTicketWithdrawn, TopicComplaints),
	line[TicketReopened](TypeTicketReopened, TopicComplaints),
	line[TicketArchived](TypeTicketArchived, TopicComplaints),
	line[TicketTallied](TypeTicketTallied, TopicComplaints),
	line[Corrected](TypeTicketCorrected, TopicComplaints),

	line[SurveyInvited](TypeSurveyInvited, TopicSurveys),
	line[SurveyAnswered](TypeSurveyAnswered, TopicSurveys),
	line[Corrected](TypeSurveyCorrected, TopicSurveys),

	line[AssuranceScheduled](TypeAssuranceScheduled, TopicAssurance),
	line[AssurancePerformed](TypeAssurancePerformed, TopicAssurance),
	line[AssuranceWaived](TypeAssuranceWaived, TopicAssurance),
	line[Corrected](TypeAssuranceCorrected, TopicAssurance),
	line[IncidentOpened](TypeIncidentOpened, TopicAssurance),
	line[IncidentClosed](TypeIncidentClosed, TopicAssurance),
	line[ResourceSnapshot](TypeResourceSnapshot, TopicAssurance),
	line[ImprovementPlanned](TypeImprovementPlanned, TopicAssurance),
	line[ImprovementStarted](TypeImprovementStarted, TopicAssurance),
	line[ImprovementChecked](TypeImprovementChecked, TopicAssurance),
	line[ImprovementClosed](TypeImprovementClosed, TopicAssurance),
	line[ExclusionRequested](TypeExclusionRequested, TopicAssurance),
	line[ExclusionApproved](TypeExclusionApproved, TopicAssurance),
	line[ExclusionWithdrawn](TypeExclusionWithdrawn, TopicAssurance),
	line[OutletRegistered](TypeOutletRegistered, TopicAssurance),
	line[RegionRegistered](TypeRegionRegistered, TopicAssurance),
	line[ConductRecorded](TypeConductRecorded, TopicAssurance),
	line[CampaignReported](TypeCampaignReported, TopicAssurance),
)

type registryLine struct {
	name, topic string
	payload     reflect.Type
}

func line[Payload any](name, topic string) registryLine {
	return registryLine{name, topic, reflect.TypeFor[Payload]()}
}

// newRegistry builds the plans. Its error is a mistake in this package, which
// the tests find; the program never starts with one.
func newRegistry(lines ...registryLine) (map[string]*spec, error) {
	specs := make(map[string]*spec, len(lines))
	families := map[string][]*plan{}
	var faults []error
	for _, l := range lines {
		p, err := newPlan(l.payload)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", l.name, err))
			continue
		}
		s := &spec{name: l.name, topic: l.topic, schemaURI: "urn:youzhi:schema:" + l.name + ":1", plan: p}
		s.corrected = l.payload == reflect.TypeFor[Corrected]()
		_, s.derives = reflect.New(l.payload).Interface().(deriver)
		if !s.corrected {
			families[l.topic] = append(families[l.topic], p)
		}
		if specs[l.name] != nil {
			faults = append(faults, fmt.Errorf("%s: two lines", l.name))
		}
		specs[l.name] = s
	}
	for topic, plans := range families {
		u, err := union(plans)
		if err != nil {
			faults = append(faults, fmt.Errorf("corrections on %s: %w", topic, err))
			continue
		}
		for _, s := range specs {
			if s.corrected && s.topic == topic {
				s.plan.byName["data"].sub = u
			}
		}
	}
	return specs, errors.Join(faults...)
}

// Types returns every event type, sorted.
func Types() []string {
	names := make([]string, 0, len(registry))
	for name := range registry {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TopicOf returns the topic that events of a type are written to; ok is false
// for a type that is not in Types.
func TopicOf(eventType string) (topic string, ok bool) {
	s, ok := registry[eventType]
	if !ok {
		return "", false
	}
	return s.topic, true
}
