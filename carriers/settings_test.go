package carriers

import (
	"context"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// TestWhatKeepsTheSession changes each field of a carrier by itself: one that is not named here needs a restart.
func TestWhatKeepsTheSession(t *testing.T) {
	stays := []string{"Rate", "FailoverAfter", "RecoverAfter", "MaxQueue", "Errors", "TLVs", "SetTLVs", "FixedTLVs", "ShortCodes"}
	before := carrierSpec(t, "")
	if !keepsSession(before, carrierSpec(t, "")) {
		t.Error("the same carrier needs a restart")
	}
	for i := range reflect.TypeFor[configs.Carrier]().NumField() {
		after := *before
		name := reflect.TypeFor[configs.Carrier]().Field(i).Name
		alter(t, reflect.ValueOf(&after).Elem().Field(i))
		if got, want := keepsSession(before, &after), slices.Contains(stays, name); got != want {
			t.Errorf("another %s: keeps the session %v, want %v", name, got, want)
		}
	}
}

// alter gives a field another value.
func alter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch {
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.CanFloat():
		v.SetFloat(v.Float() + 1)
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), v.Len()+1, v.Len()+1))
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.Zero(v.Type().Key()), reflect.Zero(v.Type().Elem()))
	case v.Kind() == reflect.Struct:
		alter(t, v.Field(0))
	default:
		t.Fatalf("do not know how to change a %s", v.Type())
	}
}

// changing is a role whose carriers are changed: a, whose operator answers when it is told to, and another to see by that the role
// has acted on a change.
type changing struct {
	*rig
	op, mark *smpptest.SMSC
	binds    atomic.Int32 // of a
	revision uint64
}

func newChanging(t *testing.T) *changing {
	c := &changing{mark: operator(t, smpptest.Config{}), revision: 1}
	c.op = operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Hold: true}),
		Bind: func(*smpp.BindRequest) error { c.binds.Add(1); return nil }})
	c.rig = newRig(t, c.a()+carrier("mark", c.mark.Addr()))
	c.session(c.mark)
	return c
}

// a is the carrier with settings.
func (c *changing) a(spec ...string) string { return carrier("a", c.op.Addr(), spec...) }

// apply changes the resources, but for mark, which binds anew in the same change: what was to be stopped or changed then was told so.
func (c *changing) apply(resources string) {
	c.t.Helper()
	c.revision++
	mark := carrier("mark", c.mark.Addr(), "system_type: r"+string(rune('0'+c.revision)))
	if err := c.live.Swap(c.snapshot(c.revision, resources+mark)); err != nil {
		c.t.Fatal(err)
	}
	c.session(c.mark)
}

// session returns the next that an operator has.
func (c *changing) session(op *smpptest.SMSC) *smpp.Session {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	s, err := op.Session(ctx)
	if err != nil {
		c.t.Fatalf("no session: %v", err)
	}
	return s
}

// submitted queues a message of each lane and waits until the operator has them, unanswered.
func (c *changing) submitted() (ids []sms.ID) {
	c.t.Helper()
	for _, l := range sms.Lanes() {
		ids = append(ids, c.dispatch(l, l.String(), "a"))
	}
	for range ids {
		nextSubmit(c.t, c.op)
	}
	return ids
}

// awaitOnce has the operator answer, and each message sent by the one submit of it.
func (c *changing) awaitOnce(ids []sms.ID) {
	c.t.Helper()
	c.op.Release(-1)
	for _, id := range ids {
		if e := c.awaitSent(id); e.PossibleDuplicate || e.Attempt != 1 || len(e.CarrierIDs) != 1 || e.Reason != "" {
			c.t.Errorf("sent %+v", e)
		}
	}
	if n := c.op.Count(); n != len(ids) {
		c.t.Errorf("%d submits of %d messages", n, len(ids))
	}
}

func (c *changing) worker() *worker {
	c.role.mu.Lock()
	defer c.role.mu.Unlock()
	return c.role.workers["a"].worker
}

