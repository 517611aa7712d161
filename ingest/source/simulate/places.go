package simulate

import (
	"fmt"
	"strings"
)

// province is a division of the first level of GB/T 2260 with the cities (of a
// municipality: the districts) that the operator serves; its sorting centre lies
// in the first of them.
type province struct {
	code, zh, en string
	area         int     // index into areas
	weight       float64 // share of the volume, before it is normalised
	cities       []city
}

type city struct{ code, zh, en string }

// areas are the operator's seven regional core systems, each a source of events.
var areas = []struct{ word, zh string }{
	{"north", "华北"}, {"northeast", "东北"}, {"east", "华东"}, {"central", "华中"},
	{"south", "华南"}, {"southwest", "西南"}, {"northwest", "西北"},
}

// provinces are the 31 of mainland China. Source: GB/T 2260.
var provinces = []province{
	{"11", "北京市", "Beijing", 0, 4, []city{{"110101", "东城区", "Dongcheng"}, {"110105", "朝阳区", "Chaoyang"}, {"110108", "海淀区", "Haidian"}}},
	{"12", "天津市", "Tianjin", 0, 2, []city{{"120101", "和平区", "Heping"}, {"120104", "南开区", "Nankai"}, {"120116", "滨海新区", "Binhai New Area"}}},
	{"13", "河北省", "Hebei", 0, 5, []city{{"130100", "石家庄市", "Shijiazhuang"}, {"130200", "唐山市", "Tangshan"}, {"130600", "保定市", "Baoding"}}},
	{"14", "山西省", "Shanxi", 0, 2.5, []city{{"140100", "太原市", "Taiyuan"}, {"140200", "大同市", "Datong"}}},
	{"15", "内蒙古自治区", "Inner Mongolia", 0, 1.5, []city{{"150100", "呼和浩特市", "Hohhot"}, {"150200", "包头市", "Baotou"}}},
	{"21", "辽宁省", "Liaoning", 1, 3, []city{{"210100", "沈阳市", "Shenyang"}, {"210200", "大连市", "Dalian"}, {"210300", "鞍山市", "Anshan"}}},
	{"22", "吉林省", "Jilin", 1, 1.7, []city{{"220100", "长春市", "Changchun"}, {"220200", "吉林市", "Jilin City"}}},
	{"23", "黑龙江省", "Heilongjiang", 1, 2.2, []city{{"230100", "哈尔滨市", "Harbin"}, {"230200", "齐齐哈尔市", "Qiqihar"}, {"230600", "大庆市", "Daqing"}}},
	{"31", "上海市", "Shanghai", 2, 4, []city{{"310101", "黄浦区", "Huangpu"}, {"310112", "闵行区", "Minhang"}, {"310115", "浦东新区", "Pudong New Area"}}},
	{"32", "江苏省", "Jiangsu", 2, 7, []city{{"320100", "南京市", "Nanjing"}, {"320200", "无锡市", "Wuxi"}, {"320300", "徐州市", "Xuzhou"}, {"320500", "苏州市", "Suzhou"}}},
	{"33", "浙江省", "Zhejiang", 2, 6.5, []city{{"330100", "杭州市", "Hangzhou"}, {"330200", "宁波市", "Ningbo"}, {"330300", "温州市", "Wenzhou"}, {"330700", "金华市", "Jinhua"}}},
	{"34", "安徽省", "Anhui", 2, 4, []city{{"340100", "合肥市", "Hefei"}, {"340200", "芜湖市", "Wuhu"}, {"340800", "安庆市", "Anqing"}}},
	{"35", "福建省", "Fujian", 2, 3.5, []city{{"350100", "福州市", "Fuzhou"}, {"350200", "厦门市", "Xiamen"}, {"350500", "泉州市", "Quanzhou"}}},
	{"36", "江西省", "Jiangxi", 2, 2.8, []city{{"360100", "南昌市", "Nanchang"}, {"360700", "赣州市", "Ganzhou"}}},
	{"37", "山东省", "Shandong", 2, 7, []city{{"370100", "济南市", "Jinan"}, {"370200", "青岛市", "Qingdao"}, {"370600", "烟台市", "Yantai"}, {"371300", "临沂市", "Linyi"}}},
	{"41", "河南省", "Henan", 3, 6, []city{{"410100", "郑州市", "Zhengzhou"}, {"410300", "洛阳市", "Luoyang"}, {"411300", "南阳市", "Nanyang"}}},
	{"42", "湖北省", "Hubei", 3, 4.5, []city{{"420100", "武汉市", "Wuhan"}, {"420500", "宜昌市", "Yichang"}, {"420600", "襄阳市", "Xiangyang"}}},
	{"43", "湖南省", "Hunan", 3, 4, []city{{"430100", "长沙市", "Changsha"}, {"430200", "株洲市", "Zhuzhou"}, {"430400", "衡阳市", "Hengyang"}}},
	{"44", "广东省", "Guangdong", 4, 10, []city{{"440100", "广州市", "Guangzhou"}, {"440300", "深圳市", "Shenzhen"}, {"440600", "佛山市", "Foshan"}, {"441900", "东莞市", "Dongguan"}}},
	{"45", "广西壮族自治区", "Guangxi", 4, 2.8, []city{{"450100", "南宁市", "Nanning"}, {"450200", "柳州市", "Liuzhou"}, {"450300", "桂林市", "Guilin"}}},
	{"46", "海南省", "Hainan", 4, 1, []city{{"460100", "海口市", "Haikou"}, {"460200", "三亚市", "Sanya"}}},
	{"50", "重庆市", "Chongqing", 5, 2.8, []city{{"500103", "渝中区", "Yuzhong"}, {"500112", "渝北区", "Yubei"}, {"500101", "万州区", "Wanzhou"}}},
	{"51", "四川省", "Sichuan", 5, 6, []city{{"510100", "成都市", "Chengdu"}, {"510700", "绵阳市", "Mianyang"}, {"511300", "南充市", "Nanchong"}}},
	{"52", "贵州省", "Guizhou", 5, 2, []city{{"520100", "贵阳市", "Guiyang"}, {"520300", "遵义市", "Zunyi"}}},
	{"53", "云南省", "Yunnan", 5, 2.5, []city{{"530100", "昆明市", "Kunming"}, {"530300", "曲靖市", "Qujing"}}},
	{"54", "西藏自治区", "Tibet", 5, 0.5, []city{{"540100", "拉萨市", "Lhasa"}, {"540200", "日喀则市", "Shigatse"}}},
	{"61", "陕西省", "Shaanxi", 6, 3, []city{{"610100", "西安市", "Xi'an"}, {"610300", "宝鸡市", "Baoji"}, {"610400", "咸阳市", "Xianyang"}}},
	{"62", "甘肃省", "Gansu", 6, 1.5, []city{{"620100", "兰州市", "Lanzhou"}, {"620500", "天水市", "Tianshui"}}},
	{"63", "青海省", "Qinghai", 6, 0.6, []city{{"630100", "西宁市", "Xining"}, {"630200", "海东市", "Haidong"}}},
	{"64", "宁夏回族自治区", "Ningxia", 6, 0.7, []city{{"640100", "银川市", "Yinchuan"}, {"640300", "吴忠市", "Wuzhong"}}},
	{"65", "新疆维吾尔自治区", "Xinjiang", 6, 1.5, []city{{"650100", "乌鲁木齐市", "Urumqi"}, {"650200", "克拉玛依市", "Karamay"}}},
}

