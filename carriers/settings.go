package carriers

import (
	"reflect"
	"time"

	"golang.org/x/time/rate"

	"tasman/configs"
)

// A new worker means new binds, which operators count, and a pause until what is outstanding has its answer. So a running worker
// takes up what it can of a changed carrier.

// spec returns the carrier as it is set now. Who decides by several settings reads it once, or holds the worker's mutex.
func (w *worker) spec() *configs.Carrier { return w.settings.Load() }

// keepsSession reports whether a carrier was changed only in what a running worker takes up.
func keepsSession(before, after *configs.Carrier) bool {
	return reflect.DeepEqual(untilRestart(*before), untilRestart(*after))
}

// untilRestart returns a carrier without what is looked up anew each time it counts, or which take adjusts. Whatever is not named
// here, new fields too, needs a restart: the links, what a bind says and how much is in flight come from it.
func untilRestart(c configs.Carrier) configs.Carrier {
	c.Rate, c.FailoverAfter, c.RecoverAfter, c.MaxQueue = 0, 0, 0, 0
	c.Errors, c.TLVs, c.SetTLVs, c.FixedTLVs, c.ShortCodes = nil, nil, nil, nil, ""
	return c
}

// take has the running worker go by changed settings from now on: keepsSession holds for them.
func (w *worker) take(spec *configs.Carrier) {
	w.mu.Lock()
	before := w.settings.Swap(spec)
	w.setRate(time.Now(), spec.Rate)
	if spec.FailoverAfter != before.FailoverAfter {
		w.diverting = false // the next step decides by the new time
	}
	w.mu.Unlock()
	w.kick() // what waited by the old settings
}

// setRate changes the limiter in place, so that what was just sent still counts. The worker's mutex is held.
func (w *worker) setRate(now time.Time, perSecond float64) {
	if perSecond <= 0 {
		w.limiter = nil
		return
	}
	limit, burst := rate.Limit(perSecond), max(10, int(perSecond/10))
	if w.limiter == nil {
		w.limiter = rate.NewLimiter(limit, burst)
		w.emptyBucket(now) // without a limit it may just have had more than that
		return
	}
	w.limiter.SetLimitAt(now, limit)
	w.limiter.SetBurstAt(now, burst)
}
