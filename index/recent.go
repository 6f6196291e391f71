package index

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"tasman/sms"
)

// Recent returns the stories of up to n messages, newest first: those older than before (the zero id: from the newest),
// of one account or, with "", of all. Messages from handsets are not among them.
func (x *Index) Recent(n int, before sms.ID, account string) (stories []Story, err error) {
	if err := x.enter(); err != nil {
		return nil, err
	}
	defer x.leave()
	lower, upper := []byte{prefixMessage}, []byte{prefixMessage + 1}
	if account != "" {
		lower = accountKey(nil, account, sms.ID{})
		upper = after(lower[:len(lower)-16])
	}
	if !before.IsZero() {
		upper = messageKey(nil, before)
		if account != "" {
			upper = accountKey(nil, account, before)
		}
	}
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, x.check(err)
	}
	defer func() { err = errors.Join(err, x.check(it.Close())) }()
	young := x.young.recent(n, before, account)
	for ok := it.Last(); len(stories) < n && (ok || len(young) > 0); {
		var id sms.ID
		if ok {
			key := it.Key()
			id = sms.ID(key[len(key)-16:])
		}
		switch {
		case len(young) > 0 && (!ok || compareIDs(young[0], id) > 0):
			id, young = young[0], young[1:]
		case len(young) > 0 && young[0] == id:
			young = young[1:]
			ok = it.Prev()
		default:
			ok = it.Prev()
		}
		f, err := x.factsOf(id)
		if err != nil {
			return stories, err
		}
		if f != nil && f.aboutMT() {
			stories = append(stories, x.follow(f))
		}
	}
	return stories, nil
}
