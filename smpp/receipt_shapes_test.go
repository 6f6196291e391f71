package smpp

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shape is one receipt of testdata/receipts.txt and what it must be read as.
type shape struct {
	name, want string
	class      uint8
	text       []byte
	tlvs       TLVs
}

// readShapes reads blocks of "# name", "class HH", "text QUOTED", "wide QUOTED" (UTF-16), "udh HEX", "tlv TAG HEX" and
// "= what is read".
func readShapes(tb testing.TB) (shapes []shape) {
	tb.Helper()
	f, err := os.Open("testdata/receipts.txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		word, rest, _ := strings.Cut(strings.TrimSpace(in.Text()), " ")
		if word == "#" {
			shapes = append(shapes, shape{name: rest, class: ESMReceipt})
		}
		if word == "" || word == "#" || word == ";" {
			continue
		}
		if err := shapes[len(shapes)-1].read(word, rest); err != nil {
			tb.Fatalf("%s: %q: %v", shapes[len(shapes)-1].name, in.Text(), err)
		}
	}
	return shapes
}

func (s *shape) read(word, rest string) error {
	unhex := func(s string) ([]byte, error) { return hex.DecodeString(strings.ReplaceAll(s, " ", "")) }
	switch word {
	case "=":
		s.want = rest
	case "class":
		n, err := strconv.ParseUint(rest, 16, 8)
		s.class = uint8(n)
		return err
	case "udh":
		b, err := unhex(rest)
		s.text = append(s.text, b...)
		return err
	case "text", "wide":
		text, err := strconv.Unquote(rest)
		for _, c := range []byte(text) {
			if word == "wide" {
				s.text = append(s.text, 0)
			}
			s.text = append(s.text, c)
		}
		return err
	case "tlv":
		tag, value, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(tag, 16, 16)
		if err != nil {
			return err
		}
		b, err := unhex(value)
		s.tlvs.Add(Tag(n), b)
		return err
	default:
		return fmt.Errorf("unknown word")
	}
	return nil
}

// TestReceiptShapes reads receipts in the shapes that operators send, from deliver_sm, from message_payload and from data_sm.
func TestReceiptShapes(t *testing.T) {
	shapes := readShapes(t)
	if len(shapes) < 40 {
		t.Fatalf("only %d shapes", len(shapes))
	}
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			payload := append(TLVs(nil), s.tlvs...)
			payload.Add(TagMessagePayload, s.text)
			for where, pdu := range map[string]interface{ Receipt() (Receipt, bool) }{
				"deliver_sm":      &DeliverSM{ESMClass: s.class, ShortMessage: s.text, TLVs: s.tlvs},
				"message_payload": &DeliverSM{ESMClass: s.class, TLVs: payload},
				"data_sm":         &DataSM{ESMClass: s.class, TLVs: payload},
			} {
				if got := describe(pdu.Receipt()); got != s.want {
					t.Errorf("%s:\n got %s\nwant %s", where, got, s.want)
				}
			}
		})
	}
}

func describe(r Receipt, ok bool) string {
	if !ok {
		return "no receipt"
	}
	out := []string{"id=" + r.MessageID, "state=" + r.State.String()}
	add := func(name, value string) {
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	clock := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format("2006-01-02T15:04:05")
	}
	add("err", r.ErrorCode())
	add("submitted", clock(r.Submitted))
	add("done", clock(r.Done))
	if r.Intermediate {
		out = append(out, "intermediate")
	}
	return strings.Join(out, " ")
}

func TestReceiptDates(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 34, 56, 0, time.UTC)
	for digits, want := range map[int]string{
		10: "id:1 sub:001 dlvrd:001 submit date:2607011234 done date:0000000000 stat:DELIVRD err:000 text:",
		12: "id:1 sub:001 dlvrd:001 submit date:260701123456 done date:000000000000 stat:DELIVRD err:000 text:",
		14: "id:1 sub:001 dlvrd:001 submit date:20260701123456 done date:00000000000000 stat:DELIVRD err:000 text:",
	} {
		r := ReceiptText{ID: "1", Sub: "001", Dlvrd: "001", Submitted: at, Stat: "DELIVRD", Err: "000"}
		text := r.AppendDates(nil, digits)
		if string(text) != want {
			t.Errorf("%d digits: %s", digits, text)
		}
		again, err := ParseReceipt(text)
		if seconds := digits > 10; err != nil || !again.Submitted.Equal(at) && seconds || !again.Done.IsZero() {
			t.Errorf("%d digits: read as %+v, %v", digits, again, err)
		}
	}
}
