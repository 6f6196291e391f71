package interop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"tasman/smpp"
)

// wire is one end of a connection, moved PDU by PDU.
type wire struct {
	t    *testing.T
	conn net.Conn
}

// answerTime bounds the wait for an answer that ought to come.
const answerTime = 10 * time.Second

func dialWire(t *testing.T, addr string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &wire{t, conn}
}

// frame is a PDU of this command, whatever its body is.
func frame(c smpp.CommandID, seq uint32, body []byte) []byte {
	b := make([]byte, 16, 16+len(body))
	binary.BigEndian.PutUint32(b, uint32(16+len(body)))
	binary.BigEndian.PutUint32(b[4:], uint32(c))
	binary.BigEndian.PutUint32(b[12:], seq)
	return append(b, body...)
}

func (w *wire) write(b []byte) {
	w.t.Helper()
	if _, err := w.conn.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

// send writes a PDU.
func (w *wire) send(seq uint32, status smpp.Status, pdu smpp.PDU) {
	w.t.Helper()
	b, err := smpp.AppendPDU(nil, status, seq, pdu)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(b)
}

// read returns the next PDU. The error is io.EOF when the other side has closed.
func (w *wire) read() (smpp.Header, []byte, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(answerTime)); err != nil {
		return smpp.Header{}, nil, err
	}
	head := make([]byte, 16)
	if _, err := io.ReadFull(w.conn, head); err != nil {
		return smpp.Header{}, nil, err
	}
	h, ok := smpp.DecodeHeader(head)
	if !ok || h.Length < 16 || h.Length > 1<<16 {
		return h, nil, fmt.Errorf("header % X", head)
	}
	b := append(head, make([]byte, h.Length-16)...)
	_, err := io.ReadFull(w.conn, b[16:])
	return h, b, err
}

// The sequence numbers of what is looked at and of the enquire_link after it.
const (
	probeSeq   = 0x7FFFFFF0
	barrierSeq = 0x7FFFFFF1
)

// probe sends the octets of a PDU with probeSeq and returns in words what comes of it. With quiet set no answer is expected:
// the answer to an enquire_link behind it shows that none came.
func (w *wire) probe(pdu []byte, quiet bool) string {
	w.t.Helper()
	if quiet {
		pdu = append(pdu[:len(pdu):len(pdu)], frame(smpp.CommandEnquireLink, barrierSeq, nil)...)
	}
	if _, err := w.conn.Write(pdu); err != nil {
		return "connection closed"
	}
	asked := smpp.CommandID(binary.BigEndian.Uint32(pdu[4:]))
	said := ""
	for {
		h, b, err := w.read()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return join(said, "no response")
		case err != nil:
			return join(said, "connection closed")
		case h.Sequence == barrierSeq:
			return join(said, "no response")
		case !h.Command.IsResponse(): // of the other side's own
			continue
		}
		said = join(said, w.answer(asked, h, b))
		if h.Command == smpp.CommandGenericNack && h.Status == smpp.StatusInvalidCommandLength || asked == smpp.CommandUnbind && h.Status == smpp.StatusOK {
			continue // the connection is closed next
		}
		return said
	}
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	if b == "no response" {
		return a
	}
	return a + ", " + b
}

// answer puts a response into words.
func (w *wire) answer(asked smpp.CommandID, h smpp.Header, b []byte) string {
	text := "ok"
	if h.Status != smpp.StatusOK {
		text = statusName(h.Status)
	}
	if h.Command != asked.Response() {
		text = h.Command.String() + " " + text
	}
	_, pdu, err := smpp.Decode(b)
	if err != nil {
		return text + " with a body that cannot be read"
	}
	switch m := pdu.(type) {
	case *smpp.BindResp:
		if v, ok := m.TLVs.GetByte(smpp.TagSCInterfaceVersion); ok {
			text += fmt.Sprintf(", sc_interface_version 0x%02X", v)
		} else if h.Status == smpp.StatusOK {
			text += ", no TLV"
		}
	case *smpp.QuerySMResp:
		if h.Status == smpp.StatusOK {
			text += ", " + m.State.String()
		}
	case *smpp.SubmitMultiResp:
		for _, u := range m.Unsuccessful {
			text += ", one refused: " + statusName(u.Status)
		}
	}
	return text
}

// statusName is the specification's name of those that the tables have.
func statusName(s smpp.Status) string {
	for name, status := range map[string]smpp.Status{
		"RINVMSGLEN": smpp.StatusInvalidMessageLength, "RINVCMDLEN": smpp.StatusInvalidCommandLength, "RINVCMDID": smpp.StatusInvalidCommandID,
		"RINVBNDSTS": smpp.StatusInvalidBindStatus, "RALYBND": smpp.StatusAlreadyBound, "RSYSERR": smpp.StatusSystemError,
		"RINVSRCADR": smpp.StatusInvalidSource, "RINVDSTADR": smpp.StatusInvalidDestination, "RINVMSGID": smpp.StatusInvalidMessageID,
		"RBINDFAIL": smpp.StatusBindFailed, "RINVPASWD": smpp.StatusInvalidPassword, "RINVSYSID": smpp.StatusInvalidSystemID,
		"RCANCELFAIL": smpp.StatusCancelFailed, "RREPLACEFAIL": smpp.StatusReplaceFailed, "RMSGQFUL": smpp.StatusMessageQueueFull,
		"RINVSERTYP": smpp.StatusInvalidServiceType, "RTHROTTLED": smpp.StatusThrottled, "RQUERYFAIL": smpp.StatusQueryFailed,
		"RINVOPTPARSTREAM": smpp.StatusInvalidTLVStream, "RINVPARLEN": smpp.StatusInvalidTLVLength, "RINVSCHED": smpp.StatusInvalidSchedule,
		"RINVEXPIRY": smpp.StatusInvalidExpiry, "RINVESMCLASS": smpp.StatusInvalidESMClass, "RINVDCS": smpp.StatusInvalidDCS,
		"RINVNUMDESTS": smpp.StatusInvalidDestinationCount, "RINVSRCTON": smpp.StatusInvalidSourceTON,
		"RINVDSTTON": smpp.StatusInvalidDestinationTON, "RINVPRTFLG": smpp.StatusInvalidPriority, "RCNTSUBDL": smpp.StatusCannotSubmitToList,
		"RINVDLNAME": smpp.StatusInvalidDistributionList,
	} {
		if s == status {
			return "ESME_" + name
		}
	}
	return s.String()
}
