package netns

import (
	"errors"
	"strconv"
)

// repeats sets how long the kernel of this thread's namespace waits at most before it says again that it listens: the
// Unsolicited Report Interval, ten seconds (RFC 2236 section 8.10; RFC 2710 section 7.10) or one (RFC 3376 section 8.11;
// RFC 3810 section 9.11). Routers whose clocks are fast ask again before that is over.
func (n *Subnets) repeats() error {
	if n.cfg.Reports == 0 {
		return nil
	}
	conf, names := "net/ipv4/conf/lan/", []string{"igmpv2_unsolicited_report_interval", "igmpv3_unsolicited_report_interval"}
	if n.v6 {
		conf, names = "net/ipv6/conf/lan/", []string{"mldv1_unsolicited_report_interval", "mldv2_unsolicited_report_interval"}
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, sysctl(conf+name, strconv.FormatInt(n.cfg.Reports.Milliseconds(), 10)))
	}
	return errors.Join(errs...)
}
