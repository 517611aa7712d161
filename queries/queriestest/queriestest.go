// Package queriestest gives tests a database of their own on the real engine.
package queriestest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"youzhi/deploy/embedded/embeddedtest"
	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/queries"
)

var count atomic.Int64

// Open makes a database with the newest schema. It is dropped when the test has
// passed and kept, with its name in the log, when it has failed. Requests to the
// engine pass through what is named, if anything.
func Open(t testing.TB, through ...func(http.RoundTripper) http.RoundTripper) *queries.DB {
	t.Helper()
	instance := embeddedtest.Engine(t)
	name := fmt.Sprintf("test_%d", count.Add(1))
	ctx := context.Background()
	transport := instance.Transport()
	for _, wrap := range through {
		transport = wrap(transport)
	}
	db, err := queries.Open(ctx, queries.Options{Transport: transport, Database: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var faults []error
		if t.Failed() {
			t.Logf("kept database %s", name)
		} else {
			faults = append(faults, db.Exec(ctx, "DROP DATABASE "+name, nil))
		}
		if err := errors.Join(append(faults, db.Close())...); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(ctx, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	return db
}

// Store decodes messages of one topic strictly and stores them as events of
// partition 0 from an offset on.
func Store(t testing.TB, db *queries.DB, topic string, first int64, messages ...[]byte) {
	t.Helper()
	received := time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC)
	var rows []queries.EventRow
	for i, m := range messages {
		e, err := event.Decode(m, received, topic)
		if err != nil {
			t.Fatalf("message %d: %v\n%s", i, err, m)
		}
		rows = append(rows, Row(e, 0, first+int64(i), received))
	}
	if err := db.InsertEvents(context.Background(), topic, queries.EventsOf(rows...)); err != nil {
		t.Fatal(err)
	}
}

// Row is an event at a place of the log.
func Row(e *event.Event, partition int32, offset int64, received time.Time) queries.EventRow {
	return queries.EventRow{
		Subject: []byte(e.Subject), Source: []byte(e.Source), ID: []byte(e.ID), Hash: e.Hash,
		Day:       calendar.DayOf(e.Time).UTC(),
		Partition: partition, Offset: offset, Type: e.Type, Time: e.Time, Sequence: []byte(e.Sequence), Recorded: e.Recorded,
		Test: e.Test, CorrectsID: []byte(e.CorrectsID), DataSchema: e.DataSchema, Data: e.Data, ReceivedAt: received,
	}
}
