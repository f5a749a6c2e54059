//go:build soak

package main

import "time"

// What takes long is tried as often as it takes to believe it.
func init() {
	killRounds = 20
	clusterRounds = 20
	nodesLinearRounds = 10
	pauseTime = 30 * time.Second
	slowRounds, fullRounds = 5, 5
	eventStoreRounds = 20
}
