package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
)

// derive makes keys for purposes other than encryption from a data key.
func derive(secret []byte) func(purpose string) []byte {
	return func(purpose string) []byte {
		key, err := hkdf.Key(sha256.New, secret, nil, "portico "+purpose, keySize)
		if err != nil {
			panic(err) // only for more bytes than there can be
		}
		return key
	}
}