// limit returns the rate that a's worker goes by, 0 for none.
func (c *changing) limit() float64 {
	w := c.worker()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.limiter == nil {
		return 0
	}
	return float64(w.limiter.Limit())
}

// TestRateChangesInPlace changes the rate, from none to some and back, while submits are outstanding.
func TestRateChangesInPlace(t *testing.T) {
	c := newChanging(t)
	session := c.session(c.op)
	ids := c.submitted()
	c.apply(c.a("rate: 0.0001")) // hours for one
	if got := c.limit(); got != 0.0001 {
		t.Errorf("rate %v", got)
	}
	ids = append(ids, c.dispatch(sms.Alert, "by the new rate", "a"))
	c.apply(c.a("rate: 1000"))
	if got := string(nextSubmit(t, c.op).ShortMessage); got != "by the new rate" {
		t.Errorf("submitted %q", got)
	}
	if got := c.limit(); got != 1000 {
		t.Errorf("rate %v", got)
	}
	c.apply(c.a())
	if got := c.limit(); got != 0 {
		t.Errorf("rate %v", got)
	}
	c.awaitOnce(ids)
	if n := c.binds.Load(); n != 1 || session.Err() != nil {
		t.Errorf("%d binds, the first session: %v", n, session.Err())
	}
}

// TestSettingsChangeInPlace has a running worker go by other classes, parameters and times.
func TestSettingsChangeInPlace(t *testing.T) {
	var status atomic.Uint32
	op := operator(t, smpptest.Config{Script: func(int, smpp.PDU) smpptest.Answer {
		return smpptest.Answer{Status: smpp.Status(status.Load())}
	}})
	c := &changing{op: op, mark: operator(t, smpptest.Config{}), revision: 1}
	c.rig = newRig(t, c.a()+carrier("mark", c.mark.Addr()))
	c.session(c.mark)
	session := c.session(op)
	c.apply(c.a("errors: {0x0451: invalid_destination}", "set_tlvs: {0x1400: \"x\"}"))
	status.Store(0x451)
	id := c.dispatch(sms.Normal, "refused", "a")
	if sm := nextSubmit(t, op); len(sm.TLVs) == 0 {
		t.Error("submitted without the parameter")
	}
	if d := c.awaitDelivery(id); d.Error != sms.FailInvalidDestination {
		t.Errorf("delivery %+v", d)
	}
	if session.Err() != nil {
		t.Errorf("the session ended: %v", session.Err())
	}
}

// TestRestartAwaitsAnswers changes a carrier with submits outstanding so that its worker has to end, for longer than the drain of
// the role: the others are changed meanwhile, and each message goes once.
func TestRestartAwaitsAnswers(t *testing.T) {
	for label, after := range map[string]func(*changing) string{
		"changed":   func(c *changing) string { return c.a("window: 20") },
		"suspended": func(c *changing) string { return c.a("suspended: true") },
		"removed":   func(*changing) string { return "" },
	} {
		t.Run(label, func(t *testing.T) {
			c := newChanging(t)
			session := c.session(c.op)
			ids := c.submitted()
			c.worker().cfg.Drain = time.Nanosecond // so only response_timeout keeps the session
			c.apply(after(c))
			if session.Err() != nil {
				t.Errorf("the session ended: %v", session.Err())
			}
			c.awaitOnce(ids)
			<-session.Done()
			if label != "changed" {
				return
			}
			c.session(c.op)
			w := c.worker()
			w.mu.Lock()
			defer w.mu.Unlock()
			if !w.clean {
				t.Error("the worker before stopped with submits in doubt")
			}
		})
	}
}

// TestEndOfTheRoleIsBounded ends the role while a changed carrier waits for answers that never come.
func TestEndOfTheRoleIsBounded(t *testing.T) {
	c := newChanging(t)
	c.submitted()
	c.apply(c.a("window: 20"))
	ended := make(chan struct{})
	go func() {
		c.end()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second): // of response_timeout, 30s
		t.Error("the end waits for the answers")
	}
}
