package streams

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// answer is what the server said to a publish.
type answer struct {
	seq  uint64
	err  error // nil means stored; ErrUnknownFate is as good as no answer
	code int   // with which the stream itself refused; 0 when nobody was there
}

// Error codes of the server: that there is no room, or that an earlier try is on its way to the disks of the replicas.
const (
	codeAccountResources  = 10002
	codeInsufficient      = 10023
	codeMemoryResources   = 10028
	codeStorageResources  = 10047
	codeMessageExceeds    = 10054
	codeStreamStoreFailed = 10077
	codeInProcess         = 10158
)

// looked reports whether a stream looked for the message id before it refused: then no earlier try was stored either. Those of a
// cell see first whether server and account have room.
func (b *Bus) looked(a answer) bool {
	return a.code == codeStreamStoreFailed || a.code != 0 && b.cfg.Replicas == 1
}

func parseAnswer(m *nats.Msg) answer {
	if m.Header.Get("Status") == "503" {
		return answer{err: ErrUnavailable}
	}
	var ack struct {
		Seq   uint64 `json:"seq"`
		Error *struct {
			Code        int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return answer{err: fmt.Errorf("%w: answer not understood: %w", ErrUnknownFate, err)}
	}
	if ack.Error == nil && ack.Seq > 0 {
		return answer{seq: ack.Seq}
	}
	if ack.Error == nil {
		return answer{err: fmt.Errorf("%w: answer without a sequence", ErrUnknownFate)}
	}
	return answer{err: refusal(ack.Error.Code, ack.Error.Description), code: ack.Error.Code}
}

// refusal turns an error answer of a stream into one of ours. It is ErrUnknownFate when the server failed to write, as what failed
// to reach the disk may be found there when the server starts again, and the other replicas may have it; and when an earlier try
// is in process.
func refusal(code int, description string) error {
	switch code {
	case codeAccountResources, codeInsufficient, codeMemoryResources, codeStorageResources:
		return fmt.Errorf("%w: %s", ErrFull, description)
	case codeMessageExceeds:
		return fmt.Errorf("%w: %s", ErrTooLarge, description)
	case codeStreamStoreFailed:
		if strings.Contains(description, "maximum") {
			return fmt.Errorf("%w: %s", ErrFull, description)
		}
		return fmt.Errorf("%w: %s", ErrUnknownFate, description)
	case codeInProcess:
		return fmt.Errorf("%w: %s", ErrUnknownFate, description)
	}
	return fmt.Errorf("%w: %s (%d)", ErrNotStored, description, code)
}
