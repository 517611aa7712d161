package page

import "regexp"

// province is a division of the first level of GB/T 2260 and its place in the
// map of tiles.
type province struct {
	code        string
	zh, en      string
	short       string
	row, column int
}

// provinces are placed so that neighbours touch where they can.
var provinces = []province{
	{"11", "北京", "Beijing", "京", 3, 7},
	{"12", "天津", "Tianjin", "津", 4, 8},
	{"13", "河北", "Hebei", "冀", 4, 7},
	{"14", "山西", "Shanxi", "晋", 4, 6},
	{"15", "内蒙古", "Inner Mongolia", "蒙", 2, 6},
	{"21", "辽宁", "Liaoning", "辽", 3, 9},
	{"22", "吉林", "Jilin", "吉", 2, 9},
	{"23", "黑龙江", "Heilongjiang", "黑", 1, 9},
	{"31", "上海", "Shanghai", "沪", 6, 9},
	{"32", "江苏", "Jiangsu", "苏", 6, 8},
	{"33", "浙江", "Zhejiang", "浙", 7, 8},
	{"34", "安徽", "Anhui", "皖", 6, 7},
	{"35", "福建", "Fujian", "闽", 8, 7},
	{"36", "江西", "Jiangxi", "赣", 7, 7},
	{"37", "山东", "Shandong", "鲁", 5, 7},
	{"41", "河南", "Henan", "豫", 5, 6},
	{"42", "湖北", "Hubei", "鄂", 6, 6},
	{"43", "湖南", "Hunan", "湘", 7, 6},
	{"44", "广东", "Guangdong", "粤", 8, 6},
	{"45", "广西", "Guangxi", "桂", 8, 5},
	{"46", "海南", "Hainan", "琼", 9, 5},
	{"50", "重庆", "Chongqing", "渝", 6, 5},
	{"51", "四川", "Sichuan", "川", 5, 4},
	{"52", "贵州", "Guizhou", "贵", 7, 5},
	{"53", "云南", "Yunnan", "滇", 8, 4},
	{"54", "西藏", "Tibet", "藏", 5, 2},
	{"61", "陕西", "Shaanxi", "陕", 4, 5},
	{"62", "甘肃", "Gansu", "甘", 3, 3},
	{"63", "青海", "Qinghai", "青", 4, 3},
	{"64", "宁夏", "Ningxia", "宁", 3, 4},
	{"65", "新疆", "Xinjiang", "新", 3, 1},
	{"71", "台湾", "Taiwan", "台", 9, 9},
	{"81", "香港", "Hong Kong", "港", 9, 7},
	{"82", "澳门", "Macao", "澳", 9, 6},
}

var provinceOf = func() map[string]province {
	m := map[string]province{}
	for _, p := range provinces {
		m[p.code] = p
	}
	return m
}()

// code is a code of GB/T 2260: 2, 4 or 6 digits.
var code = regexp.MustCompile(`^([0-9]{2})([0-9]{2}){0,2}$`)

// Region names a region: a province by its name, a deeper level by the
// province's name and the code, anything else as it is.
func (l Language) Region(v string) string {
	m := code.FindStringSubmatch(v)
	if m == nil {
		return l.Word("value", v)
	}
	p, ok := provinceOf[m[1]]
	if !ok {
		return v
	}
	name := p.zh
	if l == English {
		name = p.en
	}
	if len(v) == 2 {
		return name
	}
	return name + " " + v
}

// Value names a value of a dimension.
func (l Language) Value(dimension, v string) string {
	switch dimension {
	case "region", "region4", "region6":
		return l.Region(v)
	case "outlet", "unit", "wave":
		return l.Word("value", v)
	}
	return l.Word(dimension, v)
}

// HasLevels says whether regions are codes of GB/T 2260, which have levels.
func HasLevels(regions []string) bool {
	for _, v := range regions {
		if _, ok := provinceOf[v]; ok {
			return true
		}
	}
	return false
}
