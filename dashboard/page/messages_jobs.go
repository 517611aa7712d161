package page

import "maps"

// What the scheduler says of the times that a job was not run for.
func init() {
	maps.Copy(messagesZh, map[string]string{
		"job.left_out":         "%s 的一次没有运行：%s",
		"job.left_out.many":    "%s 次没有运行（%s 至 %s）：%s",
		"job.left_out.going":   "上一次还没有结束",
		"job.left_out.by_hand": "手工启动的一次还没有结束",
		"job.left_out.newer":   "更晚的一次也已到时，只运行最晚的",
	})
	maps.Copy(messagesEn, map[string]string{
		"job.left_out":         "the run of %s was left out: %s",
		"job.left_out.many":    "%s runs from %s to %s were left out: %s",
		"job.left_out.going":   "the one before had not ended",
		"job.left_out.by_hand": "one started by hand had not ended",
		"job.left_out.newer":   "newer ones were due too, only the last was run",
	})
}
