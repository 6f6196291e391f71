package smpp

import "testing"

// TestCongestionIsHeard: any response may tell the peer's load, also one of which the TLVs are all;
// reserved values and other TLVs say nothing.
func TestCongestionIsHeard(t *testing.T) {
	level := func(v ...byte) TLVs { return AppendTLV(AppendTLV(nil, 0x1400, []byte("v")), TagCongestionState, v) }
	none := -1
	tests := []struct {
		name string
		send PDU
		resp []byte
		want int
	}{
		{"submit_sm", text("x"), (&SubmitSMResp{TLVs: level(50)}).AppendBody(nil), 50},
		{"submit_multi", multiPDU, (&SubmitMultiResp{TLVs: level(100)}).AppendBody(nil), 100},
		{"data_sm", &DataSM{}, (&DataSMResp{TLVs: level(0)}).AppendBody(nil), 0},
		{"query_sm", &QuerySM{}, (&QuerySMResp{TLVs: level(1)}).AppendBody(nil), 1},
		{"cancel_sm", &CancelSM{}, level(2), 2},
		{"replace_sm", &ReplaceSM{}, level(3), 3},
		{"enquire_link", EnquireLink{}, level(4), 4},
		{"reserved", text("x"), (&SubmitSMResp{TLVs: level(101)}).AppendBody(nil), none},
		{"two octets", text("x"), (&SubmitSMResp{TLVs: level(1, 2)}).AppendBody(nil), none},
		{"other TLVs", text("x"), (&SubmitSMResp{TLVs: AppendTLV(nil, 0x1400, []byte{9})}).AppendBody(nil), none},
		{"no TLVs", text("x"), (&SubmitSMResp{MessageID: "1"}).AppendBody(nil), none},
		{"no body", text("x"), nil, none},
		{"half a TLV", &CancelSM{}, level(3)[:7], none},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				heard := none
				bind := trx
				bind.InterfaceVersion = Version50
				s, r := dialRaw(t, bind, Options{Congestion: func(l uint8) { heard = int(l) }})
				if _, ok := tc.send.(EnquireLink); ok {
					h, _ := r.expect(CommandEnquireLink, StatusOK) // after the usual silence
					r.writeBytes(withBody(CommandEnquireLinkResp, h.Sequence, tc.resp))
				} else {
					out := make(outcomes, 1)
					if err := s.Send(t.Context(), tc.send, nil, out.done); err != nil {
						t.Fatal(err)
					}
					h, _ := r.expect(tc.send.Command(), StatusOK)
					r.writeBytes(withBody(h.Command.Response(), h.Sequence, tc.resp))
					if o := <-out; o.Kind != Answered {
						t.Errorf("outcome %+v", o)
					}
				}
				s.Close()
				ended(t, s, ErrClosed)
				if heard != tc.want {
					t.Errorf("heard %d, want %d", heard, tc.want)
				}
			})
		})
	}
}

// withBody makes a frame of a body in octets.
func withBody(c CommandID, seq uint32, body []byte) []byte {
	frame := append(appendFrame(nil, c, StatusOK, seq, nil, true), body...)
	putLength(frame)
	return frame
}

// TestCongestionIsTold: our responses carry our load to a peer of 5.0, to no other, and only where it
// cannot be taken for something else.
func TestCongestionIsTold(t *testing.T) {
	for version, want := range map[uint8]bool{Version33: false, Version34: false, Version50: true, 0xFF: true} {
		bubble(t, func(t *testing.T) {
			level := uint8(42)
			p := newPair(t, Options{CongestionState: func() uint8 { return level }}, func(r *Request) {
				if m, ok := r.PDU().(*SubmitSM); ok && len(m.ShortMessage) == 0 {
					_ = r.Reply(StatusThrottled, nil)
					return
				}
				_ = r.Reply(StatusOK, nil)
			})
			bind := trx
			bind.InterfaceVersion = version
			s, r := serveRaw(t, p, bind)
			told := func(c CommandID, bodyless bool) {
				t.Helper()
				frame, err := r.frames.next()
				if err != nil {
					t.Fatal(err)
				}
				h, pdu, err := Decode(frame)
				if err != nil || h.Command != c {
					t.Fatalf("%v, %v, want %v", h.Command, err, c)
				}
				var tlvs TLVs
				switch r := pdu.(type) {
				case *SubmitSMResp:
					tlvs = r.TLVs
				default:
					tlvs = TLVs(frame[headerSize:])
				}
				got, ok := tlvs.GetByte(TagCongestionState)
				if ok != (want && !bodyless) || ok && got != min(level, MaxCongestion) {
					t.Errorf("version %x, %v: congestion_state %v %d", version, c, ok, got)
				}
			}
			r.write(StatusOK, 2, text("x"))
			told(CommandSubmitSMResp, false)
			r.write(StatusOK, 3, text("")) // refused: a header alone, in which a TLV would be a message id
			told(CommandSubmitSMResp, true)
			r.write(StatusOK, 4, &CancelSM{})
			told(CommandCancelSMResp, false)
			level = 200
			r.write(StatusOK, 5, EnquireLink{})
			told(CommandEnquireLinkResp, false)
			r.conn.Close()
			ended(t, s, ErrPeerClosed)
			p.close()
		})
	}
}
