//go:build !race

package eventlog

const poolForgets = 0
