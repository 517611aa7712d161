package web

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"youzhi/dashboard/page"
	"youzhi/ingest/consume"
	"youzhi/ingest/event"
	"youzhi/queries"
)

// hidden is what nobody may see who has only the pages.
const hidden = "zhang-san-13800138000"

// seedQuarantine stores 130 messages of the last weeks, some twice, one of each
// kind among them, and what became of four.
func seedQuarantine(t testing.TB, db *queries.DB) {
	t.Helper()
	var rows []queries.QuarantineRow
	codes := quarantineCodes()
	for i := range int64(130) {
		payload := fmt.Appendf(nil, "{\"n\":%d,\"note\":%q \xff </script><b onclick=x>", i, hidden)
		row := queries.QuarantineRow{
			Topic: event.Topics()[i%4], Partition: int32(i % 3), Offset: 900_000 + i, ReceivedAt: now.Add(-time.Duration(i) * 5 * time.Hour),
			StoredAt: now.Add(-time.Duration(i) * 5 * time.Hour), Code: codes[int(i)%len(codes)], Detail: "byte 7", Source: "/cn/post/core",
			Key: []byte(hidden), Payload: payload, Size: uint64(len(payload)), SHA256: sha256.Sum256(payload),
		}
		switch {
		case row.Code == codeTimestamp:
			row.ReceivedAt = time.Unix(0, 0).UTC()
		case row.Code == "oversize":
			row.Size = 5 << 20
		case i%7 == 0:
			row.Source = ""
		case i == 12:
			row.Source = hostile
		}
		rows = append(rows, row)
	}
	ctx := t.Context()
	must(t, db.InsertQuarantine(ctx, rows))
	must(t, db.InsertQuarantine(ctx, rows[20:60])) // stored again
	place := func(i int) queries.Place {
		return queries.Place{Topic: rows[i].Topic, Partition: rows[i].Partition, Offset: rows[i].Offset}
	}
	// Back at the place of another one, an event, and one that is on its way.
	var cases []int
	for i := range rows {
		if rows[i].Topic == event.TopicCases && rows[i].Partition == 0 {
			cases = append(cases, i)
		}
	}
	must(t, db.RecordQuarantineReplays(ctx, now.Add(-time.Hour), []queries.Place{place(cases[0]), place(cases[1]), place(cases[2])},
		[]queries.Place{place(cases[3]), {Topic: event.TopicCases, Offset: 0}, {Topic: event.TopicCases, Offset: 999_999}}))
	if n, err := db.EmptyQuarantine(ctx, now.AddDate(0, 0, -25), now); err != nil || n == 0 {
		t.Fatalf("%d emptied: %v", n, err)
	}
}

// Codes are named in one place of each room, which do not know each other.
func TestQuarantineCodes(t *testing.T) {
	if want := consume.Codes(); !slices.Equal(frameCodes, want) {
		t.Errorf("%v, want %v", frameCodes, want)
	}
	for _, l := range page.Languages {
		for _, code := range quarantineCodes() {
			for _, kind := range []string{"code", "fix"} {
				if l.Word(kind, code) == code && code != "empty" {
					t.Errorf("%s has no text for %s of %s", l, kind, code)
				}
			}
		}
	}
}

var (
	placesShown = regexp.MustCompile(`data-place="([^"]+)"`)
	nextPage    = regexp.MustCompile(`<a href="([^"]+)" rel="next">`)
	codeCount   = regexp.MustCompile(`data-code="(\w+)".*?<td class="num">([\d,]+)</td>`)
)

