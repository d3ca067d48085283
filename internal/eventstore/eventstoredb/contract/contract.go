// Package contract is the contract of internal/eventstore/storetest against a real EventStoreDB,
// as a program of its own (make contract-binary): it runs where the server is, without Go, and
// writes a report. With go test it runs if PORTICO_TEST_ESDB names a server.
package contract

// standalone is set for the program.
var standalone string
