package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"tasman/sms"
)

// expireEvery is how often old facts are removed.
const expireEvery = time.Hour

// expiry remembers how far facts were removed, so that no range is deleted twice.
type expiry struct {
	id  sms.ID
	day uint16
}

// expire removes what is older than Keep. Only Follow calls it.
func (x *Index) expire() error {
	if err := x.enter(); err != nil {
		return err
	}
	defer x.leave()
	oldest := x.now().Add(-x.opts.Keep)
	bound, day := sms.IDAt(oldest), dayOf(oldest)
	b := x.db.NewBatch()
	defer func() { _ = b.Close() }()
	if err := b.DeleteRange(messageKey(nil, x.expired.id), messageKey(nil, bound), nil); err != nil {
		return err
	}
	if err := x.expireAccounts(b, bound); err != nil {
		return err
	}
	if day > x.expired.day {
		for _, prefix := range dayPrefixes {
			from := binary.BigEndian.AppendUint16([]byte{prefix}, x.expired.day)
			if err := b.DeleteRange(from, binary.BigEndian.AppendUint16([]byte{prefix}, day), nil); err != nil {
				return err
			}
		}
	}
	fences, err := x.expireFences(b, oldest)
	if err != nil {
		return err
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("expire: %w", x.check(err))
	}
	x.fences.drop(fences)
	x.days.drop(day)
	x.expired = expiry{bound, day}
	x.metrics.expired.Inc()
	return nil
}

// expireAccounts goes from account to account; there are few of them beside messages.
func (x *Index) expireAccounts(b *pebble.Batch, bound sms.ID) (err error) {
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixAccount}, UpperBound: []byte{prefixAccount + 1}})
	if err != nil {
		return x.check(err)
	}
	defer func() { err = errors.Join(err, x.check(it.Close())) }()
	for ok := it.First(); ok; {
		key := it.Key()
		account := string(key[1 : len(key)-len(bound)-1])
		first, end := append([]byte(nil), key...), accountKey(nil, account, bound)
		if string(first) < string(end) {
			if err := b.DeleteRange(first, end, nil); err != nil {
				return err
			}
		}
		next := accountKey(nil, account, sms.ID{})
		ok = it.SeekGE(after(next[:len(next)-len(bound)]))
	}
	return nil
}

// reset removes everything but the format: the streams are not those that were read before.
func (x *Index) reset() error {
	if err := x.enter(); err != nil {
		return err
	}
	defer x.leave()
	x.apply.Lock()
	defer x.apply.Unlock()
	b := x.db.NewBatch()
	defer func() { _ = b.Close() }()
	for _, prefix := range []byte{prefixMessage, prefixAccount, prefixCarrierID, prefixLastMT, prefixKey, prefixReserved, prefixWaits, prefixForms, prefixPosition, prefixWithdrawn, prefixFence} {
		if err := b.DeleteRange([]byte{prefix}, []byte{prefix + 1}, nil); err != nil {
			return err
		}
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("reset: %w", x.check(err))
	}
	x.noted.forget()
	x.forms.forget()
	x.fences.forget()
	x.days.drop(0xFFFF)
	x.withdrawn.Store(0)
	x.expired = expiry{}
	x.pos.reset()
	x.young.reset()
	return nil
}
