package smpp

import (
	"context"
	"net"
	"sync"
	"testing"
)

// TestNothingInDoubtIsCalledNotSent is the promise of Outcome under load: several
// senders, and a connection that is cut in the midst of it. Every Send that
// returned nil has exactly one outcome, what the SMSC saw is never NotSent, and
// what it did not see is never Answered.
func TestNothingInDoubtIsCalledNotSent(t *testing.T) {
	for _, cutAfter := range []int{1, 50, 3000} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{} // only the one reader writes, and it has ended when we read
		v := &Server{Options: Options{MaxPending: 500}, Bind: func(context.Context, *BindRequest, net.Addr) (Handler, error) {
			return HandlerFunc(func(r *Request) {
				seen[string(r.PDU().(*SubmitSM).ShortMessage)] = true
				_ = r.Reply(StatusOK, nil)
				if len(seen) == cutAfter {
					_ = r.Session().Close()
				}
			}), nil
		}}
		served := make(chan error, 1)
		go func() { served <- v.Serve(l) }()
		s, err := Dial(t.Context(), l.Addr().String(), trx, Options{Window: 200})
		if err != nil {
			t.Fatal(err)
		}

		var mu sync.Mutex
		outcomes := map[string][]OutcomeKind{}
		sent := make([][]string, 4)
		var senders sync.WaitGroup
		for i := range sent {
			senders.Go(func() {
				for n := 0; ; n++ {
					name := string(rune('a'+i)) + string(rune('0'+n%10)) + string(rune(0x4E00+n/10))
					err := s.Send(context.Background(), text(name), name, func(o Outcome) {
						mu.Lock()
						defer mu.Unlock()
						outcomes[name] = append(outcomes[name], o.Kind)
					})
					if err != nil {
						return
					}
					sent[i] = append(sent[i], name)
				}
			})
		}
		senders.Wait()
		<-s.Done()
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		<-served

		total := 0
		for _, names := range sent {
			for _, name := range names {
				total++
				kinds := outcomes[name]
				if len(kinds) != 1 {
					t.Fatalf("%d outcomes of one request", len(kinds))
				}
				if seen[name] && kinds[0] == NotSent || !seen[name] && kinds[0] == Answered {
					t.Errorf("seen %v, but %v", seen[name], kinds[0])
				}
			}
		}
		if total != len(outcomes) || len(seen) < cutAfter {
			t.Errorf("%d sent, %d outcomes, %d seen", total, len(outcomes), len(seen))
		}
	}
}
