package page

import "maps"

// messagesSources are the texts about sources that fall silent.
var messagesSources = map[Language]map[string]string{
	Chinese: {
		"fresh.silent":      "%d 个来源沉默",
		"data.sources":      "来源",
		"data.sources.lead": "近 90 天有事件的系统。沉默：超过一天，且比此前最长的间隔还长一半。",
		"data.sources.none": "近 90 天没有事件",
		"source.silent":     "沉默",
		"column.source":     "来源",
		"column.gap":        "此前最长间隔",
		"column.days":       "有事件的天数",
	},
	English: {
		"fresh.silent":      "silent sources: %d",
		"data.sources":      "Sources",
		"data.sources.lead": "Systems with events in the last 90 days. Silent: for more than a day, and half as long again as ever before.",
		"data.sources.none": "No events in the last 90 days",
		"source.silent":     "silent",
		"column.source":     "Source",
		"column.gap":        "Longest gap before",
		"column.days":       "Days with events",
	},
}

func init() {
	for language, texts := range messagesSources {
		maps.Copy(messages[language], texts)
	}
}
