package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// admin serves the commands that change or inspect a running node over a Unix socket in its data directory: who may open
// the socket may administer the node.
type admin struct{ server *http.Server }

// maxSocketPath is what fits sockaddr_un on Linux and the BSDs.
const maxSocketPath = 103

// adminSocket returns the path of a node's socket: in its data directory, or, when that is too long for a socket, in the
// temporary directory under a name made of it.
func adminSocket(data string) (string, error) {
	abs, err := filepath.Abs(filepath.Join(data, "admin.sock"))
	if err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	if len(abs) <= maxSocketPath {
		return abs, nil
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(os.TempDir(), "tasman-"+hex.EncodeToString(sum[:8])+".sock"), nil
}

func (n *Node) startAdmin(context.Context) error {
	path, err := adminSocket(n.cfg.Data)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of a process that was killed
		return fmt.Errorf("admin socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("admin socket: %w", err), l.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /apply", n.adminApply)
	mux.HandleFunc("GET /history", n.adminHistory)
	mux.HandleFunc("POST /rollback", n.adminRollback)
	mux.HandleFunc("GET /cat", n.adminCat)
	mux.HandleFunc("POST /backup", n.adminBackup)
	mux.HandleFunc("GET /doctor", n.adminDoctor)
	n.admin = &admin{server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}
	n.serve("admin", n.admin.server, l)
	return nil
}

// ResourceFile is a file of resources; its name is for messages.
type ResourceFile struct {
	Name string
	Body []byte
}

// applyRequest is what the admin socket is told to apply.
type applyRequest struct {
	Files  []ResourceFile
	DryRun bool
}

func (n *Node) adminApply(w http.ResponseWriter, r *http.Request) {
	var req applyRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 128<<20)).Decode(&req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	done, err := n.store().applyFiles(r.Context(), req.Files, req.DryRun)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	writeJSON(w, done)
}

func (n *Node) adminHistory(w http.ResponseWriter, r *http.Request) {
	history, err := n.store().history(r.Context(), r.URL.Query().Get("changes") == "true")
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, history)
}

func (n *Node) adminRollback(w http.ResponseWriter, r *http.Request) {
	to, err := strconv.ParseUint(r.URL.Query().Get("to"), 10, 64)
	if err != nil {
		http.Error(w, "to must be the number of a revision", http.StatusBadRequest)
		return
	}
	done, err := n.store().rollback(r.Context(), to, r.URL.Query().Get("dry") == "true")
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	writeJSON(w, done)
}

func (n *Node) adminCat(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, _ := strconv.ParseUint(q.Get("from"), 10, 64) // absent or odd: from the first
	count, err := strconv.Atoi(q.Get("n"))
	if err != nil || count <= 0 {
		count = 100
	}
	if err := n.bus.Cat(r.Context(), q.Get("stream"), from, count, w, q.Get("text") == "true"); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client went away: nobody to tell
}

// Admin talks to the running node of a data directory.
type Admin struct{ client *http.Client }

// NewAdmin returns a client for the node that runs on the data directory.
func NewAdmin(data string) (*Admin, error) {
	path, err := adminSocket(data)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			return nil, fmt.Errorf("no node runs on %s (is `tasman up` or `tasman run` running there?): %w", data, err)
		}
		return conn, nil
	}
	return &Admin{&http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
}

func (a *Admin) call(ctx context.Context, method, path string, body []byte, out any) error {
	resp, err := a.open(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("decode the node's answer: %w", err)
	}
	return nil
}

func (a *Admin) open(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://node"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, errors.Unwrap(err) // without the made-up URL
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		return nil, errors.New(string(bytes.TrimSpace(text)))
	}
	return resp, nil
}

// Apply validates a resource file in the node and puts it into service.
func (a *Admin) Apply(ctx context.Context, file string, body []byte) (Applied, error) {
	return a.ApplyFiles(ctx, []ResourceFile{{Name: file, Body: body}}, false)
}

// ApplyFiles is Apply for several files, which are one change: all of it is put into service, or nothing. With dryRun nothing is, and
// Revision is the one in service.
func (a *Admin) ApplyFiles(ctx context.Context, files []ResourceFile, dryRun bool) (Applied, error) {
	body, err := json.Marshal(applyRequest{Files: files, DryRun: dryRun})
	if err != nil {
		return Applied{}, fmt.Errorf("encode the files: %w", err)
	}
	var out Applied
	err = a.call(ctx, http.MethodPost, "/apply", body, &out)
	return out, err
}

// History lists the revisions, newest first, withChanges with what each of them changed.
func (a *Admin) History(ctx context.Context, withChanges bool) ([]Revision, error) {
	var out []Revision
	err := a.call(ctx, http.MethodGet, fmt.Sprintf("/history?changes=%t", withChanges), nil, &out)
	return out, err
}

// Rollback puts an old revision into service as a new one; with dryRun it only tells what that would change.
func (a *Admin) Rollback(ctx context.Context, to uint64, dryRun bool) (Applied, error) {
	var out Applied
	err := a.call(ctx, http.MethodPost, fmt.Sprintf("/rollback?to=%d&dry=%t", to, dryRun), nil, &out)
	return out, err
}

// Cat prints up to n batches of a stream as JSON lines.
func (a *Admin) Cat(ctx context.Context, stream string, from uint64, n int, text bool, w io.Writer) error {
	resp, err := a.open(ctx, http.MethodGet, fmt.Sprintf("/cat?stream=%s&from=%d&n=%d&text=%t", url.QueryEscape(stream), from, n, text), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}
