package simulate

import (
	"strconv"
	"time"

	"youzhi/ingest/event"
)

// Message is one message on its way to Kafka.
type Message struct {
	Topic string
	Key   []byte    // the subject
	Value []byte    // the event, structured CloudEvents JSON
	Sent  time.Time // when the source sends it, to the microsecond; never before the event
}

// kind is an event type.
type kind uint8

const (
	caseSubmitted kind = iota
	caseAccepted
	caseReviewed
	caseApproved
	caseProgressed
	caseDelivered
	casePromiseChanged
	casePaused
	caseResumed
	caseEnded
	caseReopened
	caseArchived
	caseCorrected
	volumeReported
	ticketReceived
	ticketAccepted
	ticketResponded
	ticketHandedOver
	ticketInvestigated
	ticketResolved
	ticketReplied
	ticketPaused
	ticketResumed
	ticketEscalated
	ticketWithdrawn
	ticketReopened
	ticketArchived
	ticketTallied
	ticketCorrected
	surveyInvited
	surveyAnswered
	surveyCorrected
	assuranceScheduled
	assurancePerformed
	assuranceWaived
	assuranceCorrected
	incidentOpened
	incidentClosed
	resourceSnapshot
	improvementPlanned
	improvementStarted
	improvementChecked
	improvementClosed
	exclusionRequested
	exclusionApproved
	exclusionWithdrawn
	outletRegistered
	regionRegistered
	conductRecorded
	campaignReported
	kinds
)

var typeNames = [kinds]string{
	event.TypeCaseSubmitted, event.TypeCaseAccepted, event.TypeCaseReviewed, event.TypeCaseApproved,
	event.TypeCaseProgressed, event.TypeCaseDelivered, event.TypeCasePromiseChanged, event.TypeCasePaused,
	event.TypeCaseResumed, event.TypeCaseEnded, event.TypeCaseReopened, event.TypeCaseArchived,
	event.TypeCaseCorrected, event.TypeVolumeReported,
	event.TypeTicketReceived, event.TypeTicketAccepted, event.TypeTicketResponded, event.TypeTicketHandedOver,
	event.TypeTicketInvestigated, event.TypeTicketResolved, event.TypeTicketReplied, event.TypeTicketPaused,
	event.TypeTicketResumed, event.TypeTicketEscalated, event.TypeTicketWithdrawn, event.TypeTicketReopened,
	event.TypeTicketArchived, event.TypeTicketTallied, event.TypeTicketCorrected,
	event.TypeSurveyInvited, event.TypeSurveyAnswered, event.TypeSurveyCorrected,
	event.TypeAssuranceScheduled, event.TypeAssurancePerformed, event.TypeAssuranceWaived, event.TypeAssuranceCorrected,
	event.TypeIncidentOpened, event.TypeIncidentClosed, event.TypeResourceSnapshot,
	event.TypeImprovementPlanned, event.TypeImprovementStarted, event.TypeImprovementChecked, event.TypeImprovementClosed,
	event.TypeExclusionRequested, event.TypeExclusionApproved, event.TypeExclusionWithdrawn,
	event.TypeOutletRegistered, event.TypeRegionRegistered, event.TypeConductRecorded, event.TypeCampaignReported,
}

// topicNames are the topics of the kinds.
var topicNames = func() (t [kinds]string) {
	for k, name := range typeNames {
		t[k], _ = event.TopicOf(name)
	}
	return t
}()

// The sources: a core system for each area, then these.
const (
	sourceCRM = 7 + iota
	sourceSurvey
	sourceQuality
	sourceRegulator
	sourceAgents
)

var sources = func() []string {
	var s []string
	for _, a := range areas {
		s = append(s, "/cn/post/core/"+a.word)
	}
	return append(s, "/cn/post/crm", "/cn/post/survey", "/cn/post/quality", "/cn/gov/12305", "/cn/post/agents")
}()

// subject is what events are about while they are made.
type subject struct {
	id     string
	source int
	test   bool
	events int
	unit   *unit // nil for what no figure counts, or without a ledger
}

func eventID(s *subject, seq int) string { return s.id + "-" + strconv.Itoa(seq) }

// maker makes the events of one day. It draws an outcome first; begin, the
// fields and end then make the event that realises it, and write the drawn
// outcome, not the event, into the ledger.
type maker struct {
	o    *Operator
	out  func(sent int64, m Message)
	from int64 // what is sent before is not written
	book bool  // the day goes into the ledger
	mute bool  // nothing is sent at all
	// force writes what is not sent, for its hash.
	force bool

	writer
	dice
	now struct {
		s        *subject
		kind     kind
		at, sent int64
		recorded int64
		again    int64 // when the message is repeated; 0 if it is not
		seq      int
	}
}

// begin starts an event and draws when it is sent.
func (m *maker) begin(s *subject, k kind, at int64) { m.beginAbout(s, k, at, "") }

