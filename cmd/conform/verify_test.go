package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// keys writes a pair of keys.
func keys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keys private.pem public.pem")
	}
	seed := bytes.Repeat([]byte(args[0][:1]), ed25519.SeedSize)
	private := ed25519.NewKeyFromSeed(seed)
	b, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}), 0o600))
	b, err = x509.MarshalPKIXPublicKey(private.Public())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: b}), 0o666))
}

// tamper changes what an envelope holds, and leaves the signature.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: tamper certificate.json old new")
	}
	var e map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &e))
	payload, err := base64.StdEncoding.DecodeString(e["payload"].(string))
	ts.Check(err)
	changed := bytes.Replace(payload, []byte(args[1]), []byte(args[2]), 1)
	if bytes.Equal(changed, payload) {
		ts.Fatalf("%s does not contain %s", args[0], args[1])
	}
	e["payload"] = base64.StdEncoding.EncodeToString(changed)
	b, err := json.Marshal(e)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}
