package carriers

import (
	"fmt"

	"tasman/configs"
	"tasman/smpp"
)

// newLinks makes the links of a carrier: those that submit, and those that only bring receipts and MOs. A link that submits may
// bring them too, as a transceiver. Whichever link a receipt comes on, it is matched by the carrier's id.
func newLinks(w *worker) (submitting, receiving []*link) {
	for i := range w.spec().Links {
		switch w.spec().Bind {
		case configs.BindPair:
			submitting = append(submitting, newLink(w, i, smpp.BindTransmitter, ""))
			receiving = append(receiving, newLink(w, i, smpp.BindReceiver, "r"))
		case configs.BindReceiver:
			receiving = append(receiving, newLink(w, i, smpp.BindReceiver, ""))
		default:
			submitting = append(submitting, newLink(w, i, w.spec().Bind.SMPP(), ""))
		}
	}
	return submitting, receiving
}

// everyLink returns the links of both kinds.
func (w *worker) everyLink() []*link {
	return append(w.links[:len(w.links):len(w.links)], w.receivers...)
}

// linkName is the carrier's name, the number of the link, and r for the receiver of a pair.
func linkName(carrier string, i int, suffix string) string {
	return fmt.Sprintf("%s/%d%s", carrier, i, suffix)
}
