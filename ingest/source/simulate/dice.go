package simulate

import (
	"math"
	"math/rand/v2"
)

// dice draws. Every day of every outlet has dice of its own, so that a day can be
// made without those before it and always comes out the same.
type dice struct{ *rand.Rand }

// What a set of dice is for.
const (
	forCases uint64 = iota + 1
	forTickets
	forDuties
	forPlan
	forWeather
)

func newDice(seed, purpose uint64, day Day, place int) dice {
	// Neighbouring seeds must not give neighbouring streams.
	lo := mix(purpose<<48 ^ uint64(uint32(day))<<16 ^ uint64(place))
	return dice{rand.New(rand.NewPCG(mix(seed), lo))}
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (d dice) chance(p float64) bool { return d.Float64() < p }

// between returns a number in [lo, hi), and lo if that is empty.
func (d dice) between(lo, hi int64) int64 {
	if hi <= lo {
		return lo
	}
	return lo + d.Int64N(hi-lo)
}

// span is between, cut to milliseconds, which is how finely sources report.
func (d dice) span(lo, hi int64) int64 { return lo + d.between(0, hi-lo)/1000*1000 }

// poisson draws a count with the given mean.
func (d dice) poisson(mean float64) int {
	n := 0
	// The product method needs exp(-mean); beyond 30 the mean is taken in parts.
	for mean > 0 {
		part := min(mean, 30)
		mean -= part
		limit, product := math.Exp(-part), d.Float64()
		for product > limit {
			n++
			product *= d.Float64()
		}
	}
	return n
}

// pick draws an index with the given weights.
func (d dice) pick(weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := d.Float64() * sum
	for i, w := range weights {
		if at < w {
			return i
		}
		at -= w
	}
	return len(weights) - 1
}

// hours is an instant on a day, between two hours of the clock in Beijing.
func (d dice) hours(day Day, from, to int64) int64 {
	return d.span(day.start()+from*hour, day.start()+to*hour)
}
