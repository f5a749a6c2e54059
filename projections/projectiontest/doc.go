// Package projectiontest helps to test projections against random histories: a log
// to write events into (Log), the histories (History), a runtime that is stopped and
// started while they arrive (Drive), and the tables of a projection as text (Dump).
package projectiontest
