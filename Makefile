# The one command: make test. Tools are pinned here and run by the go command;
# only `clients` needs more than Go: Node.js and npm.
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = go run golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: test fmt vet lint vuln race clients build bench

test: fmt vet lint vuln race clients

fmt:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted (gofmt -w):"; echo "$$out"; exit 1; fi
	go mod verify
	go mod tidy -diff

vet:
	go vet -tags clients ./...

lint:
	$(STATICCHECK) -tags clients ./...

# The database of known vulnerabilities is on the network. Where it cannot be
# had this says so and goes on; a vulnerability that is found fails (exit 3).
vuln:
	@status=0; $(GOVULNCHECK) ./... || status=$$?; \
	if [ $$status -eq 3 ]; then exit 3; fi; \
	if [ $$status -ne 0 ]; then echo "govulncheck: NOT CHECKED: the vulnerability database could not be had"; fi

race:
	go test -race ./...

# Stock xAPI clients from npm against the real server.
clients:
	go test -tags clients -run TestStockClients ./cmd/lrs

build:
	go build -o lrs-bin ./cmd/lrs

bench:
	go test -run '^$$' -bench . -benchmem ./lrs/... ./api/...
