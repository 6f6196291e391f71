package bench

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"tasman/bench/results"
)

// clockTicks is the unit of CPU times in /proc: a hundredth of a second on every Linux.
const clockTicks = 100

// procWatch watches processes through /proc: those given, their children, and this one, which is called "load".
type procWatch struct {
	given []Watched
	known map[string]*watchedProc
	order []string
	at    time.Time
}

// watchedProc is a process over the run.
type watchedProc struct {
	results.Process
	first   float64 // CPU seconds when it was seen first
	last    float64
	samples int
	cores   float64 // sum over the samples
}

// selfName is what the load is called in a result.
const selfName = "load"

func newProcWatch(given []Watched) (*procWatch, error) {
	w := &procWatch{given: []Watched{{selfName, os.Getpid()}}, known: make(map[string]*watchedProc)}
	for _, g := range given {
		if _, err := readStat(g.PID); err != nil {
			return nil, fmt.Errorf("load: watch: %s: there is no process %d, or no /proc", g.Name, g.PID)
		}
		w.given = append(w.given, g)
	}
	return w, nil
}

// start notes where the CPU times begin.
func (w *procWatch) start() { w.look() }

// look takes the sample of all processes.
func (w *procWatch) look() map[string]results.ProcessPoint {
	now := time.Now()
	took := now.Sub(w.at).Seconds()
	first := w.at.IsZero()
	w.at = now
	points := make(map[string]results.ProcessPoint)
	var children map[int][]childProc
	if len(w.given) > 1 {
		children = childrenOf()
	}
	for _, g := range w.given {
		w.sample(g.Name, g.PID, took, first, points)
		if g.Name == selfName {
			continue
		}
		for _, c := range children[g.PID] {
			w.sample(g.Name+"/"+c.name, c.pid, took, first, points)
		}
	}
	return points
}

func (w *procWatch) sample(name string, pid int, took float64, first bool, points map[string]results.ProcessPoint) {
	p := w.known[name]
	st, err := readStat(pid)
	if err != nil {
		if p != nil {
			p.Gone = true
		}
		return
	}
	if p == nil {
		p = &watchedProc{Process: results.Process{Name: name, PID: pid}, first: st.cpu, last: st.cpu}
		if !first { // it began after us: all of its time counts
			p.first, p.last = 0, 0
		}
		w.known[name], w.order = p, append(w.order, name)
	}
	if p.PID != pid { // another one in its place, or a second child of the name
		p.PID, p.Gone, p.first, p.last = pid, true, p.first-p.last, 0
	}
	pt := results.ProcessPoint{RSSBytes: st.rss, FDs: countFDs(pid)}
	if !first && took > 0 {
		pt.CPUCores = (st.cpu - p.last) / took
		p.samples++
		p.cores += pt.CPUCores
	}
	if name == selfName {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		pt.Goroutines, pt.HeapBytes = runtime.NumGoroutine(), m.HeapAlloc
	}
	p.last = st.cpu
	p.MaxRSSBytes, p.MaxFDs, p.MaxGoroutines = max(p.MaxRSSBytes, pt.RSSBytes), max(p.MaxFDs, pt.FDs), max(p.MaxGoroutines, pt.Goroutines)
	if !first {
		points[name] = pt
	}
}

// result returns the processes over the run.
func (w *procWatch) result(accepted uint64) []results.Process {
	var all []results.Process
	for _, name := range w.order {
		p := w.known[name]
		p.CPUSeconds = p.last - p.first
		if accepted > 0 {
			p.CPUMicrosPerMessage = p.CPUSeconds * 1e6 / float64(accepted)
		}
		if p.samples > 0 {
			p.MeanCPUCores = p.cores / float64(p.samples)
		}
		all = append(all, p.Process)
	}
	return all
}

// procStat is what /proc/PID/stat tells.
type procStat struct {
	name   string
	parent int
	cpu    float64 // seconds
	rss    uint64  // octets
}

func readStat(pid int) (procStat, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procStat{}, err
	}
	return parseStat(b)
}

// parseStat reads a line such as "42 (name) S 1 ...": the name may hold anything, so the last ')' ends it.
func parseStat(b []byte) (procStat, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	const parent, utime, stime, rss = 1, 11, 12, 21
	if open < 0 || end < open {
		return procStat{}, fmt.Errorf("stat: %q has no name", b)
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) <= rss {
		return procStat{}, fmt.Errorf("stat: %d fields", len(f))
	}
	var n [4]int64
	for i, at := range [...]int{parent, utime, stime, rss} {
		v, err := strconv.ParseInt(f[at], 10, 64)
		if err != nil {
			return procStat{}, fmt.Errorf("stat: field %d: %w", at, err)
		}
		n[i] = v
	}
	return procStat{name: string(b[open+1 : end]), parent: int(n[0]), cpu: float64(n[1]+n[2]) / clockTicks, rss: uint64(max(n[3], 0)) * uint64(os.Getpagesize())}, nil
}

type childProc struct {
	name string
	pid  int
}

// childrenOf returns the children of every process.
func childrenOf() map[int][]childProc {
	all := make(map[int][]childProc)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if st, err := readStat(pid); err == nil {
			all[st.parent] = append(all[st.parent], childProc{st.name, pid})
		}
	}
	return all
}

// countFDs returns the open files of a process, 0 when it may not be asked.
func countFDs(pid int) int {
	d, err := os.Open("/proc/" + strconv.Itoa(pid) + "/fd")
	if err != nil {
		return 0
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names)
}

// folderSize returns the size of the files below dir; what goes away meanwhile counts as nothing.
func folderSize(dir string) uint64 {
	var sum uint64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // a file that is gone has no size
		}
		if info, err := e.Info(); err == nil {
			sum += uint64(info.Size())
		}
		return nil
	})
	return sum
}
