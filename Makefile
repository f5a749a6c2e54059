# The one command: make test. Tools are pinned here and run by the go command;
# only `clients` needs more than Go: Node.js and npm.
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: test fmt vet lint vuln race intervals clients fuzz build bench soak test-esdb

test: fmt vet lint vuln race intervals clients fuzz

fmt:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted (gofmt -w):"; echo "$$out"; exit 1; fi
	go mod verify
	go mod tidy -diff

vet:
	go vet -tags clients,esdb,soak ./...

lint:
	$(STATICCHECK) -tags clients,esdb,soak ./...

# The database of known vulnerabilities is on the network. Where it cannot be
# had this says so and goes on; a vulnerability that is found fails (exit 3).
vuln:
	@dir=$$(mktemp -d) && GOBIN=$$dir go install $(GOVULNCHECK) && { status=0; $$dir/govulncheck ./... || status=$$?; }; \
	rm -rf $$dir; \
	if [ "$$status" = 3 ]; then exit 3; fi; \
	if [ "$$status" != 0 ]; then echo "govulncheck: NOT CHECKED: the tool or its database could not be had"; fi

# SQLite and its library are C that was translated to Go. Their memory is their own, but for some
# globals, and the race detector looks at Go's only; it costs most of the time of the tests that
# use SQLite nevertheless. The driver around it is watched like all else.
NOTRACED = $(patsubst %,-gcflags=%=-race=false,modernc.org/sqlite/lib modernc.org/libc)

race:
	go test -race $(NOTRACED) -timeout 45m ./...

# Planted effects against the intervals that are reported: too many hospitals for the race detector.
intervals:
	go test -run TestIntervals ./cmd/lrs/demo

# Stock xAPI clients from npm against the real server.
clients:
	go test -tags clients -run TestStockClients ./cmd/lrs

# Clusters, nodes and EventStoreDB's double under faults, with all rounds: hours.
soak:
	go test -tags soak -count=1 -timeout 4h -v -run 'TestKill|TestCluster|TestNodesLinearizable|TestEventStore' ./cmd/lrs

# The log's contract against a real EventStoreDB or KurrentDB, which make test has
# none of: make test-esdb ESDB='esdb://…'. Streams bedside-contract-… stay behind.
test-esdb:
	BEDSIDE_ESDB='$(ESDB)' go test -count=1 -tags esdb -run '^TestServer' ./lrs/eventlog/esdblog

# Each parser of what comes from outside, for FUZZTIME. What a run finds goes
# into testdata/fuzz beside the test, and is tried by every go test from then on.
FUZZTIME = 30s
FUZZ = ./lrs/xapi:FuzzParseStatement ./lrs/xapi:FuzzParserAgreesWithSchema ./lrs/eventlog:FuzzDecode \
	./lrs/eventlog:FuzzFollow ./api/xapihttp:FuzzMultipart ./api/xapihttp:FuzzParameters \
	./api/xapihttp:FuzzETags ./api/xapihttp:FuzzAlternate ./lrs/natsembed:FuzzCheck
# Of the read side, for a shorter time: what they read has passed the others, or an administrator's hands.
READFUZZTIME = 10s
READFUZZ = ./projections/people:FuzzParseUnits ./projections/people:FuzzParsePeople ./projections/definition:FuzzParse \
	./projections/fact:FuzzFeaturesOf ./projections/notice:FuzzToken ./projections/definition:FuzzImportCASE \
	./api/scimhttp:FuzzFilter ./api/scimhttp:FuzzOperation

# Go before 1.27 reports the end of -fuzztime as a failure now and then (go.dev/issue/75804):
# "context deadline exceeded", with no input that failed.
fuzz: export GOTOOLCHAIN = go1.27.0+auto
fuzz:
	@set -e; for t in $(FUZZ:=:$(FUZZTIME)) $(READFUZZ:=:$(READFUZZTIME)); do \
	time=$${t##*:}; t=$${t%:*}; echo "fuzz $$t for $$time"; \
	go test -run '^$$' -fuzz "^$${t#*:}$$" -fuzztime $$time -fuzzminimizetime 20x $${t%:*}; done

build:
	go build -o lrs-bin ./cmd/lrs

bench:
	go test -run '^$$' -bench . -benchmem ./lrs/... ./api/...
