package mapping

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestLocalTimes(t *testing.T) {
	for _, test := range []struct {
		zone, in, want string
		change         clockChange
	}{
		{"America/Sao_Paulo", "2017-07-09 21:57:05", "2017-07-09T21:57:05-03:00", noChange},
		// Summer time began at midnight: 00:00 to 00:59 never was.
		{"America/Sao_Paulo", "2017-10-14 23:59:59", "2017-10-14T23:59:59-03:00", noChange},
		{"America/Sao_Paulo", "2017-10-15 00:00:00", "2017-10-15T00:00:00-03:00", skipped},
		{"America/Sao_Paulo", "2017-10-15 00:59:59", "2017-10-15T00:59:59-03:00", skipped},
		{"America/Sao_Paulo", "2017-10-15 01:00:00", "2017-10-15T01:00:00-02:00", noChange},
		// It ended at midnight: the last hour of the Saturday was twice.
		{"America/Sao_Paulo", "2018-02-17 22:59:59", "2018-02-17T22:59:59-02:00", noChange},
		{"America/Sao_Paulo", "2018-02-17 23:00:00", "2018-02-17T23:00:00-02:00", ambiguous},
		{"America/Sao_Paulo", "2018-02-17 23:59:59", "2018-02-17T23:59:59-02:00", ambiguous},
		{"America/Sao_Paulo", "2018-02-18 00:00:00", "2018-02-18T00:00:00-03:00", noChange},
		{"America/New_York", "2018-03-11 01:59:59", "2018-03-11T01:59:59-05:00", noChange},
		{"America/New_York", "2018-03-11 02:00:00", "2018-03-11T02:00:00-05:00", skipped},
		{"America/New_York", "2018-03-11 02:59:59", "2018-03-11T02:59:59-05:00", skipped},
		{"America/New_York", "2018-03-11 03:00:00", "2018-03-11T03:00:00-04:00", noChange},
		{"America/New_York", "2018-11-04 00:59:59", "2018-11-04T00:59:59-04:00", noChange},
		{"America/New_York", "2018-11-04 01:00:00", "2018-11-04T01:00:00-04:00", ambiguous},
		{"America/New_York", "2018-11-04 01:59:59", "2018-11-04T01:59:59-04:00", ambiguous},
		{"America/New_York", "2018-11-04 02:00:00", "2018-11-04T02:00:00-05:00", noChange},
		// Half an hour, and a whole day that never was.
		{"Australia/Lord_Howe", "2018-10-07 02:15:00", "2018-10-07T02:15:00+10:30", skipped},
		{"Australia/Lord_Howe", "2018-04-01 01:45:00", "2018-04-01T01:45:00+11:00", ambiguous},
		{"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30T12:00:00-10:00", skipped},
		{"Asia/Shanghai", "2026-02-13 16:00:00", "2026-02-13T16:00:00+08:00", noChange},
		{"Asia/Shanghai", "1986-05-04 02:30:00", "1986-05-04T02:30:00+08:00", skipped},
		{"UTC", "2017-10-15 00:00:00", "2017-10-15T00:00:00Z", noChange},
	} {
		l, err := newLayout("datetime")
		if err != nil {
			t.Fatal(err)
		}
		c := clock{layouts: []layout{l}, zone: zone(t, test.zone)}
		at, change, err := c.read(test.in)
		if got := at.Format(time.RFC3339); err != nil || got != test.want || change != test.change {
			t.Errorf("%s in %s: %s, change %d, %v; want %s, %d", test.in, test.zone, got, change, err, test.want, test.change)
		}
	}
}

// What a clock showed is read back as the instant itself, or as an earlier one
// at which it showed the same.
func TestLocalTimesReadBack(t *testing.T) {
	names := []string{"America/Sao_Paulo", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Europe/Dublin", "Pacific/Apia", "Africa/Casablanca", "UTC"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "zone")
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(0, 2_000_000_000).Draw(t, "unix"), 0).In(z)
		// Most instants are far from any change of the clock, so half of them
		// are drawn near one.
		if _, end := at.ZoneBounds(); !end.IsZero() && rapid.Bool().Draw(t, "near") {
			at = end.Add(time.Duration(rapid.Int64Range(-90_000, 90_000).Draw(t, "beside")) * time.Second).In(z)
		}
		wall := at.Format(time.DateTime)
		digits, err := time.Parse(time.DateTime, wall)
		if err != nil {
			t.Fatal(err)
		}
		got, change := fromLocal(digits, z)
		switch {
		case got.In(z).Format(time.DateTime) != wall:
			t.Fatalf("%s in %s became %s", wall, name, got.In(z))
		case change == skipped:
			t.Fatalf("%s in %s was shown, and is told to be skipped", wall, name)
		case got.After(at), got.Before(at) && change != ambiguous:
			t.Fatalf("%s in %s became %s instead of %s", wall, name, got.In(z), at)
		}
		// Shown twice means that it was shown once more an hour or so later.
		twice := false
		for _, d := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour, 24 * time.Hour} {
			twice = twice || got.Add(d).In(z).Format(time.DateTime) == wall
		}
		if twice != (change == ambiguous) {
			t.Fatalf("%s in %s: shown twice %t, change %d", wall, name, twice, change)
		}
	})
}

func TestLayouts(t *testing.T) {
	for _, test := range []struct{ layout, in, want string }{
		{"rfc3339", "2026-02-13T16:00:00.1234567+08:00", "2026-02-13T16:00:00.123456+08:00"},
		{"iso", "2026-02-13T16:00:00", "2026-02-13T16:00:00+08:00"},
		{"datetime", "2026-02-13 16:00:00.5", "2026-02-13T16:00:00.5+08:00"},
		{"date", "2026-02-13", "2026-02-13T00:00:00+08:00"},
		{"unix", "1770969600", "2026-02-13T08:00:00Z"},
		{"unix_ms", "1770969600123", "2026-02-13T08:00:00.123Z"},
		{"01/02/2006 03:04:05 PM", "02/13/2026 12:05:00 AM", "2026-02-13T00:05:00+08:00"},
		{"2006-01-02 15:04 -0700", "2026-02-13 16:00 -0300", "2026-02-13T16:00:00-03:00"},
		{"unix", "99999999999999999", `"99999999999999999" is no time as unix`},
		{"datetime", "2026-02-30 16:00:00", `"2026-02-30 16:00:00" is no time as 2006-01-02 15:04:05`},
		{"datetime", "yesterday", `"yesterday" is no time as 2006-01-02 15:04:05`},
	} {
		l, err := newLayout(test.layout)
		if err != nil {
			t.Error(err)
			continue
		}
		c := clock{layouts: []layout{l}, zone: zone(t, "Asia/Shanghai")}
		at, _, err := c.read(test.in)
		got := at.Format(time.RFC3339Nano)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s as %s: %s, want %s", test.in, test.layout, got, test.want)
		}
	}
}
