//go:build soak

package main

// What takes long is tried as often as it takes to believe it.
func init() {
	clusterRounds = 20
	nodesLinearRounds = 10
	eventStoreRounds = 20
}
