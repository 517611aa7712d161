package metrics

import (
	"context"
	"fmt"
	"time"

	"youzhi/metrics/catalogue"
	"youzhi/queries"
)

// Leg is a step of a late case, held against its budget.
type Leg struct {
	Step, Place, Reason string
	Began               time.Time
	// Hours that the step took, Budget what it may take; 0 for a step that no case in
	// time had.
	Hours, Budget float64
	// Cause says that the case is late because of this step.
	Cause bool
}

// Way is the way of a late case, as the delays of q's period and as_of judge it.
// There is none for a case that is not among its late ones.
func (e *Evaluator) Way(ctx context.Context, q Question, subject string) ([]Leg, error) {
	ind, q, err := e.delayQuestion(q)
	if err != nil {
		return nil, err
	}
	l, err := e.listOf(q, PartMissed)
	if err != nil {
		return nil, err
	}
	edition, asOf, release, err := e.edition(ctx, q.AsOf, []catalogue.Indicator{ind})
	if err != nil {
		return nil, err
	}
	defer release()
	p := queries.Params{"edition": edition, "as_of": queries.Instant(asOf), "subject": subject, "from": q.From.String(), "to": q.To.String()}
	budgetParams(q, p)
	_, where := split(q, p)
	statement := fmt.Sprintf(`WITH %s,
    %s
SELECT delay_steps AS steps, delay_places AS places, delay_reasons AS reasons, delay_hours AS hours, delay_overs AS overs, delay_starts AS starts, delay_at AS at
FROM %s`, reportedSQL(l.pop.Base, edition), budgetSQL(l.pop, l.cond),
		delaySQL(l.pop, l.cond, delayInputs, fmt.Sprintf(" AND day >= {from:Date} AND day < {to:Date} AND subject = {subject:String}%s AND (%s)", where, l.condition)))
	var legs []Leg
	err = e.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		var (
			steps, places, reasons []string
			hours, overs           []float64
			starts                 []time.Time
			at                     uint64
		)
		if err := scan(&steps, &places, &reasons, &hours, &overs, &starts, &at); err != nil {
			return err
		}
		for i := range steps {
			legs = append(legs, Leg{
				Step: steps[i], Place: places[i], Reason: reasons[i], Began: starts[i].UTC(), Hours: hours[i], Budget: hours[i] - overs[i], Cause: uint64(i+1) == at,
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("way of a case by %s: %w", ind.Key, err)
	}
	return legs, nil
}
