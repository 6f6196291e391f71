package smpp

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecode: no frame makes the decoder panic, and what it took is the same after
// encoding and decoding again.
func FuzzDecode(f *testing.F) {
	for _, frame := range readGolden(f) {
		f.Add(frame)
	}
	for _, b := range operationBodies() {
		f.Add(withBody(b.command, 1, b.body))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, pdu, err := Decode(frame)
		if err != nil {
			var body *BodyError
			var bad *FrameError
			if !errors.As(err, &body) && !errors.As(err, &bad) {
				t.Fatalf("error of type %T", err)
			}
			return
		}
		again := appendFrame(nil, h.Command, h.Status, h.Sequence, pdu, true)
		h2, pdu2, err := Decode(again)
		if err != nil {
			t.Fatalf("%x became %x: %v", frame, again, err)
		}
		h.Length, h2.Length = 0, 0 // a missing NUL and ignored bodies change the length
		if diff := cmp.Diff(h, h2); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(pdu, pdu2); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzFrames: no stream makes the frame reader panic, return what is not a frame,
// or hold more than its limit.
func FuzzFrames(f *testing.F) {
	f.Add(stream(0, 5, 700), uint8(1))
	f.Add([]byte{0, 0, 0, 16}, uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		const limit = 1024
		r := newFrameReader(&steppedReader{data: data, step: int(step) + 1}, limit, new(atomic.Uint64))
		total := 0
		for {
			frame, err := r.next()
			if cap(r.buf) > limit {
				t.Fatalf("holds %d octets", cap(r.buf))
			}
			if err != nil {
				return
			}
			h, _ := DecodeHeader(frame)
			if int(h.Length) != len(frame) || !bytes.Equal(frame, data[total:total+len(frame)]) {
				t.Fatalf("frame at %d is not what was sent", total)
			}
			total += len(frame)
		}
	})
}

// steppedReader gives step octets at a time.
type steppedReader struct {
	data []byte
	step int
}

func (s *steppedReader) Read(b []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, errors.New("end")
	}
	n := copy(b[:min(len(b), s.step)], s.data)
	s.data = s.data[n:]
	return n, nil
}

func FuzzReceipt(f *testing.F) {
	f.Add([]byte("id:1 sub:001 dlvrd:001 submit date:2607011234 done date:2607011234 stat:DELIVRD err:000 text:x"), uint8(4), []byte{0, 0x1E, 0, 1, '1'})
	for _, s := range readShapes(f) {
		f.Add(s.text, s.class, []byte(s.tlvs))
	}
	f.Fuzz(func(t *testing.T, payload []byte, class uint8, tlvs []byte) {
		if r, ok := ReceiptOf(class, payload, TLVs(tlvs)); ok {
			if r.State > StateSkipped && r.State != StateNone {
				t.Errorf("state %d does not exist", r.State)
			}
			_ = r.ErrorCode()
		}
		if udh, body, err := SplitUDH(payload); err == nil && len(udh)+len(body) != len(payload) {
			t.Error("octets lost")
		}
		Concat(UDH(payload))
		r, err := ParseReceipt(payload)
		if err != nil {
			return
		}
		again, err := ParseReceipt(r.Append(nil))
		if err != nil || again.ID != r.ID || again.Stat != r.Stat {
			t.Errorf("%+v became %+v (%v)", r, again, err)
		}
	})
}

func FuzzTime(f *testing.F) {
	f.Add("260701120000748+")
	f.Add("000001000000000R")
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		at, relative, err := ParseTime(s, now)
		if err != nil || relative || at.IsZero() || at.Year() < 2000 || at.Year() > 2099 {
			return
		}
		again, _, err := ParseTime(FormatAbsolute(at), now)
		if err != nil || !again.Equal(at) {
			t.Errorf("%q is %v, again %v (%v)", s, at, again, err)
		}
	})
}
