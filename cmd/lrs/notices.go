package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/bedside-lrs/bedside/lrs/natsembed"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/notice"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// announce makes the publisher of change notices: to NATS clients, if there is a port
// for them, and to streams of /api/v1/changes.
func (n *node) announce(log *slog.Logger) {
	n.started = make(chan struct{})
	cfg := notice.Config{Translate: (&translator{node: n, log: log}).keys, Logger: log}
	switch {
	case n.nats == nil:
		cfg.Publish = n.conn.Publish
	case n.nats.Addr() != nil:
		cfg.Publish = n.nats.Publish
	}
	n.notices = notice.New(cfg)
}

// quiet ends the streams of changes.
func (n *node) quiet() {
	if n.notices != nil {
		n.notices.Close()
	}
}

// changed passes on what a projection says.
func (n *node) changed(c projections.Change) {
	n.notices.Changed(c.Projection, c.Keys, notice.Position(c.Position))
	switch c.Projection {
	case feedback.Name:
		n.signals.Changed(c.Keys)
	case people.Name:
		// Who a statement is of, and what roles require, changes these answers too; and who listens to them may not be
		// told of people.
		persons := []string{competency.UnmappedKey}
		for _, key := range c.Keys {
			if key == projections.Everything {
				persons = append(persons, key)
			} else if !strings.HasPrefix(key, people.UnitKey) {
				persons = append(persons, personKey+key)
			}
		}
		n.notices.Changed(competency.Name, persons, notice.Position(c.Position))
		n.notices.Changed(evaluation.Name, persons[1:], notice.Position(c.Position))
	}
}

// personKey begins a key that names a person and no identity.
const personKey = evaluation.PersonKey

// translator gives the keys under which others know an answer: the projections of
// competencies and evaluations know identities, and their answers are about people; that
// of effectiveness knows activities, and its answers are about programmes.
type translator struct {
	node    *node
	log     *slog.Logger
	people  people.Reader
	catalog catalog.Reader
}

// translateTimeout bounds what a notice waits for the people of its moment.
const translateTimeout = 5 * time.Second

func (t *translator) keys(projection, key string, at notice.Position) []string {
	var needs string
	switch projection {
	case competency.Name, evaluation.Name:
		if person, ok := strings.CutPrefix(key, personKey); ok {
			return []string{person}
		}
		needs = people.Name
	case effectiveness.Name:
		needs = catalog.Name
	}
	if needs == "" || key == competency.UnmappedKey || key == competency.UnmappedAnswersKey || key == notice.All {
		return []string{key}
	}
	ctx, cancel := context.WithTimeout(context.Background(), translateTimeout)
	defer cancel()
	var keys []string
	<-t.node.started
	// An identity may have been linked just before, or a programme registered.
	err := t.node.runtime.Wait(ctx, at.Revision, needs)
	if err == nil {
		err = t.view(ctx, projection, key, &keys)
	}
	if err != nil && !errors.Is(err, projections.ErrClosed) {
		t.log.Warn("whom a change concerns could not be read; everybody is told", "error", err)
	}
	if err != nil {
		return []string{notice.All}
	}
	return keys
}

func (t *translator) view(ctx context.Context, projection, key string, keys *[]string) error {
	return t.node.model.View(ctx, func(tx *readmodel.Tx) error {
		if projection == effectiveness.Name {
			d, err := t.catalog.At(ctx, tx, math.MaxInt64)
			if err != nil {
				return err
			}
			prefix := ""
			about, ofAnswer := strings.CutPrefix(key, effectiveness.AnswersKey)
			if ofAnswer {
				prefix = effectiveness.AnswersKey
			}
			for _, e := range d.Of(definition.KindProgramme) {
				if e.ID() == about || effectiveness.Names(e.Definition.(*definition.Programme), about) {
					*keys = append(*keys, prefix+e.ID())
				}
			}
			return nil
		}
		state, err := t.people.State(ctx, tx, math.MaxInt64)
		if err != nil {
			return err
		}
		if person, ok := competency.PersonOf(state, key); ok {
			*keys = []string{person}
		}
		return nil
	})
}

// natsConfig configures the embedded server, with the port for subscribers if there is
// to be one.
func (cfg *nodeConfig) natsConfig(log *slog.Logger) (natsembed.Config, error) {
	c := natsembed.Config{Dir: filepath.Join(cfg.dir, "log"), MaxStore: cfg.maxLog, Logger: log, NoSync: cfg.noSync}
	port := cfg.port
	if port == (natsPort{}) {
		return c, nil
	}
	if port.listen == "" || port.user == "" || port.password == "" {
		return c, errors.New("--nats-listen, --nats-user and --nats-password (better as LRS_NATS_PASSWORD) go together")
	}
	c.Listen, c.TLSCert, c.TLSKey = port.listen, port.cert, port.key
	c.Subscribers = []natsembed.Subscriber{{User: port.user, Password: port.password}}
	return c, nil
}

// natsPort is where other programs subscribe to change notices.
type natsPort struct{ listen, user, password, cert, key string }

func (p *natsPort) flags(f *pflag.FlagSet) {
	f.StringVar(&p.listen, "nats-listen", "", "`address` at which NATS clients may subscribe to change notices (default none)")
	f.StringVar(&p.user, "nats-user", "", "user of --nats-listen, who may subscribe to bedside.changes.> and nothing else")
	f.StringVar(&p.password, "nats-password", "", "password of --nats-user; better given as LRS_NATS_PASSWORD")
	f.StringVar(&p.cert, "nats-cert", "", "PEM `file` of the certificate for --nats-listen; without, passwords cross the network as they are")
	f.StringVar(&p.key, "nats-key", "", "PEM `file` of its key")
}
