package suites

import "fmt"

// idle says which option of a network does nothing, because of what another one is.
func (c Cell) idle() error {
	if c.Transport.Name != "ip" {
		return nil
	}
	for _, x := range []struct {
		option, takes, want string
		def                 string // what it is where nobody says
	}{
		{"rp", "pim", "sparse", "dense"},
		{"spt", "pim", "sparse", "dense"},
		{"refresh", "pim", "dense", "dense"},
		{"slots", "nic", "exact", "hash64"},
	} {
		if is := c.Transport.Get(x.takes, x.def); c.Transport.Get(x.option, "") != "" && is != x.want {
			return fmt.Errorf("%s does nothing with %s=%s: want %s=%s", x.option, x.takes, is, x.takes, x.want)
		}
	}
	for _, option := range []string{"igmp", "querier"} {
		if c.Transport.Get("version", "4") == "6" && c.Transport.Get(option, "2") == "1" {
			return fmt.Errorf("of MLD there is no version before the one that goes with %s=2: want 2 or 3 with version=6", option)
		}
	}
	return nil
}
