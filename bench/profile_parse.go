package bench

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const profileForms = `allowed are constant:RATE, poisson:RATE, steps:RATE,RATE,... and ramp:RATE-RATE, each with @TIME behind it, several parted by ';'`

// ParseProfile reads a profile of the rate:
//
//	constant:1000              a thousand a second, until the load ends
//	steps:1000,2000,5000@30s   30 s at each of the rates
//	ramp:1000-20000@5m         from one to the other in five minutes
//	poisson:1000@1m            a thousand a second on average, in random gaps
//
// Several are parted by ';' and follow each other; each but the last must have a length. With poisson, the gaps of all
// phases are drawn, as those of real traffic are. Rates are 0 to 10,000,000 messages a second.
func ParseProfile(text string, poisson bool) (*Profile, error) {
	p := &Profile{text: text}
	parts := strings.Split(text, ";")
	for i, part := range parts {
		part = strings.TrimSpace(part)
		phases, err := parsePhase(part)
		if err != nil {
			return nil, fmt.Errorf("profile: phase %d, %q: %w", i+1, part, err)
		}
		for _, ph := range phases {
			if ph.length == forever && i < len(parts)-1 {
				return nil, fmt.Errorf("profile: phase %d, %q: has no length, and only the last may have none: write @TIME behind it", i+1, part)
			}
			ph.poisson = ph.poisson || poisson
			p.add(ph)
		}
	}
	if p.Peak() <= 0 {
		return nil, fmt.Errorf("profile: %q never has a rate above 0", text)
	}
	return p, nil
}

func parsePhase(part string) ([]phase, error) {
	form, rest, ok := strings.Cut(part, ":")
	if !ok {
		return nil, fmt.Errorf("has no ':'; %s", profileForms)
	}
	length := forever
	if rates, text, ok := strings.Cut(rest, "@"); ok {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("%q is not a length such as 30s or 5m", text)
		}
		rest, length = rates, d
	}
	switch form {
	case "constant", "poisson":
		rate, err := parseRate(rest)
		if err != nil {
			return nil, err
		}
		return []phase{{name: fmt.Sprintf("%s %g/s", form, rate), from: rate, to: rate, length: length, poisson: form == "poisson"}}, nil
	case "steps":
		return parseSteps(rest, length)
	case "ramp":
		return parseRamp(rest, length)
	}
	return nil, fmt.Errorf("%q is not a form; %s", form, profileForms)
}

func parseSteps(text string, length time.Duration) ([]phase, error) {
	if length == forever {
		return nil, fmt.Errorf("steps have no length: write @TIME behind them")
	}
	var phases []phase
	for r := range strings.SplitSeq(text, ",") {
		rate, err := parseRate(r)
		if err != nil {
			return nil, err
		}
		phases = append(phases, phase{name: fmt.Sprintf("step %g/s", rate), from: rate, to: rate, length: length})
	}
	return phases, nil
}

func parseRamp(text string, length time.Duration) ([]phase, error) {
	if length == forever {
		return nil, fmt.Errorf("the ramp has no length: write @TIME behind it")
	}
	low, high, ok := strings.Cut(text, "-")
	if !ok {
		return nil, fmt.Errorf("%q is not two rates with '-' between them", text)
	}
	from, err := parseRate(low)
	if err != nil {
		return nil, err
	}
	to, err := parseRate(high)
	if err != nil {
		return nil, err
	}
	return []phase{{name: fmt.Sprintf("ramp %g to %g/s", from, to), from: from, to: to, length: length}}, nil
}

func parseRate(text string) (float64, error) {
	rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(rate >= 0 && rate <= maxRate) {
		return 0, fmt.Errorf("%q is not a rate of 0 to %d messages a second", text, maxRate)
	}
	return rate, nil
}
