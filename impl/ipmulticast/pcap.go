package ipmulticast

import (
	"encoding/binary"
	"io"

	"github.com/conform-go/conform/spec"
)

// PcapWriter writes frames as a capture file that tcpdump and Wireshark read: the classic format of libpcap with times
// in nanoseconds (draft-ietf-opsawg-pcap), of Ethernet frames without their check sequence. Its times are those of the
// run, which begins at 0, in 1970.
type PcapWriter struct {
	w   io.Writer
	buf []byte
}

const (
	pcapNanoseconds = 0xa1b23c4d // the magic number: the byte order, and the unit of times
	pcapSnapLen     = 1 << 18    // no frame is longer
	pcapEthernet    = 1          // LINKTYPE_ETHERNET
)

// NewPcapWriter begins a capture file.
func NewPcapWriter(w io.Writer) (*PcapWriter, error) {
	b := binary.LittleEndian.AppendUint32(nil, pcapNanoseconds)
	b = binary.LittleEndian.AppendUint16(b, 2) // version 2.4
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...) // reserved: time zone and accuracy
	b = binary.LittleEndian.AppendUint32(b, pcapSnapLen)
	b = binary.LittleEndian.AppendUint32(b, pcapEthernet)
	_, err := w.Write(b)
	return &PcapWriter{w: w, buf: b}, err
}

// Write adds a frame.
func (p *PcapWriter) Write(t spec.Time, frame []byte) error {
	const second = 1e9
	b := binary.LittleEndian.AppendUint32(p.buf[:0], uint32(t/second))
	b = binary.LittleEndian.AppendUint32(b, uint32(t%second))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	p.buf = append(b, frame...)
	_, err := p.w.Write(p.buf)
	return err
}
