# Portico. `make` alone lists the targets.
GO          ?= go
# Decoding is a third of a rebuild, and encoding/json decodes three times as fast on top of
# v2 (docs/performance.md). Everything builds and passes without it, too.
export GOEXPERIMENT ?= jsonv2
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
TOOLS       := $(CURDIR)/bin/tools
VERSION     := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
DURATION    ?= 30m
SRC          = $(shell find . -name '*.go' -not -path './bin/*' -not -path './var/*')

.DEFAULT_GOAL := help
.PHONY: help build contract-binary run test check templ race torture lighthouse fuzz docs clean postgres testing

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/portico
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/portico ./cmd/portico

contract-binary: ## The event store's contract as bin/contract, to try a server of EventStoreDB where there is no Go
	CGO_ENABLED=0 $(GO) test -c -trimpath -ldflags '-s -w -X portico/internal/eventstore/eventstoredb/contract.standalone=yes' \
	  -o bin/contract ./internal/eventstore/eventstoredb/contract

run: postgres build ## Build and serve, with a sample business to click through
	./bin/portico serve --sample

test: check race ## All checks and tests, as CI runs them

check: $(TOOLS)/staticcheck $(TOOLS)/templ ## Format, vet, staticcheck, generated pages
	@was=$$(cat web/*/*_templ.go | sha256sum); $(TOOLS)/templ generate -path web -log-level error; \
	  if [ "$$was" != "$$(cat web/*/*_templ.go | sha256sum)" ]; then echo "pages were not generated: they are now (make templ)"; exit 1; fi
	@bad=$$(gofmt -l $(SRC)); if [ -n "$$bad" ]; then echo "not gofmt-ed (run gofmt -w):" $$bad; exit 1; fi
	$(GO) vet ./...
	$(TOOLS)/staticcheck ./...

templ: $(TOOLS)/templ ## Write the Go of pages from web/**/*.templ
	$(TOOLS)/templ generate -path web

race: postgres testing ## Tests with the race detector, on a PostgreSQL of their own
	GO=$(GO) .ci/race

torture: postgres testing ## Faults for long: make torture DURATION=30m
	GO=$(GO) .ci/torture $(DURATION)

lighthouse: postgres testing build ## Rate the main pages as a phone gets them
	@.ci/need-npm web/browser/lighthouse
	node web/browser/lighthouse/rate.mjs bin/portico

fuzz: ## Fuzz the parsers, 20 s each
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime 20s $$p || exit 1; done; done

docs: ## Rewrite what is generated: docs/events.md, docs/integration-events.md, missing golden files
	$(GO) test ./domain/catalog ./api -run 'Golden|Documented|Operations' -update
	$(GO) test ./internal/public -run 'Gain|Documented' -update

$(TOOLS)/staticcheck: go.mod
	GOBIN=$(TOOLS) $(GO) install $(STATICCHECK)

$(TOOLS)/templ: web/tools.mod
	$(GO) build -modfile=web/tools.mod -o $@ github.com/a-h/templ/cmd/templ

postgres:
	@.ci/need postgresql initdb

testing: # what only tests need
	@.ci/need chromium chromium
	@.ci/need pgbouncer pgbouncer
	@.ci/need libfaketime '/usr/lib/*/faketime/libfaketime.so.1'
	@.ci/need gcc gcc
	@.ci/need libc6-dev /usr/include/stdio.h
	@.ci/need poppler-utils pdftotext # papers are read back and looked at
	@.ci/need qpdf qpdf
	@.ci/need nodejs node
	@.ci/need npm npm
	@.ci/need-npm web/browser # pages are walked in a browser

clean: ## Remove what was built; sample data under var/ stays
	rm -rf bin
