package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// BenchmarkUnderAttack measures the requests of an honest client alone, while each
// attack is made over and over again on another server of the same machine, and
// while it is made on this one: a PUT and a GET an operation.
//
// The attackers are a process of their own, and have of the processors what the
// servers and the client leave (nice 19): they would be on other machines. What they
// take of this one nevertheless is what the attack on the other server shows.
func BenchmarkUnderAttack(b *testing.B) {
	if url := os.Getenv(attackedURL); url != "" {
		attackUntilKilled(b, &server{url: url}, os.Getenv(attackName))
	}
	s, other := startAttacked(b), startAttacked(b)
	measure := func(name string, attacked *server, attack string) {
		b.Run(name, func(b *testing.B) {
			if attacked != nil {
				defer startAttacker(b, attacked, attack)()
			}
			took := make([]time.Duration, b.N)
			b.ResetTimer()
			for i := range took {
				start := time.Now()
				honest(b, s)
				took[i] = time.Since(start)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
		})
	}
	for _, tc := range attacks {
		measure("alone", nil, "")
		measure(tc.name+" on another", other, tc.name)
		measure(tc.name, s, tc.name)
	}
}

// With these in its environment the test binary's BenchmarkUnderAttack is the attacker.
const attackedURL, attackName = "LRS_TEST_ATTACKED_URL", "LRS_TEST_ATTACK"

// startAttacker returns when the attacker is at work, and its end.
func startAttacker(b *testing.B, s *server, name string) (stop func()) {
	b.Helper()
	cmd := exec.Command("nice", "-n", "19", os.Args[0], "-test.run", "^$", "-test.bench", "^BenchmarkUnderAttack$", "-test.benchtime", "1x")
	cmd.Env = append(os.Environ(), attackedURL+"="+s.url, attackName+"="+name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	said := bufio.NewReader(out)
	for line := ""; line != attackBegins; {
		if line, err = said.ReadString('\n'); err != nil {
			b.Fatalf("the attacker did not begin: %v", err)
		}
	}
	ended := make(chan string, 1)
	go func() {
		rest, _ := io.ReadAll(said) // what there is of it
		ended <- string(rest)
	}()
	return func() {
		select {
		case rest := <-ended:
			b.Errorf("the attack failed: %s", rest)
		default:
			_ = cmd.Process.Kill() // if it ends at this moment, that is as well
			<-ended
		}
		_ = cmd.Wait() // it was killed
	}
}

const attackBegins = "attack begins\n"

func attackUntilKilled(b *testing.B, s *server, name string) {
	begins := func() { fmt.Print("\n" + attackBegins) }
	if name == "idle connections" { // it begins when they are open
		idle = func(testing.TB, *server) { begins(); select {} }
	} else {
		begins()
	}
	for _, tc := range attacks {
		for tc.name == name && !b.Failed() {
			tc.attack(b, s)
		}
	}
	b.Fatal("no more attacks")
}
