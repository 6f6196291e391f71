package configs_test

import (
	"testing"

	"tasman/configs"
)

func TestNumberPlan(t *testing.T) {
	plan := configs.NewNumberPlan()
	for digits, want := range map[string]bool{
		"61412345678":     true,
		"6141234567":      false, // AU has nine digits after 61
		"614123456789":    false,
		"64211234567":     true,
		"6421123456":      true,
		"642112345678":    true,
		"64211234":        false,
		"6421123456789":   false,
		"14155550123":     true,
		"442071838750":    true,
		"9999":            false,
		"2101234567":      false, // no country has 210
		"999123456789":    false,
		"12":              false,
		"123456789012345": true,
	} {
		if got := plan.Possible(digits); got != want {
			t.Errorf("Possible(%s) = %v, want %v", digits, got, want)
		}
	}
}
