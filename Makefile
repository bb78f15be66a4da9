.DEFAULT_GOAL := help

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' Makefile

build: ## the static binary ./luahttpd
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o luahttpd ./cmd/luahttpd

run: ## serve conf/nginx.conf, or the built-in site without one
	go run ./cmd/luahttpd

test: ## all tests
	go test ./...

check: ## formatting, vet, all tests in random order
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	go test -shuffle=on ./...

race: ## all tests under the race detector
	go test -race ./...

scripts: ## script tests; CASE=name LENS=plain|onebyte|pipelined|workers|reload
	go test . -run 'TestScripts/.*/$(CASE)' -lens=$(LENS)

fuzz: ## every fuzz target for T seconds (default 10)
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; go test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime $(or $(T),10)s || exit 1; done; done

bench: ## Go benchmarks of every package
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: help build run test check race scripts fuzz bench
