package page

import (
	"time"
)

// Partition names a partition of a topic's log; the first log that a topic has had,
// number 0, needs no name.
func (l Language) Partition(log, partition int32) string {
	if log == 0 {
		return l.T("partition.first", partition)
	}
	return l.T("partition.log", partition, log)
}

// Incident is something that happened to a log before it was read.
type Incident struct {
	Found     string
	Topic     string
	Partition string
	Kind      string
	Offsets   string // from, to and without; empty where it is about none
	Lost      string // offsets that were never stored
	Bad       bool   // there are some
	Detail    string
}

// IncidentOf makes an incident ready to be shown. from and to, which is the first
// offset after them, are offsets.
func IncidentOf(l Language, found time.Time, topic, partition, kind string, from, to, lost int64, detail string) Incident {
	i := Incident{
		Found: Time(found), Topic: topic, Partition: partition, Kind: l.Word("incident", kind),
		Lost: Count(lost), Bad: lost > 0, Detail: detail,
	}
	if to > from {
		i.Offsets = l.T("incident.offsets", from, to-1)
	}
	return i
}

// messagesLogs are the texts about logs.
var messagesLogs = map[Language]map[string]string{
	Chinese: {
		"partition.first":     "%d",
		"partition.log":       "%d（日志 %d）",
		"data.incidents":      "日志事故",
		"data.incidents.lead": "尚未读取就从 Kafka 日志中消失的位点，以及被删除或重建的主题。日志里已取不回，只能由来源系统重发；同一事件重发多次也只计一次。",
		"data.incidents.none": "没有事故：读取之前没有位点消失，也没有主题被删除或重建",
		"data.incidents.last": "最近 %d 件",
		"column.found":        "发现时间",
		"column.kind":         "类别",
		"column.offsets":      "位点",
		"column.gone":         "未曾入库",
		"incident.expired":    "过期或被删除",
		"incident.compacted":  "被压缩",
		"incident.deleted":    "主题被删除",
		"incident.remade":     "主题被重建",
		"incident.offsets":    "%d 至 %d",
		"fresh.gone":          "近 7 天有 %s 个位点未读先失",
		"fresh.incidents":     "近 7 天日志事故：%d",
	},
	English: {
		"partition.first":     "%d",
		"partition.log":       "%d (log %d)",
		"data.incidents":      "Incidents of the log",
		"data.incidents.lead": "Offsets that were gone from Kafka's log before they were read, and topics that were deleted or made anew. The log has them no more; their sources can send them again, and an event sent again counts once.",
		"data.incidents.none": "None: no offset was gone before it was read, no topic was deleted or made anew",
		"data.incidents.last": "the last %d",
		"column.found":        "Found",
		"column.kind":         "Kind",
		"column.offsets":      "Offsets",
		"column.gone":         "Never stored",
		"incident.expired":    "expired or deleted",
		"incident.compacted":  "compacted away",
		"incident.deleted":    "topic deleted",
		"incident.remade":     "topic made anew",
		"incident.offsets":    "%d to %d",
		"fresh.gone":          "offsets gone before they were read, last 7 days: %s",
		"fresh.incidents":     "incidents of the log, last 7 days: %d",
	},
}

func init() {
	for language, texts := range messagesLogs {
		for key, text := range texts {
			messages[language][key] = text
		}
	}
}
