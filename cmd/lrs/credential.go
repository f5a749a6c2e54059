package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/lrs/auth"
)

func newCredential(node *nodeConfig) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credential",
		Short: "Add, list and revoke the credentials that clients use",
		Long: `Credentials are for HTTP Basic: a key and a secret, with scopes of the xAPI
specification (statements/write, statements/read/mine, statements/read, state,
define, profile, all/read, all), and of people and competencies (people/read,
people/write, definitions/write, competencies/read; all/read and all cover these
too). Changes are in force at once: the commands speak to the server that runs on
--data, and open the directory themselves if none does.`,
	}
	return group(cmd, newCredentialAdd(node), newCredentialList(node), newCredentialRevoke(node))
}

func newCredentialAdd(node *nodeConfig) *cobra.Command {
	var n adminhttp.NewCredential
	var authority, expires string
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add a credential and print its key and secret",
		Long: `Adds a credential and prints its key and secret.

With --unit or --person it is bound: of people and their competencies it reaches
those in the units and below them, and the person, and nobody else. It may only
read, and nothing under /xapi, where statements name whomever they like.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.TrimSpace(n.Scopes) == "" {
				return errors.New("--scopes names no scope")
			}
			if cmd.Flags().Changed("person") && n.Person == "" {
				return errors.New("--person names nobody; without the flag the credential is not bound to a person")
			}
			if authority != "" {
				n.Authority = jsontext.Value(authority)
			}
			if expires != "" {
				t, err := time.Parse(time.RFC3339, expires)
				if err != nil {
					return fmt.Errorf("--expires: %w", err)
				}
				n.Expires = &t
			}
			return withCredentials(cmd, node, true, func(ctx context.Context, c adminhttp.Credentials) error {
				created, err := c.Add(ctx, n)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "key:    %s\nsecret: %s\n", created.Key, created.Secret)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&n.Key, "key", "", "key (default: a generated one)")
	f.StringVar(&n.Secret, "secret", "", "secret (default: a generated one, which is safer)")
	f.StringVar(&n.Name, "name", "", "what uses it, for people")
	f.StringVar(&n.Scopes, "scopes", auth.DefaultScopes.String(), "what it may do, separated by spaces or commas")
	f.StringVar(&authority, "authority", "", "JSON of the Agent that its statements get as authority (default: an account named by the key)")
	f.StringArrayVar(&n.Units, "unit", nil, "`id` of a unit that it is bound to, with all below it; may be repeated")
	f.StringVar(&n.Person, "person", "", "`id` of a person that it is bound to, as for learners who read their own record")
	f.StringVar(&expires, "expires", "", "`time` from which it is refused, as 2027-01-31T00:00:00Z")
	return cmd
}

func newCredentialList(node *nodeConfig) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the credentials, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withCredentials(cmd, node, false, func(ctx context.Context, c adminhttp.Credentials) error {
				list, err := c.List(ctx)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "KEY\tNAME\tSCOPES\tCREATED\tEXPIRES\tBOUND TO")
				for _, c := range list {
					expires := "never"
					if c.Expires != nil {
						expires = c.Expires.UTC().Format(time.RFC3339)
					}
					name := c.Name
					if c.Ephemeral {
						name = "(environment)"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n",
						c.Key, name, strings.Join(c.Scopes, " "), c.Created.UTC().Format(time.RFC3339), expires, bounds(c))
				}
				return w.Flush()
			})
		},
	}
}

// bounds says what a credential is bound to, "-" if to nothing. Ids are quoted: they may have spaces.
func bounds(c adminhttp.Credential) string {
	var all []string
	for _, unit := range c.Units {
		all = append(all, fmt.Sprintf("unit %q", unit))
	}
	if c.Person != "" {
		all = append(all, fmt.Sprintf("person %q", c.Person))
	}
	if all == nil {
		return "-"
	}
	return strings.Join(all, ", ")
}

func newCredentialRevoke(node *nodeConfig) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke KEY",
		Short: "Revoke a credential at once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withCredentials(cmd, node, false, func(ctx context.Context, c adminhttp.Credentials) error {
				return c.Revoke(ctx, args[0])
			})
		},
	}
}

// withCredentials administers the running server, or the directory if none runs.
func withCredentials(cmd *cobra.Command, node *nodeConfig, create bool, do func(context.Context, adminhttp.Credentials) error) error {
	return administer(cmd, *node, create, func(ctx context.Context, c *adminhttp.Client) error {
		return do(ctx, c)
	}, func(ctx context.Context, cfg nodeConfig, log *slog.Logger) error {
		n, err := openNode(ctx, cfg, auth.NewRegistry(cfg.url()), prometheus.NewRegistry(), log)
		if err != nil {
			return err
		}
		err = do(ctx, adminhttp.Local{Store: n.store, BaseURL: cfg.url(), Now: time.Now})
		return errors.Join(err, n.close(10*time.Second))
	})
}
