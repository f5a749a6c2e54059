package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
)

// healthTimeout bounds the question of lrs health: a server that takes longer is not well.
const healthTimeout = 5 * time.Second

func newHealth(node *nodeConfig) *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the server that listens at --listen whether it is ready",
		Long: `Asks /readyz of the server that runs with the same --listen. It ends with 0 if that
is ready, and else says why it is not: a container's health check, which needs no
shell.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			notes, err := askReady(ctx, node.local())
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), strings.Join(append([]string{"ready"}, notes...), "\n"))
			return nil
		},
	}
}

// askReady returns what an operator should see to, or why the server at url is not ready.
func askReady(ctx context.Context, url string) (notes []string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no server answers: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%s/readyz: %w", url, err)
	}
	var answer struct {
		Ready   bool     `json:"ready"`
		Reasons []string `json:"reasons"`
		Notes   []string `json:"notes"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%s/readyz answers %s, and not as Bedside does", url, resp.Status)
	}
	if resp.StatusCode != http.StatusOK || !answer.Ready {
		return nil, errors.New("not ready: " + strings.Join(answer.Reasons, "; "))
	}
	return answer.Notes, nil
}
