package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// delayForms is what ParseDelay takes, for messages.
const delayForms = `want a time such as 40ms (evenly from half of it to one and a half), or fixed:40ms, uniform:20ms-60ms, exponential:40ms, ` +
	`normal:40ms,sd=10ms, lognormal:40ms,p99=200ms (the median), pareto:10ms,p99=500ms (the shortest), empirical:p50=30ms,p99=400ms,p100=2s; each with ,cap=TIME`

// maxDelay bounds the delays that can be asked for.
const maxDelay = 24 * time.Hour

// ParseDelay reads a distribution of times:
//
//	40ms                          evenly from 20 to 60 ms
//	fixed:40ms                    always that
//	uniform:20ms-60ms             evenly between the two
//	exponential:40ms              mean
//	normal:40ms,sd=10ms           mean and standard deviation, or p99
//	lognormal:40ms,p99=200ms      median and 99th percentile, or shape: the sigma of the logarithm
//	pareto:10ms,shape=1.5         shortest and alpha, or p99
//	empirical:p50=30ms,p90=80ms,p100=2s    interpolated; below the first point all are as long as that
//
// Each takes ",cap=TIME", beyond which nothing goes. A delay is from 0 to 24 h.
func ParseDelay(text string) (Delay, error) {
	head, rest, _ := strings.Cut(strings.TrimSpace(text), ",")
	kind, main, named := strings.Cut(head, ":")
	d := Delay{Spread: Spread(kind)}
	if !named {
		d.Spread, main = SpreadUniform, kind
	}
	if d.Spread == SpreadEmpirical {
		rest, main = strings.TrimPrefix(text, string(SpreadEmpirical)+":"), ""
	}
	if err := d.parseMain(main); err != nil {
		return Delay{}, err
	}
	for option := range strings.SplitSeq(rest, ",") {
		if option == "" {
			continue
		}
		if err := d.parseOption(strings.TrimSpace(option)); err != nil {
			return Delay{}, err
		}
	}
	return d, d.check()
}

func (d *Delay) parseMain(main string) (err error) {
	switch d.Spread {
	case SpreadEmpirical:
		return nil
	case SpreadFixed, SpreadUniform, SpreadExponential, SpreadNormal, SpreadLognormal, SpreadPareto:
	default:
		return fmt.Errorf("no distribution %q: %s", d.Spread, delayForms)
	}
	if i := strings.LastIndexByte(main, '-'); i > 0 && d.Spread == SpreadUniform {
		if d.Min, err = parseTime(main[:i]); err != nil {
			return err
		}
		if d.Max, err = parseTime(main[i+1:]); err == nil && d.Max <= d.Min {
			err = fmt.Errorf("%s: the second time must be longer than the first", main)
		}
		return err
	}
	d.Mean, err = parseTime(main)
	return err
}

func parseTime(text string) (time.Duration, error) {
	v, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("%q is not a time: %s", text, delayForms)
	}
	if v < 0 || v > maxDelay {
		return 0, fmt.Errorf("%s: want a time from 0 to %v", text, maxDelay)
	}
	return v, nil
}

func (d *Delay) parseOption(option string) (err error) {
	key, value, ok := strings.Cut(option, "=")
	percent, perr := strconv.ParseFloat(strings.TrimPrefix(key, "p"), 64)
	switch {
	case !ok:
		return fmt.Errorf("%q: want KEY=VALUE; %s", option, delayForms)
	case key == "cap":
		d.Cap, err = parseTime(value)
	case key == "sd" && d.Spread == SpreadNormal:
		d.Deviation, err = parseTime(value)
	case key == "shape" && (d.Spread == SpreadLognormal || d.Spread == SpreadPareto):
		if d.Shape, err = strconv.ParseFloat(value, 64); err != nil || !(d.Shape > 0 && d.Shape <= 100) {
			return fmt.Errorf("shape=%s: want a number above 0 and up to 100", value)
		}
	case key == "p99" && (d.Spread == SpreadNormal || d.Spread == SpreadLognormal || d.Spread == SpreadPareto):
		if d.P99, err = parseTime(value); err == nil && d.P99 <= d.Mean {
			err = fmt.Errorf("p99=%s: must be longer than %v", value, d.Mean)
		}
	case d.Spread == SpreadEmpirical && strings.HasPrefix(key, "p") && perr == nil && percent >= 0 && percent <= 100:
		p := Percentile{Share: percent}
		p.At, err = parseTime(value)
		d.Points = append(d.Points, p)
	default:
		return fmt.Errorf("%s takes no %q: %s", d.Spread, key, delayForms)
	}
	return err
}

// check looks at the parts together.
func (d *Delay) check() error {
	slices.SortFunc(d.Points, func(a, b Percentile) int { return cmp.Compare(a.Share, b.Share) })
	for i, p := range d.Points {
		if i > 0 && (p.At < d.Points[i-1].At || p.Share == d.Points[i-1].Share) {
			return fmt.Errorf("p%g=%v: the times must rise with the percentiles", p.Share, p.At)
		}
	}
	switch d.Spread {
	case SpreadEmpirical:
		if len(d.Points) == 0 {
			return fmt.Errorf("empirical: want percentiles such as p50=30ms,p100=2s")
		}
	case SpreadNormal:
		if d.Deviation == 0 && d.P99 == 0 && d.Mean > 0 {
			return fmt.Errorf("normal: want sd=TIME or p99=TIME")
		}
	case SpreadLognormal, SpreadPareto:
		if d.Mean == 0 || (d.Shape == 0) == (d.P99 == 0) {
			return fmt.Errorf("%s: want a time above 0 and either p99=TIME or shape=NUMBER", d.Spread)
		}
	}
	return nil
}

// textOfMapping has a file write a delay as a mapping: {p50: 30ms, p99: 400ms}, or {lognormal: 40ms, p99: 200ms}.
func (*Delay) textOfMapping(pairs []string) string {
	for i, p := range pairs {
		kind, value, _ := strings.Cut(p, "=")
		switch Spread(kind) {
		case SpreadFixed, SpreadUniform, SpreadExponential, SpreadNormal, SpreadLognormal, SpreadPareto:
			return strings.Join(slices.Concat([]string{kind + ":" + value}, pairs[:i], pairs[i+1:]), ",")
		}
	}
	return string(SpreadEmpirical) + ":" + strings.Join(pairs, ",")
}
