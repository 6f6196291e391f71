package smpp

import (
	"context"
	"net"
	"sync"
	"testing"
)

func benchSubmit() *SubmitSM {
	return &SubmitSM{
		Source: Address{TON: 5, Addr: "TASMAN"}, Destination: Address{TON: 1, NPI: 1, Addr: "64211234567"},
		RegisteredDelivery: 1, ShortMessage: []byte("Kia ora, your code is on its way and this is as long as most of them are."),
	}
}

func BenchmarkDecodeSubmitSM(b *testing.B) {
	body := benchSubmit().AppendBody(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeBody(CommandSubmitSM, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeSubmitSM(b *testing.B) {
	m := benchSubmit()
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		buf = appendFrame(buf[:0], CommandSubmitSM, StatusOK, 1, m, true)
	}
}

// BenchmarkLoopback reports submit_sm per second through both sides of one
// session over TCP, both in this process.
func BenchmarkLoopback(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	v := &Server{
		Bind: func(context.Context, *BindRequest, net.Addr) (Handler, error) {
			return HandlerFunc(func(r *Request) { _ = r.Reply(StatusOK, &SubmitSMResp{MessageID: "0123456789"}) }), nil
		},
		Options: Options{MaxPending: 1000},
	}
	served := make(chan error, 1)
	go func() { served <- v.Serve(l) }()
	s, err := Dial(b.Context(), l.Addr().String(), BindRequest{Mode: BindTransceiver, SystemID: "bench"}, Options{Window: 500})
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	done := func(o Outcome) {
		if o.Kind != Answered || o.Status != StatusOK {
			b.Error(o.Kind, o.Status, o.Err)
		}
		wg.Done()
	}
	m := benchSubmit()
	b.ReportAllocs()
	for b.Loop() {
		wg.Add(1)
		if err := s.Send(context.Background(), m, nil, done); err != nil {
			b.Fatal(err)
		}
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submit_sm/s")
	_ = s.Close()
	_ = v.Close()
	<-served
}
