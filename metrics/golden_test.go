package metrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"youzhi/ingest/event"
	jobfold "youzhi/jobs/fold"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/policy"
	"youzhi/metrics/state"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

var update = flag.Bool("update", false, "rewrite the figures of the golden cases")

// room is the metrics room over a database of its own.
type room struct {
	db       *queries.DB
	cat      *catalogue.Catalogue
	job      *jobfold.Job
	eval     *metrics.Evaluator
	editions *state.Editions
}

func newRoom(t testing.TB) room {
	t.Helper()
	db := queriestest.Open(t)
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	pol, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	cal, err := calendar.StateCouncil()
	if err != nil {
		t.Fatal(err)
	}
	builder := state.NewBuilder(db, pol, cal)
	editions := state.NewEditions(builder)
	t.Cleanup(func() {
		if err := editions.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return room{
		db: db, cat: cat, editions: editions,
		job:  jobfold.New(jobfold.Options{Builder: builder, Facts: metrics.NewFacts(db, cat), Versions: "test", Logger: slog.New(slog.DiscardHandler)}),
		eval: metrics.New(db, cat, editions),
	}
}

// golden is a case: events in, figures out. The question's settings are lines
// name=value; where and by may stand several times.
type golden struct {
	question metrics.Question
	messages map[string][][]byte
	figures  string
}

func parseGolden(t *testing.T, key string, a *txtar.Archive) golden {
	t.Helper()
	g := golden{question: metrics.Question{Keys: []string{key}, Where: map[string][]string{}}, messages: map[string][][]byte{}}
	for _, f := range a.Files {
		switch f.Name {
		case "question":
			for _, line := range strings.Fields(string(f.Data)) {
				name, value, _ := strings.Cut(line, "=")
				var err error
				switch name {
				case "from":
					g.question.From, err = calendar.ParseDay(value)
				case "to":
					g.question.To, err = calendar.ParseDay(value)
				case "as_of":
					g.question.AsOf, err = time.Parse(time.RFC3339, value)
				case "by":
					g.question.By = append(g.question.By, value)
				case "grain":
					g.question.Grain = calendar.Grain(value)
				case "where":
					d, v, _ := strings.Cut(value, ":")
					g.question.Where[d] = append(g.question.Where[d], v)
				default:
					t.Fatalf("question: no setting %q", name)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		case "events.ndjson":
			for _, line := range bytes.Split(f.Data, []byte("\n")) {
				line = bytes.TrimSpace(line)
				if len(line) == 0 || line[0] == '#' {
					continue
				}
				var head struct {
					Type string `json:"type"`
				}
				if err := json.Unmarshal(line, &head); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				topic, ok := event.TopicOf(head.Type)
				if !ok {
					t.Fatalf("no type %q", head.Type)
				}
				g.messages[topic] = append(g.messages[topic], line)
			}
		case "figures.json":
			g.figures = string(f.Data)
		default:
			t.Fatalf("no part %q", f.Name)
		}
	}
	return g
}

// TestGolden holds each indicator to figures worked out by hand: from the events
// at the as_of of the case, and live from facts and from state, at the same
// instant.
func TestGolden(t *testing.T) {
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, ind := range cat.All() {
		t.Run(ind.Key, func(t *testing.T) {
			file := filepath.Join("testdata", ind.Key+".txtar")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			archive := txtar.Parse(text)
			g := parseGolden(t, ind.Key, archive)
			r := newRoom(t)
			ctx := context.Background()
			for topic, messages := range g.messages {
				queriestest.Store(t, r.db, topic, 0, messages...)
			}
			figures, err := r.eval.Figures(ctx, g.question)
			if err != nil {
				t.Fatal(err)
			}
			got, err := metrics.MarshalFigures(figures)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			if *update {
				for i := range archive.Files {
					if archive.Files[i].Name == "figures.json" {
						archive.Files[i].Data = got
					}
				}
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(g.figures, string(got)); diff != "" {
				t.Errorf("figures as of %s (-want +got):\n%s", g.question.AsOf, diff)
			}
			if err := r.job.Run(ctx, g.question.AsOf); err != nil {
				t.Fatal(err)
			}
			live := g.question
			live.AsOf = time.Time{}
			fromFacts, err := r.eval.Figures(ctx, live)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(figures, fromFacts); diff != "" {
				t.Errorf("live figures differ from those of the events (-events +live):\n%s", diff)
			}
		})
	}
}
