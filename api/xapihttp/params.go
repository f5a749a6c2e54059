package xapihttp

import (
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// The functions here read one parameter each. ok is false when it is absent;
// what does not fit is 400 and names the parameter.

func badParam(name string, err error) error {
	p := problem.BadRequest("parameter.invalid", "The parameter %q is invalid: %v", name, err)
	p.Rule = "parameter." + name
	return p
}

func (c *call) text(name string) (value string, ok bool) {
	if !c.params.Has(name) {
		return "", false
	}
	return c.params.Get(name), true
}

// required is text that must be there and not be empty.
func (c *call) required(name string) (string, error) {
	value, _ := c.text(name)
	if value == "" {
		return "", problem.BadRequest("parameter.missing", "The parameter %q is missing.", name)
	}
	return value, nil
}

func (c *call) iri(name string) (value string, ok bool, err error) {
	value, ok = c.text(name)
	if ok {
		if err := xapi.CheckIRI(value); err != nil {
			return "", true, badParam(name, err)
		}
	}
	return value, ok, nil
}

func (c *call) uuid(name string) (value uuid.UUID, ok bool, err error) {
	text, ok := c.text(name)
	if ok {
		if value, err = xapi.ParseUUID(text); err != nil {
			return value, true, badParam(name, err)
		}
	}
	return value, ok, nil
}

func (c *call) flag(name string) (bool, error) {
	switch text, ok := c.text(name); {
	case !ok, text == "false":
		return false, nil
	case text == "true":
		return true, nil
	default:
		return false, problem.BadRequest("parameter.invalid", "The parameter %q must be true or false.", name)
	}
}

// time reads a timestamp as µs since 1970.
func (c *call) time(name string) (value int64, ok bool, err error) {
	text, ok := c.text(name)
	if !ok {
		return 0, false, nil
	}
	t, err := xapi.ParseTimestamp(text)
	if err != nil {
		return 0, true, badParam(name, err)
	}
	return t.Truncate(time.Microsecond).UnixMicro(), true, nil
}

// limit reads the page size: 0 and absent are the server's maximum (C 2.1.3).
func (c *call) limit() (int, error) {
	text, ok := c.text("limit")
	if !ok {
		return c.Page, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // beyond 64 bits it is large, too
		return 0, problem.BadRequest("parameter.invalid", "The parameter \"limit\" must be a whole number from 0.")
	}
	if n == 0 || n > uint64(c.Page) {
		return c.Page, nil
	}
	return int(n), nil
}

// agent reads an Agent, or an identified Group where that is allowed.
func (c *call) agent(name string, group bool) (actor xapi.Actor, ok bool, err error) {
	text, ok := c.text(name)
	if !ok {
		return actor, false, nil
	}
	actor, err = xapi.ParseAgentParam([]byte(text), c.version, group)
	if err != nil {
		return actor, true, badParam(name, err)
	}
	return actor, true, nil
}
