package bench

import (
	"context"
	"time"
)

// Simulate starts an operator as `tasman up` wants it: it answers within 20 to 50 ms, sends receipts after about a second,
// and knows the magic destinations. An empty systemID or password takes any. It returns the address it listens on; stop
// unbinds and ends it, at the latest when its ctx does.
func Simulate(addr, systemID, password string) (listening string, stop func(ctx context.Context) error, err error) {
	s := NewSMSC(SMSCOptions{
		SystemID: systemID, Password: password,
		Latency:      Delay{Mean: 35 * time.Millisecond, Spread: SpreadUniform},
		ReceiptDelay: Delay{Mean: time.Second, Spread: SpreadUniform},
	})
	if err := s.Start(addr); err != nil {
		return "", nil, err
	}
	return s.Addr().String(), s.Close, nil
}
