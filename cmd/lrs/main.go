// Command lrs is Bedside, an xAPI learning record store in one binary. See
// `lrs help` and the README.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once, as signals do by default.
	context.AfterFunc(ctx, stop)
	root := newRoot()
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "lrs: %v\n", err)
		os.Exit(1)
	}
}