// centreOf names the sorting centre of a province.
func centreOf(p int) (zh, en string) {
	c := provinces[p].cities[0]
	if provinces[p].municipality() {
		return strings.TrimSuffix(provinces[p].zh, "市") + "邮件处理中心", provinces[p].en + " Mail Processing Centre"
	}
	return strings.TrimSuffix(c.zh, "市") + "邮件处理中心", c.en + " Mail Processing Centre"
}

func (p *province) municipality() bool {
	switch p.code {
	case "11", "12", "31", "50":
		return true
	}
	return false
}

// spot is where something is reported to have happened; either may be empty.
type spot struct{ region, outlet string }

// outlet is a post office or a delivery base.
type outlet struct {
	index    int
	code     string
	zh, en   string
	province int
	city     int
	rural    bool
	weight   float64 // share of the operator's volume, of all outlets 1
	skill    float64 // added to the chance of being in time
	staff    int
	opened   Day // first day of business; 0: before the simulation
	// whole is region and outlet, regional the region alone.
	whole, regional *spot
}

func (o *outlet) region() string { return provinces[o.province].cities[o.city].code }

// The kinds of outlets by their order within a city.
var districts = []struct{ zh, en string }{
	{"市中心邮政支局", "Central Post Office"},
	{"高新区营业部", "High-tech Zone Post Office"},
	{"大学城营业部", "University Town Post Office"},
}

// newOutlets makes the operator's outlets: two in each capital, one elsewhere,
// every other one of those a rural delivery base. The last is the planted new
// outlet, which has no volume before it opens.
func newOutlets(opened Day) []*outlet {
	var list []*outlet
	total := 0.0
	add := func(p, c, n int, zh, en string, rural bool, weight float64) {
		o := &outlet{
			index: len(list), province: p, city: c, rural: rural, weight: weight,
			code: fmt.Sprintf("%s-%02d", provinces[p].cities[c].code, n),
			zh:   provinces[p].cities[c].zh + zh, en: provinces[p].cities[c].en + " " + en,
			staff: 6 + int(weight*4),
		}
		if provinces[p].municipality() {
			o.zh = provinces[p].zh + o.zh
			o.en += ", " + provinces[p].en
		}
		o.whole, o.regional = &spot{o.region(), o.code}, &spot{region: o.region()}
		list = append(list, o)
		total += weight
	}
	for p := range provinces {
		cities := provinces[p].cities
		parts := float64(len(cities)) + 1.5
		for c := range cities {
			weight := provinces[p].weight / parts
			switch {
			case c == 0:
				add(p, c, 1, districts[0].zh, districts[0].en, false, 1.5*weight)
				add(p, c, 2, districts[1].zh, districts[1].en, false, weight)
			case c%2 == 1:
				add(p, c, 1, districts[0].zh, districts[0].en, false, weight)
			default:
				add(p, c, 1, "乡镇揽投部", "Rural Delivery Base", true, weight)
			}
		}
	}
	p := provinceIndex("44")
	add(p, 1, 2, "前海营业部", "Qianhai Post Office", false, 2)
	list[len(list)-1].opened = opened
	for _, o := range list {
		o.weight /= total
	}
	return list
}

func provinceIndex(code string) int {
	for i := range provinces {
		if provinces[i].code == code {
			return i
		}
	}
	return -1
}

// distance is 0 within a city, 1 within a province, 2 within an area, else 3.
func distance(o *outlet, p, c int) int {
	switch {
	case o.province == p && o.city == c:
		return 0
	case o.province == p:
		return 1
	case provinces[o.province].area == provinces[p].area:
		return 2
	}
	return 3
}
