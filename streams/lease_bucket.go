package streams

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// leases returns the bucket of leases. The server is asked what it is only until that is settled: with hundreds of carriers
// each renewal, and each look of those who wait, would else begin with the question. The bucket of a cell is made as one that is
// read from any copy and changed at once; a handle of before would go on reading so for ever, and from then on it stays as it is.
func (b *Bus) leases(ctx context.Context) (jetstream.KeyValue, error) {
	if kv := b.leaseKV.Load(); kv != nil {
		return *kv, nil
	}
	s, err := b.js.Stream(ctx, bucketStream(leaseBucket))
	if err != nil {
		return nil, err
	}
	settled := s.CachedInfo().Config.AllowDirect == b.readDirect()
	kv, err := b.js.KeyValue(ctx, leaseBucket)
	if err == nil && settled {
		b.leaseKV.Store(&kv)
	}
	return kv, err
}
