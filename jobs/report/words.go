package report

import (
	"fmt"

	"youzhi/metrics/sentence"
)

// words are the texts of the report that no figure and no chart brings.
var words = map[sentence.Language]map[string]string{
	sentence.Chinese: {
		"tag": "zh-CN", "product": "邮质", "colon": "：", "list": "、",
		"title": "%s服务质量月报", "as_of": "数据截至 %s（北京时间）", "page": "第 %d 页，共 2 页",
		"more": "另有 %d 个信号，见第 2 页。", "leading": "四项主要指标 · 近月走势与控制限", "target": "目标 %s", "n": "n = %s", "than": "较上月", "n.of": "%s",
		"trend": "%s按月的控制图", "unfinished": "未完月份", "no_picture": "不足两个完整月份，不画走势", "break": "新阶段",
		"backlog": "未结与逾期", "backlog.lead": "截至 %s 尚未办结的业务与工单，按时限",
		"limit": "时限", "open": "未结", "due_soon": "7 天内到期", "overdue": "已逾期", "waiting": "暂停或期限未定",
		"age.0": "≤1 天", "age.1": "1–3 天", "age.2": "3–7 天", "age.3": ">7 天", "of_overdue": "逾期时长",
		"base.cases": "业务", "base.tickets": "工单", "backlog.none": "没有按时限管理的业务或工单。", "no_source": "无数据来源",
		"table": "全部指标", "table.lead": "按手册章节", "chapter": "章", "indicator": "指标", "value": "本月", "goal": "目标", "sample": "n", "change": "较上月",
		"variation": "波动", "assurance": "能力", "status": "本月结论", "table.none": "没有指标有数据。",
		"without": "无数据来源的指标（%d）", "left": "另有 %d 项指标未列入，见系统页面",
		"status.met": "达标", "status.near": "接近", "status.missed": "未达标", "status.small_sample": "样本不足", "status.no_target": "无目标", "status.no_data": "无数据", "status.no_data_source": "无数据来源",
		"variation.common": "普通", "variation.improvement": "改善", "variation.concern": "变差", "variation.neutral": "特殊",
		"assurance.pass": "稳定达标", "assurance.fail": "稳定不达标", "assurance.hit_and_miss": "时达时不达",
		"hidden.no_data": "无数据", "hidden.few_points": "期数不足", "hidden.gaps": "有间断", "hidden.few_expected": "数量太少", "hidden.trial": "基线未满", "hidden.no_variation": "无波动",
		"hidden.no_target": "无目标", "hidden.moving_target": "目标有变", "hidden.undirected": "无方向", "hidden.not_applicable": "不适用",
		"legend": "图例", "legend.variation": "波动：最近一月与控制限相比。H 偏高、L 偏低为特殊原因（蓝为改善，橙为变差），波纹为普通波动。",
		"legend.assurance": "能力：以现有过程，P 稳定达标、F 稳定不达标、? 时达时不达。灰字说明为何不作判断。",
		"legend.rule":      "控制限由基线前 12 个月算出；信号是提问，不是证明。比率的分母为期限已到者，逾期未结计为未达标。",
		"source":           "出处", "source.period": "期间", "source.as_of": "数据截至（北京）", "source.events": "事件", "source.refused": "另有 %s 条无法读取，在隔离区",
		"source.definitions": "定义版本", "source.definitions.of": "规则 %s · 日历 %s · 目录 %s", "brackets": "（%s）", "source.revisions": "指标修订", "source.revision": "第 %d 版：%s", "source.revision.all": "全部 %d 项为第 %d 版", "source.hash": "内容指纹 SHA-256", "source.again": "复算",
		"topic.youzhi.cases.v1": "业务", "topic.youzhi.complaints.v1": "工单", "topic.youzhi.surveys.v1": "调查", "topic.youzhi.assurance.v1": "保障",
		"clock.promise": "按承诺投递", "clock.acceptance": "提交后 1 个工作日受理", "clock.archiving": "办结后 1 个工作日归档", "clock.enquiry_answer": "查询 24 小时答复", "clock.feedback_response": "反馈 3 个工作日回应",
		"clock.complaint_accept": "投诉 24 小时受理", "clock.complaint_investigation": "投诉 7 个工作日调查", "clock.complaint_feedback": "投诉 15 个工作日反馈", "clock.ticket_due": "工单约定期限",
	},
	sentence.English: {
		"tag": "en", "product": "Youzhi", "colon": ": ", "list": ", ",
		"title": "Service quality report, %s", "as_of": "Data up to %s Beijing time", "page": "Page %d of 2",
		"more": "%d further signals, see page 2.", "more.one": "%d further signal, see page 2.", "leading": "Four leading indicators · months with control limits", "target": "target %s", "n": "n = %s", "than": "vs the month before", "n.of": "%s",
		"trend": "%s by month, control chart", "unfinished": "month not over", "no_picture": "Fewer than two whole months: no trend is drawn", "break": "new phase",
		"backlog": "Open and overdue", "backlog.lead": "Cases and tickets not ended at %s, by time limit",
		"limit": "Time limit", "open": "Open", "due_soon": "Due in 7 days", "overdue": "Overdue", "waiting": "Paused or no date",
		"age.0": "≤1 day", "age.1": "1–3 days", "age.2": "3–7 days", "age.3": ">7 days", "of_overdue": "Overdue for",
		"base.cases": "Cases", "base.tickets": "Tickets", "backlog.none": "No cases or tickets with a time limit.", "no_source": "no data source",
		"table": "All indicators", "table.lead": "by chapter of the manual", "chapter": "Ch.", "indicator": "Indicator", "value": "Value", "goal": "Target", "sample": "n", "change": "Change",
		"variation": "Variation", "assurance": "Capability", "status": "Verdict", "table.none": "No indicator has data.",
		"without": "Indicators without a data source (%d)", "left": "%d further indicators are not listed, see the pages of the system", "left.one": "%d further indicator is not listed, see the pages of the system",
		"status.met": "met", "status.near": "near", "status.missed": "missed", "status.small_sample": "small sample", "status.no_target": "no target", "status.no_data": "no data", "status.no_data_source": "no data source",
		"variation.common": "common", "variation.improvement": "better", "variation.concern": "worse", "variation.neutral": "special",
		"assurance.pass": "passes", "assurance.fail": "fails", "assurance.hit_and_miss": "hit and miss",
		"hidden.no_data": "no data", "hidden.few_points": "few months", "hidden.gaps": "gaps", "hidden.few_expected": "too few", "hidden.trial": "trial", "hidden.no_variation": "constant",
		"hidden.no_target": "no target", "hidden.moving_target": "new target", "hidden.undirected": "no direction", "hidden.not_applicable": "n/a",
		"legend": "Legend", "legend.variation": "Variation: the latest month against its control limits. H high or L low is a special cause (blue better, orange worse), a wave is common variation.",
		"legend.assurance": "Capability: the process as it is P consistently passes, F consistently fails, ? hits and misses its target. Grey words say why nothing is judged.",
		"legend.rule":      "Limits come from the first 12 months; a signal is a question, not a proof. Rates count what was due: open and overdue is a failure.",
		"source":           "Provenance", "source.period": "Period", "source.as_of": "Data up to (Beijing)", "source.events": "Events", "source.refused": "%s more could not be read and lie in quarantine",
		"source.definitions": "Definitions", "source.definitions.of": "policy %s · calendar %s · catalogue %s", "brackets": " (%s)", "source.revisions": "Revisions", "source.revision": "revision %d: %s", "source.revision.all": "all %d at revision %d", "source.hash": "Content SHA-256", "source.again": "To recalculate",
		"topic.youzhi.cases.v1": "cases", "topic.youzhi.complaints.v1": "tickets", "topic.youzhi.surveys.v1": "surveys", "topic.youzhi.assurance.v1": "assurance",
		"clock.promise": "Delivery as promised", "clock.acceptance": "Acceptance in 1 working day", "clock.archiving": "Archiving in 1 working day", "clock.enquiry_answer": "Enquiry answered in 24 h", "clock.feedback_response": "Feedback answered in 3 working days",
		"clock.complaint_accept": "Complaint accepted in 24 h", "clock.complaint_investigation": "Complaint investigated in 7 working days", "clock.complaint_feedback": "Complaint answered in 15 working days", "clock.ticket_due": "Date agreed for a ticket",
	},
}

// say is a text of a language with its arguments; the key where there is none,
// which a test rules out.
func say(l sentence.Language, key string, args ...any) string {
	text, ok := words[l][key]
	if !ok {
		return key
	}
	if len(args) > 0 {
		// One of something has its own words in English.
		if one, ok := words[l][key+".one"]; ok && args[0] == 1 {
			text = one
		}
		return fmt.Sprintf(text, args...)
	}
	return text
}
