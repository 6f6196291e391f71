package index

import (
	"strings"

	"tasman/sms"
)

// ByCarrierID finds the message that a carrier's id stands for, as ByReceipt does for a receipt that names no handset.
func (x *Index) ByCarrierID(carrier, carrierID string) (Match, bool, error) {
	return x.ByReceipt(&sms.Inbound{Carrier: carrier, Receipt: &sms.Receipt{CarrierID: carrierID}})
}

// ByReceipt finds the message that a carrier's receipt is about. The id may be written otherwise than in the answer to the
// submit: in other case, with or without leading zeros, in hexadecimal or decimal. The same writing wins over other case
// and zeros, these over another base, and of several messages the newest. An id of digits alone is tried in another base
// only where the carrier is known to mix them (see forms.go): a receipt that comes before its answer must not be taken for
// the receipt of another message.
//
// Where the carrier mixes bases, "100" may name two messages, one answered as 100 and one as 64. Then the handset decides:
// the receipt's source, or its destination where the carrier does not swap them, is the message's destination.
func (x *Index) ByReceipt(in *sms.Inbound) (Match, bool, error) {
	carrier, carrierID := in.Carrier, in.Receipt.CarrierID
	if carrierID == "" || len(carrierID) > maxCarrierID {
		return Match{}, false, nil
	}
	if err := x.enter(); err != nil {
		return Match{}, false, err
	}
	defer x.leave()
	canonical, seen := canonicalID(carrierID), x.forms.of(carrier)
	asIs, found, same, err := x.matchOf(carrier, canonical, carrierID)
	if err != nil {
		return Match{}, false, err
	}
	if found && !mixed(seen) {
		return asIs, true, x.sawForm(carrier, formOfMatch(carrierID, same))
	}
	other, form, err := x.inOtherBase(in, canonical, seen)
	if err != nil || !found && form == 0 {
		return Match{}, false, err
	}
	first, second := handsetUnknown, handsetDiffers
	if found && form != 0 {
		if first, err = x.fits(in, asIs.ID); err == nil {
			second, err = x.fits(in, other.ID)
		}
		if err != nil {
			return Match{}, false, err
		}
	}
	switch {
	case !found || first < second || first == second && converts(seen):
		return other, true, x.sawForm(carrier, form&^formFound)
	case isLetteredHex(carrierID): // digits alone prove nothing of a carrier that may mix bases
		return asIs, true, x.sawForm(carrier, formOfMatch(carrierID, same))
	}
	return asIs, true, nil
}

// formFound is set in what inOtherBase returns when it found a message.
const formFound = 1 << 7

// inOtherBase looks for a message whose answer had the id in another base, the one to the receipt's handset if there are two,
// and says what that tells of the carrier; 0 when there is none.
func (x *Index) inOtherBase(in *sms.Inbound, canonical string, seen byte) (best Match, form byte, err error) {
	fit := handsetDiffers
	for _, other := range otherBases(canonical, seen) {
		m, found, _, err := x.matchOf(in.Carrier, other, other)
		if err != nil {
			return Match{}, 0, err
		}
		if !found {
			continue
		}
		f, err := x.fits(in, m.ID)
		if err != nil {
			return Match{}, 0, err
		}
		if form != 0 && f <= fit {
			continue
		}
		best, fit, form = m, f, formFound
		switch {
		case isLetteredHex(canonical):
			form |= formHexReceipts
		case isLetteredHex(other):
			form |= formDecimalReceipts
		}
	}
	return best, form, nil
}

// formOfMatch is what an id that was found without conversion tells.
func formOfMatch(carrierID string, same bool) byte {
	form := byte(formExact)
	if !same {
		form = formSpelling
	}
	if isLetteredHex(carrierID) {
		form |= formSame
	}
	return form
}

// mixed reports whether a carrier may answer in one base and report in another.
func mixed(seen byte) bool {
	return seen&formSame == 0 && seen&(formHexIDs|formHexReceipts|formDecimalReceipts) != 0
}

// converts reports whether a carrier was seen to.
func converts(seen byte) bool {
	return seen&formSame == 0 && seen&(formHexReceipts|formDecimalReceipts) != 0
}

// sawExact notes that a receipt from memory had the id of the answer.
func (x *Index) sawExact(carrier, carrierID string) {
	seen := x.forms.of(carrier)
	if seen&(formExact|formSame) == formExact|formSame || seen&formExact != 0 && !isLetteredHex(carrierID) || mixed(seen) && !isLetteredHex(carrierID) {
		return
	}
	if x.enter() != nil {
		return
	}
	defer x.leave()
	_ = x.sawForm(carrier, formOfMatch(carrierID, true)) // kept in memory all the same; a store that fails says so itself
}

// handsetFit says whether a message may be the one that a receipt's addresses are about; the larger the likelier.
type handsetFit uint8

const (
	handsetDiffers handsetFit = iota
	handsetUnknown            // the receipt names none, or the message is not indexed yet
	handsetSame
)

// fits compares a receipt's addresses with a message's destination.
func (x *Index) fits(in *sms.Inbound, id sms.ID) (handsetFit, error) {
	f, err := x.factsOf(id)
	if err != nil || f == nil || !f.told() {
		return handsetUnknown, err
	}
	m := f.described()
	return fitOf(in, m.Destination), nil
}

// plausible reports whether a receipt may be about a remembered message of the very same id: where the carrier mixes bases,
// only if nothing speaks against its handset.
func (x *Index) plausible(in *sms.Inbound, t *Taken) bool {
	return in.Source == t.Destination || !mixed(x.forms.of(in.Carrier)) || fitOf(in, t.Destination) != handsetDiffers
}

func fitOf(in *sms.Inbound, handset sms.Address) handsetFit {
	switch {
	case sameHandset(in.Source, handset) || sameHandset(in.Dest, handset):
		return handsetSame
	case !isHandset(handset) || !isHandset(in.Source) && !isHandset(in.Dest):
		return handsetUnknown
	}
	return handsetDiffers
}

// handsetDigits is how many digits name a handset, whatever of its country and trunk codes is written before them.
const handsetDigits = 7

func isHandset(a sms.Address) bool {
	return len(a.Value) >= handsetDigits && strings.Trim(a.Value, "0123456789") == ""
}

func sameHandset(a, b sms.Address) bool {
	return isHandset(a) && isHandset(b) && a.Value[len(a.Value)-handsetDigits:] == b.Value[len(b.Value)-handsetDigits:]
}
