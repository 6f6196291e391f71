//go:build linux

package node

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"tasman/configs"
	"tasman/smpp/smpptest"
	"tasman/streams/streamstest"
)

// A whole gateway on one disk, which something else fills to the last octet while messages come: it refuses with the reason,
// and when there is room it works again without a restart of the process; what it accepted is delivered.
func TestNodeOutlivesFullDisk(t *testing.T) {
	operator, err := smpptest.NewSMSC(smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})})
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	disk := streamstest.NewDisk(t, 256)
	data := filepath.Join(disk.Path(), "data")
	n := testNodeWith(t, data, func(c *configs.Node) { c.NATS.SyncAlways, c.NATS.Shards = true, 2 },
		configs.RoleStreams, configs.RoleCore, configs.RoleCarriers, configs.RoleEdge, configs.RoleConsole)
	resources := good + fmt.Sprintf("---\nkind: Carrier\nname: spark\nspec: {addresses: [%q], system_id: tasman}\n---\nkind: Route\nname: all\nspec: {prefixes: [\"\"], tiers: [[{carrier: spark}]]}\n", operator.Addr())
	if _, err := adminOf(t, data).Apply(t.Context(), "mesh.yaml", []byte(resources)); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return n.Ready() == nil && len(n.live.Load().Carriers) > 0 })
	api := "http://" + n.Addrs().HTTP.String() + "/v1/messages"
	var accepted []string
	submit := func() int {
		var reply struct{ Messages []struct{ ID string } }
		status := call(t, http.MethodPost, api, `{"from":"TASMAN","to":"+64211234567","text":"Kia ora"}`, &reply)
		if status == http.StatusAccepted {
			accepted = append(accepted, reply.Messages[0].ID)
		}
		return status
	}
	await(t, func() bool { submit(); return len(accepted) >= 50 })

	disk.Fill(0)
	await(t, func() bool { return submit() == http.StatusServiceUnavailable && n.Ready() != nil })
	await(t, func() bool { submit(); return n.bus.StorageReady() != nil })
	if why := n.Ready().Error(); !strings.Contains(why, "0 MiB of its disk are free") || !strings.Contains(why, "its storage does not work") {
		t.Errorf("ready says %q", why)
	}
	disk.Empty()
	await(t, func() bool { return n.Ready() == nil })
	before := len(accepted)
	await(t, func() bool { submit(); return len(accepted) >= before+10 })
	for _, id := range accepted {
		await(t, func() bool {
			var got struct{ State string }
			return call(t, http.MethodGet, api+"/"+id, "", &got) == http.StatusOK && got.State == "delivered"
		})
	}
	select {
	case err := <-n.fail:
		t.Errorf("a part ended: %v", err)
	default:
	}
}
