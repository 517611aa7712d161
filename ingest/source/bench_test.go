package source

import (
	"context"
	"testing"

	"youzhi/ingest/topic"
)

// discard acknowledges and forgets.
type discard struct{}

func (discard) Write(_ context.Context, _ string, messages []topic.Message) ([]topic.Acknowledgement, error) {
	return make([]topic.Acknowledgement, len(messages)), nil
}

// BenchmarkImport reads rows of a CSV file into three events each, without Kafka.
func BenchmarkImport(b *testing.B) {
	const rows = 20_000
	o := simple(b, rows)
	o.Sink = discard{}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Import(context.Background(), o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(3*rows*b.N)/b.Elapsed().Seconds(), "events/s")
}
