package simulate

// node is a place on an item's way: it arrives there, or departs.
type node struct {
	activity, location string
	share              float64 // of the way, in time
	before             float64 // that of the arrival, for a departure
	cause              int     // the delay that comes before this node
	depart             bool
}

// route is the way of an item. Letters are not tracked, and services stay where
// they are.
func route(l *life) []node {
	if l.product == letter || l.product == financial {
		return nil
	}
	origin, _ := centreOf(l.o.province)
	nodes := []node{
		{"centre_arrival", origin, 0.15, 0, -1, false},
		{"centre_departure", origin, 0.25, 0.15, atOrigin, true},
	}
	if viaHub(l) {
		hub, _ := centreOf(provinceIndex(incidentProvince))
		nodes = append(nodes,
			node{"centre_arrival", hub, 0.4, 0, atOrigin, false},
			node{"centre_departure", hub, 0.48, 0.4, atTransit, true})
	}
	if l.destProvince != l.o.province {
		destination, _ := centreOf(l.destProvince)
		nodes = append(nodes,
			node{"centre_arrival", destination, 0.6, 0, onTheWay, false},
			node{"centre_departure", destination, 0.7, 0.6, atDestination, true})
	}
	office := provinces[l.destProvince].cities[l.destCity].zh + "投递部"
	return append(nodes, node{"out_for_delivery", office, 0.92, 0, atOffice, false})
}

// viaHub says whether an item goes between the north and the south, through the
// hub in between.
func viaHub(l *life) bool {
	north := func(area int) bool { return area == 0 || area == 1 || area == 6 }
	south := func(area int) bool { return area == 4 || area == 5 }
	a, b := provinces[l.o.province].area, provinces[l.destProvince].area
	return north(a) && south(b) || south(a) && north(b)
}

// travel makes the scans on the way to a delivery or another end at an instant.
// The time that it takes too long is spent at the cause.
func (m *maker) travel(l *life, end int64, arrives bool) {
	nodes := route(l)
	if len(nodes) == 0 {
		return
	}
	if m.chance(0.008) {
		return // an item that nobody scanned
	}
	firm := end - l.accepted
	if l.hasDue && end > l.accepted+l.firm() {
		firm = l.firm()
	}
	lag := end - l.accepted - firm
	if l.reason == "" {
		l.cause = m.pick(causeWeights)
	}
	if l.cause == atDestination || l.cause == onTheWay {
		if l.destProvince == l.o.province {
			l.cause = atOrigin
		}
	}
	if !arrives {
		nodes = nodes[:m.IntN(len(nodes))]
	}
	out := l.accepted
	for i, node := range nodes {
		at := l.accepted + int64(node.share*float64(firm))/1000*1000
		if node.cause >= l.cause {
			at += lag
		}
		if at <= out {
			at = out + 1000
		}
		out = at
		m.begin(l.s, caseProgressed, at)
		if m.on {
			m.text("step", "scan")
			m.text("activity", node.activity)
			m.text("location", node.location)
			if l.direction == "inbound" && i == 0 {
				m.text("emsevt", "EMD")
			}
			if lag > 12*hour && node.cause == l.cause && l.reason != "" {
				m.text("reason_code", l.reason)
			}
		}
		m.note(l.s, m.end())
	}
	l.scanned = out
	reason := "recipient_absent"
	if l.n%4 == 0 {
		reason = "address"
	}
	if lag > 12*hour && l.cause == lastMile && l.reason != "" {
		l.failed, reason = true, l.reason
	}
	if arrives && l.failed && end-out > 20*minute {
		m.begin(l.s, caseProgressed, m.span(out+minute, end-minute))
		if m.on {
			m.text("step", "scan")
			m.text("activity", "delivery_attempt")
			m.text("location", nodes[len(nodes)-1].location)
			m.whole("attempt_no", 1)
			m.text("reason_code", reason)
		}
		f := m.end()
		f.n = 1
		m.note(l.s, f)
	} else if l.failed {
		l.failed = false
	}
	if m.chance(0.06) {
		m.begin(l.s, caseProgressed, m.span(l.accepted+minute, l.accepted+max(2*minute, firm/2)))
		if m.on {
			m.text("step", "notice")
			m.text("activity", "customer_notice")
			m.flag("customer_notified", true)
		}
		f := m.end()
		f.flag = true
		m.note(l.s, f)
	}
}

// delivery makes the event of a delivery at an instant.
func (m *maker) delivery(l *life, at int64, attempt int, timeless bool) fact {
	result := m.IntN(10)
	m.begin(l.s, caseDelivered, at)
	if m.on {
		if timeless {
			m.flag("time_unknown", true)
		}
		switch {
		case result < 6 || l.product == financial:
			m.text("result", "to_addressee")
		case result < 8:
			m.text("result", "to_locker")
		default:
			m.text("result", "to_agent")
		}
		m.object("receipt")
		m.flag("case_no", true)
		m.flag("service_content", true)
		m.flag("delivered_at", l.n%83 != 7)
		m.flag("result", true)
		m.close()
		m.whole("attempt_no", int64(attempt))
		if result < 8 {
			m.text("signed_by", "self")
		} else {
			m.text("signed_by", "agent")
		}
		if l.n%11 == 3 {
			m.whole("outlet_rating", int64(3+l.n%3))
		}
	}
	f := m.end()
	f.n, f.flag = int32(attempt), timeless
	return f
}

// attempt is the number of the attempt that succeeds.
func (l *life) attempt() int {
	if l.failed {
		return 2
	}
	return 1
}

func (m *maker) ended(s *subject, w word, at int64, reason string) {
	m.begin(s, caseEnded, at)
	if m.on {
		m.text("outcome", wordNames[w])
		m.text("reason", reason)
	}
	f := m.end()
	f.word = w
	m.note(s, f)
}

func (m *maker) reopened(s *subject, k kind, at int64, reason string) {
	m.begin(s, k, at)
	if m.on {
		m.text("reason", reason)
	}
	f := m.end()
	f.flag = reason == "not_received"
	m.note(s, f)
}
