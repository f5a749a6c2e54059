package main

import (
	"github.com/spf13/cobra"
)

// group makes a command that only holds others: without one of them it helps,
// and with an unknown one it fails.
func group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(commands...)
	return cmd
}

// newRoot is the command line. Each subcommand has a file of its own.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "lrs",
		Short: "Bedside, an xAPI learning record store",
		Long: `Bedside stores xAPI statements in an event log, answers queries about them, and
keeps both on this machine: no other server is needed.

Every flag can also be set as an environment variable, LRS_ and the flag's name
in capitals with underscores (LRS_MIN_FREE for --min-free), or in a YAML file
(--config) under the flag's name. A flag wins over the environment, and the
environment over the file.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return settle(cmd) },
	}
	node := defaultNode
	node.flags(root.PersistentFlags())
	root.PersistentFlags().String("config", "", "YAML `file` with flags as keys; an unknown key is an error")
	root.AddCommand(newServe(&node), newCredential(&node), newLog(&node), newIndex(&node),
		newBackup(&node), newRestore(&node),
		newPeople(&node), newDefinitions(&node), newProjection(&node), newReplay(&node), newHealth(&node), newDemo())
	return root
}
