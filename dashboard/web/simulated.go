package web

import (
	"context"
	"time"

	"youzhi/dashboard/page"
)

// simulation is the operator that the data are of, nil if it is no simulated one.
func (s *Server) simulation(ctx context.Context) (*page.Simulation, error) {
	stored, ok, err := s.o.DB.Simulation(ctx)
	if err != nil {
		return nil, err
	}
	if !ok {
		s.simulated.Store(nil)
		return nil, nil
	}
	out := &page.Simulation{
		Seed: stored.Seed, Scale: stored.Scale, From: stored.From, To: stored.To,
		First: stored.First, History: stored.History, Live: stored.Live, Ends: stored.Ends, Loaded: stored.Loaded(),
	}
	s.simulated.Store(out)
	return out, nil
}

// lastSimulation is what simulation last gave: a page about a fault asks nothing
// of a database that may be the fault.
func (s *Server) lastSimulation() *page.Simulation { return s.simulated.Load() }

func simulatedLine(l page.Language, of *page.Simulation, now time.Time) *page.Simulated {
	if of == nil {
		return nil
	}
	return page.SimulatedOf(l, *of, now)
}
