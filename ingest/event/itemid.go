package event

// ValidItemID reports whether id is a UPU S10 identifier (two letters, nine
// digits, two letters) with its check digit right, or a domestic number: 8 to
// 32 capital letters and digits of any other shape. What looks like S10 but has
// a wrong check digit is not a domestic number.
func ValidItemID(id string) bool {
	if len(id) < 8 || len(id) > 32 {
		return false
	}
	shape := true // of S10
	for i := range len(id) {
		digit, letter := id[i] >= '0' && id[i] <= '9', id[i] >= 'A' && id[i] <= 'Z'
		if !digit && !letter {
			return false
		}
		shape = shape && (i >= 2 && i <= 10) == digit
	}
	if !shape || len(id) != 13 {
		return true
	}
	sum := 0
	for i, weight := range []int{8, 6, 4, 2, 3, 5, 9, 7} {
		sum += weight * int(id[2+i]-'0')
	}
	check := 11 - sum%11
	switch check {
	case 10:
		check = 0
	case 11:
		check = 5
	}
	return int(id[10]-'0') == check
}
