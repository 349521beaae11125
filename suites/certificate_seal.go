package suites

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gowebpki/jcs"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/conform-go/conform/spec"
)

// canonical writes a value as canonical JSON (RFC 8785).
func canonical(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(b)
}

// edKey signs and verifies for an envelope.
type edKey struct {
	public  ed25519.PublicKey
	private ed25519.PrivateKey // nil: verifies only
}

func (k edKey) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.private, data), nil
}

func (k edKey) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(k.public, data, sig) {
		return errors.New("the signature is not one of this key for these bytes")
	}
	return nil
}

func (k edKey) KeyID() (string, error) { return digest(k.public), nil }

func (k edKey) Public() crypto.PublicKey { return k.public }

// Seal puts a certificate in an envelope (DSSE) that is signed with a key, and gives it as JSON.
func (c *Certificate) Seal(ctx context.Context, key ed25519.PrivateKey) ([]byte, error) {
	public := key.Public().(ed25519.PublicKey)
	c.Key = public
	payload, err := canonical(c)
	if err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(edKey{public, key})
	if err != nil {
		return nil, err
	}
	e, err := signer.SignPayload(ctx, CertificateType, payload)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(e, "", " ")
	return append(b, '\n'), err
}

// NotSealed is what an envelope is that is whole, and says what it ought not to: the signature or a digest is not right.
type NotSealed struct{ error }

// Unseal opens an envelope and checks its certificate: the signature, with the key that is given or else with the one
// that the certificate names; that the payload is canonical; the digests of the catalogue and of the table of planted
// bugs, which have to be those of this version; and that the counts can be. The error is a [NotSealed] where the
// certificate is not what it says, and another one where it can't be read.
func Unseal(ctx context.Context, envelope []byte, key ed25519.PublicKey) (*Certificate, error) {
	var e dsse.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, fmt.Errorf("no envelope: %w", err)
	}
	if e.PayloadType != CertificateType {
		return nil, fmt.Errorf("the envelope holds %q: want %q", e.PayloadType, CertificateType)
	}
	payload, err := e.DecodeB64Payload()
	if err != nil {
		return nil, NotSealed{fmt.Errorf("the payload is damaged: %w", err)}
	}
	c := new(Certificate)
	if err := json.Unmarshal(payload, c); err != nil {
		return nil, NotSealed{fmt.Errorf("the payload is no certificate: %w", err)}
	}
	if len(key) == 0 {
		key = c.Key
	}
	if len(key) != ed25519.PublicKeySize || !slices.Equal(key, c.Key) {
		return c, NotSealed{fmt.Errorf("the certificate names key %s, and the one to check it with is %s", digest(c.Key), digest(key))}
	}
	verifier, err := dsse.NewEnvelopeVerifier(edKey{public: key})
	if err != nil {
		return c, err
	}
	if _, err := verifier.Verify(ctx, &e); err != nil {
		return c, NotSealed{fmt.Errorf("the signature does not match: %w", err)}
	}
	if again, err := jcs.Transform(payload); err != nil || !slices.Equal(again, payload) {
		return c, NotSealed{errors.New("the payload is not canonical JSON (RFC 8785)")}
	}
	return c, c.check()
}

// check compares a certificate with this version of the judges.
func (c *Certificate) check() error {
	errs := []error{c.wrong()}
	if now := catalogueStamp(); c.Catalogue != now {
		errs = append(errs, fmt.Errorf("it was judged by catalogue %s, %s; this is %s, %s", c.Catalogue.Version, c.Catalogue.Digest, now.Version, now.Digest))
	}
	if c.KillTable != KillDigest() {
		errs = append(errs, fmt.Errorf("its judges catch other planted bugs than these: %s, %s", c.KillTable, KillDigest()))
	}
	if p, ok := spec.LookupProfile(c.Profile); ok {
		for _, id := range p.Must {
			if !slices.ContainsFunc(c.Requirements, func(x CertifiedRow) bool { return x.ID == id && x.Must }) {
				errs = append(errs, fmt.Errorf("profile %s demands %s, of which it says nothing", c.Profile, id))
			}
		}
	} else if c.Profile != "" {
		errs = append(errs, fmt.Errorf("unknown profile %q", c.Profile))
	}
	if err := errors.Join(errs...); err != nil {
		return NotSealed{err}
	}
	return nil
}
