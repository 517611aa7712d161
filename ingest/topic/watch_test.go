package topic

import (
	"strings"
	"testing"
	"time"

	"youzhi/deploy/embedded/embeddedtest"
)

// A partition that brings nothing although its log has more is told of, and asked
// for anew over new connections, until it moves; one that has nothing more is not.
func TestSilentPartitionIsAskedForAnew(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 1, "other": 1})
	c := client(t, k.Addrs())
	f, _ := follow(t, c, []string{name, "other"}, func(o *GroupOptions) { o.Stall = time.Second }, nil)
	write(t, c, name, 0, 10)
	write(t, c, "other", 0, 10)
	f.until(t, "all is read", func() bool { return len(f.values) == 20 })
	time.Sleep(1500 * time.Millisecond)
	f.mu.Lock()
	if len(f.stalls) > 0 {
		t.Errorf("nothing is to be read, and it is said: %v", f.stalls)
	}
	f.mu.Unlock()

	dials := k.Dials()
	k.Starve(name)
	write(t, c, name, 100, 7)
	began := time.Now()
	f.until(t, "that it stands still", func() bool { return len(f.stalls) > 0 })
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("told after %s", d)
	}
	f.mu.Lock()
	if got := f.stalls[0].Error(); !strings.Contains(got, name+"/0 stands at offset 10") || !strings.Contains(got, "7 are behind it") {
		t.Errorf("told %q", got)
	}
	f.mu.Unlock()
	// The other topic is read on by the members that ask anew.
	write(t, c, "other", 100, 5)
	f.until(t, "the other topic is read", func() bool { return len(f.values) == 25 })
	if k.Dials() == dials {
		t.Error("no new connection was made")
	}
	k.Starve("")
	f.until(t, "the rest is read", func() bool { return len(f.values) == 32 })
	f.until(t, "that it moves again", func() bool { return f.stalls[len(f.stalls)-1] == nil })
}

// An open transaction holds back what is behind it: that is said.
func TestOpenTransactionIsNamed(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 1})
	c := client(t, k.Addrs())
	write(t, c, name, 0, 3)
	end := openTransaction(within(t), t, c, messages(3, 2))
	write(t, c, name, 5, 2)
	f, _ := follow(t, c, []string{name}, func(o *GroupOptions) { o.Stall = time.Second }, nil)
	f.until(t, "that it stands still", func() bool { return len(f.stalls) > 0 })
	f.mu.Lock()
	if got := f.stalls[0].Error(); !strings.Contains(got, "a transaction is open since offset 3") {
		t.Errorf("told %q", got)
	}
	f.mu.Unlock()
	end(true)
	// The two of the transaction, its marker and the two behind it.
	f.until(t, "all is read", func() bool { return len(f.values) == 8 })
}

// A broker that is gone for a while, on the same port and with the same log.
func TestBrokerRestart(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 2})
	c := client(t, k.Addrs())
	f, _ := follow(t, c, []string{name}, nil, nil)
	write(t, c, name, 0, 50)
	f.until(t, "all is read", func() bool { return len(f.values) == 50 })
	for i, pause := range []time.Duration{0, 4 * time.Second} {
		k.Stop()
		time.Sleep(pause)
		k.Start()
		began := time.Now()
		write(t, client(t, k.Addrs()), name, 100*(i+1), 50)
		// What was not committed before comes again.
		f.until(t, "all is read after the restart", func() bool { return f.different() == 50*(i+2) })
		if d := time.Since(began); d > 15*time.Second {
			t.Errorf("away for %s, it took %s until all was read", pause, d)
		} else {
			t.Logf("away for %s, read after %s", pause, d.Round(time.Millisecond))
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.gaps) > 0 {
		t.Errorf("gaps %v", f.gaps)
	}
}

// All connections that there are fall silent, and those that come later work.
func TestConnectionsThatFallSilentAreReplaced(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 1})
	c := client(t, k.Addrs())
	f, _ := follow(t, c, []string{name}, nil, nil)
	write(t, c, name, 0, 10)
	f.until(t, "all is read", func() bool { return len(f.values) == 10 })
	k.Silence(true)
	time.Sleep(500 * time.Millisecond)
	k.Silence(false)
	began := time.Now()
	write(t, client(t, k.Addrs()), name, 100, 10)
	f.until(t, "the rest is read", func() bool { return f.different() == 20 })
	t.Logf("read after %s", time.Since(began).Round(time.Millisecond))
}

func TestLagOfEachPartition(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 2})
	c := client(t, k.Addrs())
	f, stop := follow(t, c, []string{name}, nil, nil)
	write(t, c, name, 0, 100)
	f.until(t, "all is read", func() bool { return len(f.values) == 100 })
	stop()
	acks, err := c.Write(within(t), name, messages(100, 60))
	if err != nil {
		t.Fatal(err)
	}
	want := [2]int64{}
	for _, a := range acks {
		want[a.Partition]++
	}
	offsets, err := c.Offsets(within(t), "g", name)
	if err != nil || len(offsets) != 2 {
		t.Fatalf("%+v, %v", offsets, err)
	}
	if got := [2]int64{offsets[0].Lag(), offsets[1].Lag()}; got != want {
		t.Errorf("lag %v, want %v", got, want)
	}
}
