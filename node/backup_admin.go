package node

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
)

// backupRequest is the body of POST /backup.
type backupRequest struct {
	Dir             string `json:"dir"` // absolute
	WithoutDatabase bool   `json:"without_database"`
}

func (n *Node) adminBackup(w http.ResponseWriter, r *http.Request) {
	var req backupRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || !filepath.IsAbs(req.Dir) {
		http.Error(w, "want a directory, as an absolute path", http.StatusBadRequest)
		return
	}
	m, err := n.backup(r.Context(), req.Dir, !req.WithoutDatabase)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	writeJSON(w, m)
}

// Backup has the node write a backup into a directory that does not exist yet, as the user that it runs as. It ends with ctx.
func (a *Admin) Backup(ctx context.Context, dir string, withoutDatabase bool) (Manifest, error) {
	var m Manifest
	abs, err := filepath.Abs(dir)
	if err != nil {
		return m, err
	}
	body, err := json.Marshal(backupRequest{abs, withoutDatabase})
	if err != nil {
		return m, err
	}
	return m, a.call(ctx, http.MethodPost, "/backup", body, &m)
}
