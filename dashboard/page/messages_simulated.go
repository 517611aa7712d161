package page

import "maps"

// The texts of the line about simulated data join those of all pages.
func init() {
	maps.Copy(messagesZh, map[string]string{
		"simulated":       "模拟数据，并非真实运营商（种子 %s，规模 %s，历史自 %s 至 %s）",
		"simulated.first": "历史数据装载中 %s%%：正在装载 %s 起的最近一段",
		"simulated.rest":  "历史数据装载中 %s%%：%s 起的数据已有，更早的自 %s 装载到 %s；趋势和对比尚不完整",
		"simulated.ended": "实时部分已于 %s 结束，重新演示请换一个数据文件夹",
	})
	maps.Copy(messagesEn, map[string]string{
		"simulated":       "Simulated data, no real operator (seed %s, scale %s, history from %s to %s)",
		"simulated.first": "Loading the history, %s%%: the latest part, from %s on, comes first",
		"simulated.rest":  "Loading the history, %s%%: all from %s on is in, of what was before %s to %s; trends and comparisons are not complete yet",
		"simulated.ended": "The live part ended on %s; for a new demo name another data folder",
	})
}
