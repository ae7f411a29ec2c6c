//go:build tools

// Package kubo names the program that the tests need, so that go.mod and go.sum pin all it is made of.
package kubo

import _ "github.com/ipfs/kubo/cmd/ipfs"
