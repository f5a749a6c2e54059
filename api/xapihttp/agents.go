package xapihttp

import (
	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// getAgent is the Agents resource (C 2.4): the Person, also for an Agent that
// the store has never met.
func (c *call) getAgent() error {
	if err := c.only("agent"); err != nil {
		return err
	}
	agent, ok, err := c.agent("agent", false)
	if err != nil {
		return err
	}
	ifi, identified := agent.IFI()
	if !ok || !identified {
		return problem.BadRequest("parameter.missing", "The parameter \"agent\" is missing, or does not identify an Agent.")
	}
	view, err := c.view()
	if err != nil {
		return err
	}
	defer view.Close()
	names, err := view.Names(ifi.Key())
	if err != nil {
		return err
	}
	return c.writeJSON(xapi.Person(ifi, names))
}

// getActivity is the Activities resource (C 2.5): the Activity with all that
// statements have said of it, or with its id alone.
func (c *call) getActivity() error {
	if err := c.only("activityId"); err != nil {
		return err
	}
	id, err := c.required("activityId")
	if err != nil {
		return err
	}
	if _, _, err := c.iri("activityId"); err != nil {
		return err
	}
	view, err := c.view()
	if err != nil {
		return err
	}
	defer view.Close()
	definition, err := view.Activity(id)
	if err != nil {
		return err
	}
	return c.writeJSON(xapi.CanonicalActivity(id, definition))
}