// quarantine walks the pages and the API to their end: each message once, as many
// as are counted, none with its bytes.
func (s *site) quarantine(t *testing.T) {
	walkPage := func(path string) (places []string, first string) {
		t.Helper()
		for next := path; next != ""; {
			a := s.get(t, next, "Cookie", "lang=en")
			if a.status != http.StatusOK {
				t.Fatalf("%s: %d %s", next, a.status, a.body)
			}
			if first == "" {
				first = a.body
			}
			if strings.Contains(a.body, "13800138000") || strings.Contains(a.body, "onclick") {
				t.Fatalf("%s shows bytes of a message", next)
			}
			for _, m := range placesShown.FindAllStringSubmatch(a.body, -1) {
				places = append(places, m[1])
			}
			m := nextPage.FindStringSubmatch(a.body)
			if next = ""; m != nil {
				next = html.UnescapeString(m[1])
			}
		}
		return places, first
	}
	type answer struct {
		Counts []struct {
			Topic, Code string
			N           int
		}
		Messages []apiQuarantined
		Next     *string
	}
	walkAPI := func(query string) (places []string, counted int) {
		t.Helper()
		cursor := ""
		for {
			a := s.get(t, "/api/v1/quarantine?limit=7&"+query+cursor)
			if a.status != http.StatusOK || strings.Contains(a.body, "13800138000") || strings.Contains(a.body, "onclick") || strings.Contains(a.body, "payload") {
				t.Fatalf("%s: %d %s", query, a.status, a.body)
			}
			var got answer
			must(t, json.Unmarshal([]byte(a.body), &got))
			counted = 0
			for _, c := range got.Counts {
				counted += c.N
			}
			for _, m := range got.Messages {
				places = append(places, fmt.Sprintf("%s/%d/%d", m.Topic, m.Partition, m.Offset))
			}
			if got.Next == nil {
				return places, counted
			}
			cursor = "&cursor=" + *got.Next
		}
	}
	for _, c := range []struct{ page, api string }{
		{"", ""},
		{"topic=youzhi.cases.v1", "topic=youzhi.cases.v1"},
		{"code=json", "code=json"},
		{"since=2026-10-25&through=2026-10-30", "from=2026-10-25&to=2026-10-31"},
		{"since=1970-01-01&through=1970-01-01", "from=1970-01-01&to=1970-01-02"},
		{"source=%2Fcn%2Fpost%2Fcore", "source=%2Fcn%2Fpost%2Fcore"},
		{"source=" + url.QueryEscape(hostile), "source=" + url.QueryEscape(hostile)},
	} {
		shown, body := walkPage("/quarantine?" + c.page)
		given, counted := walkAPI(c.api)
		if !slices.Equal(shown, given) || len(shown) == 0 {
			t.Errorf("%s: %d messages on the page, %d of the API", c.page, len(shown), len(given))
		}
		if seen := slices.Compact(slices.Sorted(slices.Values(shown))); len(seen) != len(shown) {
			t.Errorf("%s: %d of %d messages are different", c.page, len(seen), len(shown))
		}
		total := 0
		for _, m := range codeCount.FindAllStringSubmatch(strings.ReplaceAll(body, "\n", ""), -1) {
			n := 0
			if _, err := fmt.Sscan(strings.ReplaceAll(m[2], ",", ""), &n); err != nil {
				t.Fatal(err)
			}
			total += n
		}
		if total != len(shown) || !strings.Contains(c.page, "source") && counted != len(shown) {
			t.Errorf("%s: %d messages are listed, the page counts %d, the API %d", c.page, len(shown), total, counted)
		}
	}
	_, body := walkPage("/quarantine")
	text := html.UnescapeString(body)
	for _, want := range []string{"replayed, became event", "replayed, back in quarantine: ", "replayed, waiting", "first 64 KiB", "removed", "whole", "source not readable", "The record time of 6 more messages could not be kept", "Have the producer write UTF-8"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if a := s.get(t, "/data", "Cookie", "lang=en"); strings.Contains(a.body, "13800138000") || !strings.Contains(a.body, `href="/quarantine?`) {
		t.Error("the data page shows bytes, or does not lead to the quarantine")
	}
}

// Too many bad messages: every page says so, and the health with its details, which
// stays ready.
func TestQuarantineAlarm(t *testing.T) {
	s := serve(t, func(t testing.TB, db *queries.DB) {
		must(t, db.RecordQuarantineMinutes(t.Context(), "a", []queries.QuarantineMinute{
			{Minute: now.Add(-3 * time.Minute).Truncate(time.Minute), Topic: event.TopicCases, Messages: 1000, Quarantined: 123},
			{Minute: now.Truncate(time.Minute), Topic: event.TopicSurveys, Messages: 99, Quarantined: 99},
			{Minute: now.Truncate(time.Minute), Topic: event.TopicAssurance, Messages: 1000, Quarantined: 10},
		}))
	})
	for path, want := range map[string]string{"/": "Cases: 12.3 % to quarantine", "/data": "Cases: 12.3 % to quarantine", "/quarantine": "alarm above 1.0 %"} {
		if a := s.get(t, path, "Cookie", "lang=en"); a.status != http.StatusOK || !strings.Contains(a.body, want) || strings.Contains(a.body, "Surveys: ") || strings.Contains(a.body, "Assurance: ") {
			t.Errorf("%s: %d, no %q in\n%s", path, a.status, want, a.body)
		}
	}
	if a := s.get(t, "/", "Cookie", "lang=zh"); !strings.Contains(a.body, "业务隔离率 12.3 %") {
		t.Error("the bar does not say it in Chinese")
	}
	a := s.get(t, "/readyz")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"reason": "123 of the last 1000 messages went to quarantine"`) || strings.Contains(a.body, event.TopicSurveys) {
		t.Errorf("%d %s", a.status, a.body)
	}
	a = s.get(t, "/api/v1/quarantine")
	var got struct {
		Shares []apiShare
		Alarm  float64 `json:"alarm_ratio"`
	}
	must(t, json.Unmarshal([]byte(a.body), &got))
	if len(got.Shares) != 3 || got.Alarm != 0.01 || !slices.ContainsFunc(got.Shares, func(s apiShare) bool { return s.Topic == event.TopicCases && s.Alarm && s.Ratio == 0.123 }) {
		t.Errorf("%+v", got)
	}
}