// beginAbout is begin for a correction of the event with the id corrects.
func (m *maker) beginAbout(s *subject, k kind, at int64, corrects string) {
	s.events++
	n := &m.now
	n.s, n.kind, n.at, n.seq = s, k, at, s.events
	shares := &m.o.shares
	lag := m.span(second, 45*second)
	recorded := at + m.span(200_000, 2*second)
	switch u := m.Float64(); {
	case u < shares.Late:
		lag = m.span(hour, int64(shares.MaxLate/time.Microsecond))
		if m.chance(0.5) {
			recorded = at + lag - second // the source itself was late
		}
	case u < shares.Late+shares.Shuffled:
		lag = m.span(minute, 2*hour)
	}
	n.recorded = recorded
	n.sent = m.o.held(s.source, at+lag, m.dice)
	n.again = 0
	if m.chance(shares.Repeated) {
		n.again = m.o.held(s.source, n.sent+m.span(minute, 48*hour), m.dice)
	}
	m.writer.on = m.force || !m.mute && (n.sent >= m.from || n.again >= m.from)
	if !m.writer.on {
		return
	}
	m.writer.reset()
	m.text("specversion", "1.0")
	m.text("id", eventID(s, n.seq))
	m.text("source", sources[s.source])
	m.text("type", typeNames[k])
	m.text("subject", s.id)
	m.instant("time", at)
	m.text("datacontenttype", "application/json")
	m.text("dataschema", "urn:youzhi:schema:"+typeNames[k]+":1")
	m.text("sequence", padded(n.seq))
	m.instant("recordedtime", recorded)
	if s.test {
		m.flag("test", true)
	}
	m.text("correctsid", corrects)
	m.object("data")
}

// end sends the event and returns the fact that the ledger keeps of it.
func (m *maker) end() fact {
	n := &m.now
	if m.writer.on {
		m.close()
		m.close()
		msg := Message{Topic: topicNames[n.kind], Key: []byte(n.s.id), Value: append([]byte(nil), m.writer.b...)}
		for _, sent := range [...]int64{n.sent, n.again} {
			if sent >= m.from && sent > 0 && !m.mute {
				msg.Sent = toTime(sent)
				m.out(sent, msg)
			}
		}
	}
	return fact{kind: n.kind, at: n.at, known: n.sent, seq: int32(n.seq)}
}

// note writes a fact into the ledger's unit.
func (m *maker) note(s *subject, facts ...fact) {
	if s.unit != nil {
		s.unit.facts = append(s.unit.facts, facts...)
	}
}

// simple makes an event that carries no more than the fields written by data.
func (m *maker) simple(s *subject, k kind, at int64, data func()) fact {
	m.begin(s, k, at)
	if m.writer.on && data != nil {
		data()
	}
	f := m.end()
	m.note(s, f)
	return f
}

// correction corrects the event seq of s: as a void, or with what data writes.
func (m *maker) correction(s *subject, k kind, seq int, at int64, data func()) fact {
	m.beginAbout(s, k, at, eventID(s, seq))
	if m.writer.on {
		data()
	}
	return m.end()
}

func padded(n int) string {
	s := strconv.Itoa(n)
	return "0000000000"[len(s):] + s
}

// writer writes JSON. It knows no more than the simulation needs, and is some ten
// times as fast as encoding the payload structs; tests hold it to the decoder.
type writer struct {
	b  []byte
	on bool
	// first says for each open object or array whether nothing is in it yet.
	first []bool
	array []bool
}

func (w *writer) reset() {
	w.b, w.first, w.array = append(w.b[:0], '{'), append(w.first[:0], true), append(w.array[:0], false)
}

func (w *writer) comma() {
	top := len(w.first) - 1
	if !w.first[top] {
		w.b = append(w.b, ',')
	}
	w.first[top] = false
}

func (w *writer) name(name string) {
	w.comma()
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

// text leaves out what is empty.
func (w *writer) text(name, value string) {
	if !w.on || value == "" {
		return
	}
	w.name(name)
	w.quote(value)
}

func (w *writer) quote(s string) {
	w.b = append(w.b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.b = append(w.b, '\\', c)
		case c < ' ':
			w.b = append(w.b, `\u00`...)
			w.b = append(w.b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			w.b = append(w.b, c)
		}
	}
	w.b = append(w.b, '"')
}

func (w *writer) texts(name string, values ...string) {
	if !w.on || len(values) == 0 {
		return
	}
	w.name(name)
	w.b = append(w.b, '[')
	for i, v := range values {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.quote(v)
	}
	w.b = append(w.b, ']')
}

func (w *writer) flag(name string, value bool) {
	if !w.on {
		return
	}
	w.name(name)
	w.b = strconv.AppendBool(w.b, value)
}

func (w *writer) whole(name string, value int64) {
	if !w.on {
		return
	}
	w.name(name)
	w.b = strconv.AppendInt(w.b, value, 10)
}

func (w *writer) number(name string, value float64) {
	if !w.on {
		return
	}
	w.name(name)
	w.b = strconv.AppendFloat(w.b, value, 'f', -1, 64)
}

func (w *writer) null(name string) {
	if !w.on {
		return
	}
	w.name(name)
	w.b = append(w.b, "null"...)
}

func (w *writer) instant(name string, at int64) {
	if !w.on {
		return
	}
	w.name(name)
	w.b = append(appendInstant(append(w.b, '"'), at), '"')
}

func (w *writer) object(name string) {
	if !w.on {
		return
	}
	w.name(name)
	w.open('{', false)
}

func (w *writer) list(name string) {
	if !w.on {
		return
	}
	w.name(name)
	w.open('[', true)
}

// element opens an object within a list.
func (w *writer) element() {
	if !w.on {
		return
	}
	w.comma()
	w.open('{', false)
}

func (w *writer) open(brace byte, array bool) {
	w.b = append(w.b, brace)
	w.first, w.array = append(w.first, true), append(w.array, array)
}

func (w *writer) close() {
	if !w.on {
		return
	}
	top := len(w.first) - 1
	brace := byte('}')
	if w.array[top] {
		brace = ']'
	}
	w.b = append(w.b, brace)
	w.first, w.array = w.first[:top], w.array[:top]
}
