package smpp

import "testing"

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

func BenchmarkParseReceipt(b *testing.B) {
	text := []byte("id:1234567890 sub:001 dlvrd:001 submit date:2611211754 done date:2611211755 stat:DELIVRD err:000 text:")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseReceipt(text); err != nil {
			b.Fatal(err)
		}
	}
}
