package suites

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// What breaks a claim on the kernel's network is kept with the frames that were on its cables, whether or not anybody has
// asked for captures: it may not show again.

// keepCapture writes a capture to a directory, or where that is empty to a file among those that are temporary, and gives
// the name of the file.
func keepCapture(dir, name string, pcap []byte) (file string, err error) {
	name = strings.NewReplacer("/", "_", ":", "_", ",", "_", "=", "_").Replace(name)
	if dir != "" {
		file = filepath.Join(dir, name+".pcap")
		return file, errors.Join(os.MkdirAll(dir, 0o777), os.WriteFile(file, pcap, 0o666))
	}
	f, err := os.CreateTemp("", "conform-"+name+"-*.pcap")
	if err != nil {
		return "", err
	}
	_, err = f.Write(pcap)
	return f.Name(), errors.Join(err, f.Close())
}

// capture keeps the frames of a run that was played again, if it broke what is claimed or was expected to break, and says
// where they are.
func (r *Replayed) capture(pcap *bytes.Buffer) (err error) {
	for i := range r.Requirements {
		row := &r.Requirements[i]
		if row.Witness == nil {
			continue
		}
		if r.Frames == "" {
			if r.Frames, err = keepCapture("", r.Subject+"_"+string(row.ID), pcap.Bytes()); err != nil {
				return err
			}
		}
		row.Witness.Replay += "\n  tcpdump -r " + r.Frames
	}
	return nil
}

// captured keeps the frames of the run played last on a network that records them, and says where they are; empty where
// it records none, or there is no room for them.
func captured(n adapter.Network, id spec.ID) string {
	x, ok := n.(interface{ Pcap() []byte })
	if !ok {
		return ""
	}
	name, err := keepCapture("", AdapterSubject+"_"+string(id), x.Pcap())
	if err != nil {
		return ""
	}
	return name
}

// uncapture removes the frames of a story that is not told.
func (s *Story) uncapture() {
	if s.capture != "" {
		_ = os.Remove(s.capture)
		s.capture = ""
	}
}
