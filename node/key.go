package node

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"tasman/configs"
	"tasman/streams"
)

// NewKey writes a new seed into a file that only its owner can read, and returns the public key by which servers know the node
// (nats.nodes). It fails when the file is there already: another node may live on it.
func NewKey(file string) (public string, err error) {
	seed, public, err := streams.NewSeed()
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("seed of the node: %w", err)
	}
	_, err = fmt.Fprintln(f, seed)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("seed of the node: %w", err)
	}
	return public, nil
}

// readSeed reads the seed of this node; "" when there is no file.
func readSeed(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("seed of the node: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// Authorization returns what servers that are not Tasman's need in their configuration so that the nodes listed in nats.nodes
// may connect, each with the rights of its roles.
func Authorization(cfg *configs.Node) (string, error) {
	if len(cfg.NATS.Nodes) == 0 {
		return "", errors.New("nats.nodes lists no node")
	}
	return streams.Authorization(peers(cfg.NATS.Nodes), streams.Config{Replicas: cfg.NATS.Replicas, Partitions: cfg.NATS.Partitions, Alerts: cfg.NATS.AlertPartitions})
}

func peers(nodes []configs.NodeKey) (list []streams.Peer) {
	for _, n := range nodes {
		list = append(list, streams.Peer{Node: n.Name, Key: n.Key, Roles: roleNames(n.Roles), Apply: n.Apply})
	}
	return list
}

func roleNames(roles []configs.Role) (names []string) {
	for _, r := range roles {
		names = append(names, string(r))
	}
	return names
}
