package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics/calendar"
)

// The days that may be asked for: events before are refused, and after lies
// nothing that a promise could reach.
var (
	firstDay = calendar.Date(2000, time.January, 1)
	lastDay  = calendar.Date(2100, time.January, 1)
)

const (
	langCookie  = "lang"
	langMaxAge  = 365 * 24 * 60 * 60
	longestText = 256
)

// language is the reader's: of the URL, else of the cookie, else the default.
func (s *Server) language(c *fiber.Ctx) page.Language {
	for _, name := range []string{c.Query("lang"), c.Cookies(langCookie)} {
		if l, err := page.ParseLanguage(name); err == nil {
			return l
		}
	}
	return s.o.Language
}

// parameters are those of a URL, each once.
type parameters map[string]string

// scopeNames are the parameters of every page.
var scopeNames = append([]string{"lang", "grain", "period", "first", "last", "as_of"}, page.Dimensions...)

// parse reads the parameters of a URL. One that is not known is an error: left
// out in silence, it would show other figures than were asked for. An empty one
// is as good as none, since forms send them.
func parse(c *fiber.Ctx, known ...string) (parameters, error) {
	values, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return nil, &badParameter{"query", "not a list of name=value"}
	}
	out := parameters{}
	for name, vs := range values {
		if !slices.Contains(known, name) {
			return nil, &badParameter{clip(name), "no such parameter here"}
		}
		if len(vs) > 1 {
			return nil, &badParameter{name, "given more than once"}
		}
		if len(vs[0]) > longestText {
			return nil, &badParameter{name, fmt.Sprintf("longer than %d bytes", longestText)}
		}
		if strings.ContainsRune(vs[0], 0) {
			return nil, &badParameter{name, "holds a zero byte"}
		}
		if vs[0] != "" {
			out[name] = vs[0]
		}
	}
	return out, nil
}

func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

// scope reads what a page is about. The period is the one of the URL, else the
// last complete month, or the last month with data where that is earlier.
func (p parameters) scope(extent calendar.Period, now time.Time) (page.Scope, error) {
	s := page.Scope{}
	for _, d := range page.Dimensions {
		if v := p[d]; v != "" {
			if s.Where == nil {
				s.Where = map[string]string{}
			}
			s.Where[d] = v
		}
	}
	var err error
	if s.AsOf, err = p.asOf(now); err != nil {
		return s, err
	}
	if s.Period, err = p.period(extent, now); err != nil {
		return s, err
	}
	if s.Period.From < firstDay || s.Period.To > lastDay {
		return s, &badParameter{"period", fmt.Sprintf("not within %s to %s", firstDay, lastDay-1)}
	}
	return s, nil
}

// asOf reads an instant that has passed: nobody knows what will be open then.
func (p parameters) asOf(now time.Time) (time.Time, error) {
	v := p["as_of"]
	if v == "" {
		return time.Time{}, nil
	}
	// A plus sign that was not written as %2B arrives as a space.
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(v, " ", "+", 1))
	if err != nil || t.Before(firstDay.Start()) || !t.Before(lastDay.Start()) {
		return time.Time{}, &badParameter{"as_of", "want an instant with its offset such as 2019-01-01T00:00:00+08:00, from 2000 to 2099"}
	}
	if t.After(now) {
		return time.Time{}, &badParameter{"as_of", "lies in the future"}
	}
	return t.UTC(), nil
}

func (p parameters) day(name string) (calendar.Day, error) {
	d, err := calendar.ParseDay(p[name])
	if err != nil || d < firstDay || d > lastDay {
		return 0, &badParameter{name, "want a day YYYY-MM-DD from 2000 to 2099"}
	}
	return d, nil
}

func (p parameters) period(extent calendar.Period, now time.Time) (calendar.Period, error) {
	out := DefaultPeriod(extent, now)
	if v := p["period"]; v != "" {
		given, err := calendar.ParsePeriod(v)
		if err != nil {
			return out, &badParameter{"period", "want YYYY-MM-DD, YYYY-Www, YYYY-MM, YYYY-Qn, YYYY or first..last, that exists"}
		}
		out = given
	}
	switch v := p["grain"]; {
	case v == "custom":
		if p["first"] == "" && p["last"] == "" {
			return calendar.Period{From: out.From, To: out.To}, nil
		}
		first, err := p.day("first")
		if err != nil {
			return out, err
		}
		last, err := p.day("last")
		if err != nil {
			return out, err
		}
		if last < first {
			return out, &badParameter{"last", fmt.Sprintf("%s is before %s", last, first)}
		}
		return calendar.Period{From: first, To: last + 1}, nil
	case v != "":
		g, err := calendar.ParseGrain(v)
		if err != nil {
			return out, &badParameter{"grain", "want day, week, month, quarter, year or custom"}
		}
		if g != out.Grain {
			// Of a longer period the last part that has data is what a person means.
			day := out.To - 1
			if extent.Len() > 0 && out.Contains(extent.To-1) {
				day = extent.To - 1
			}
			out = calendar.PeriodOf(g, day)
		}
	}
	return out, nil
}

// DefaultPeriod is the last complete month, or the last month with data where
// that is earlier.
func DefaultPeriod(extent calendar.Period, now time.Time) calendar.Period {
	month := calendar.PeriodOf(calendar.GrainMonth, calendar.DayOf(now)).Previous()
	if extent.Len() > 0 {
		if last := calendar.PeriodOf(calendar.GrainMonth, extent.To-1); last.From < month.From {
			return last
		}
	}
	return month
}

// count reads a whole number from 1 to most.
func (p parameters) count(name string, normal, most int) (int, error) {
	v := p[name]
	if v == "" {
		return normal, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, &badParameter{name, fmt.Sprintf("want a whole number from 1 to %d", most)}
	}
	return n, nil
}

// pathText reads a part of the path.
func pathText(c *fiber.Ctx, name string) (string, error) {
	v, err := url.PathUnescape(c.Params(name))
	if err != nil || strings.ContainsRune(v, 0) || len(v) > longestText {
		return "", &badParameter{name, "not a name"}
	}
	return v, nil
}
