package page

import "maps"

// messagesReports are the texts of the archive of reports.
var messagesReports = map[Language]map[string]string{
	Chinese: {
		"nav.reports":           "报告",
		"job.report-monthly":    "月报",
		"reports.title":         "报告",
		"reports.lead":          "定期生成、存档后不再改动。同一期间再次生成且内容不同时，另存为新版本。",
		"reports.none":          "尚无报告。每月首个工作日 08:00 自动生成上月的月报。",
		"reports.none.now":      "立即生成（系统管理员在命令行运行）",
		"reports.month":         "%s月报",
		"reports.version":       "第 %d 版",
		"reports.lang.zh":       "中文",
		"reports.lang.en":       "English",
		"reports.read":          "阅读",
		"reports.pdf":           "PDF",
		"reports.download":      "下载",
		"reports.download.pdf":  "下载 PDF",
		"reports.download.html": "下载 HTML",
		"reports.no_pdf":        "无 PDF",
		"reports.earlier":       "更早的版本（%d）",
		"reports.more":          "只列出最近 %d 份",
		"column.report":         "报告",
		"column.language":       "语言",
		"column.as_of":          "数据截至",
		"column.made":           "生成于",
		"column.document":       "文件",
		"column.content":        "内容指纹",
		"fault.report":          "没有这份报告",
		"fault.report.pdf":      "这份报告没有 PDF：生成时没有 Chromium。请阅读 HTML。",
	},
	English: {
		"nav.reports":           "Reports",
		"job.report-monthly":    "monthly report",
		"reports.title":         "Reports",
		"reports.lead":          "Made on schedule and kept as they are. A period that is made again is kept as a further version if it says something else.",
		"reports.none":          "No reports yet. The report of a month is made on the first working day of the next, at 08:00.",
		"reports.none.now":      "To have one now (for administrators, on the command line)",
		"reports.month":         "Monthly report, %s",
		"reports.version":       "version %d",
		"reports.lang.zh":       "中文",
		"reports.lang.en":       "English",
		"reports.read":          "Read",
		"reports.pdf":           "PDF",
		"reports.download":      "Download",
		"reports.download.pdf":  "Download PDF",
		"reports.download.html": "Download HTML",
		"reports.no_pdf":        "no PDF",
		"reports.earlier":       "Earlier versions (%d)",
		"reports.more":          "Only the newest %d are listed",
		"column.report":         "Report",
		"column.language":       "Language",
		"column.as_of":          "Data up to",
		"column.made":           "Made",
		"column.document":       "Document",
		"column.content":        "Content hash",
		"fault.report":          "There is no such report",
		"fault.report.pdf":      "This report has no PDF: there was no Chromium when it was made. Read the HTML.",
	},
}

func init() {
	for language, texts := range messagesReports {
		maps.Copy(messages[language], texts)
	}
}
