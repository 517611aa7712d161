# The targets a person, a developer and CI use; `make help` lists them.
# On a fresh clone `make run` and `make test` do all their own set-up: Go 1.26,
# git, make and Node's npm are enough.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO ?= go
# The folder of the embedded ClickHouse and Kafka.
DATA ?= data
# MAP and INPUT, given together, are imported before the services start.
MAP ?=
INPUT ?=
# What `go test` and `go test -bench` run over, and which benchmarks.
PKG ?= ./...
BENCH ?= .

TOOLS := $(CURDIR)/bin/tools
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)

.PHONY: help setup build run test verify soak lint fmt bench bench-ingest clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## get the engine, ECharts, Apache Kafka and, on Debian as root, Chromium and a CJK font
	@bash deploy/setup.sh

build: setup ## build bin/youzhi
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/youzhi .

# A folder is simulated or real and stays so: youzhi refuses to mix the two.
run: build ## start all services; MAP=FILE INPUT=PATH imports first; a new folder gets the demo
ifneq ($(strip $(MAP)$(INPUT)),)
	@test -n "$(MAP)" -a -n "$(INPUT)" || { echo "make run: MAP and INPUT belong together: make run MAP=deploy/mappings/olist.yaml INPUT=FOLDER" >&2; exit 2; }
	bin/youzhi import --data "$(DATA)" --map "$(MAP)" $(INPUT)
	exec bin/youzhi all --data "$(DATA)"
else
	@test -e "$(DATA)/SIMULATED" -o ! -e "$(DATA)/clickhouse" || exec bin/youzhi all --data "$(DATA)"; \
	echo "The folder $(DATA) has no events of your own: a simulated operator is shown. For yours: make run DATA=FOLDER MAP=deploy/mappings/NAME.yaml INPUT=FILE_OR_FOLDER"; \
	exec bin/youzhi demo --data "$(DATA)"
endif

# Those of the root and of the faults start the program as a process and judge what
# it says, the others draw whole operators or ask for all pages and papers: the race detector
# makes that several times as long, and `make verify` watches what runs side by
# side there.
WITHOUT_RACE := youzhi youzhi/ingest/faults youzhi/jobs/fold youzhi/jobs/report youzhi/dashboard/web youzhi/metrics youzhi/ingest/source/simulate

# Two packages at a time at most: several of them hold a ClickHouse engine each.
test: setup ## run all tests, with the race detector where things run side by side
	@all="$$($(GO) list $(PKG))"; \
	for p in $(WITHOUT_RACE); do plain="$${plain:-} $$(grep -Fx $$p <<< "$$all" || true)"; done; \
	race="$$(grep -Fxv $(WITHOUT_RACE:%=-e %) <<< "$$all" || true)"; \
	set -x; \
	test -z "$$race" || CGO_ENABLED=1 $(GO) test -race -timeout 30m -p 2 $$race; \
	test -z "$${plain// /}" || CGO_ENABLED=0 $(GO) test -timeout 30m -p 2 $$plain

# What belongs before landing and takes longer, or is no test: the linters, a
# build for each platform, modules that are complete and unchanged, the race
# detector over the fold, pages and reports, the histories of 200 seeds folded in any order, ten
# simulated operators of two sizes held to what was drawn, some fifty bugs that
# this has to show, the false signals of 200 quiet years, and forty kills of the
# ingest with three brokers.
verify: lint build ## lint, vet, builds, modules, many seeds of the fold and of figures
	$(GO) vet ./...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null .
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null .
	$(GO) mod verify
	$(GO) mod tidy -diff
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 30m -skip 'TestTruth|TestFoldInAnyOrder|TestMutants' ./jobs/fold
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 30m -p 2 -run 'TestSite/pages|TestTrends|TestArchive|TestGolden|TestImprovements|TestFeed' ./dashboard/web ./jobs/report ./metrics ./ingest/source/simulate
	CGO_ENABLED=0 YOUZHI_SEEDS=200 $(GO) test -count=1 -timeout 30m -run 'TestFoldInAnyOrder' ./jobs/fold
	CGO_ENABLED=0 YOUZHI_SEEDS=10 $(GO) test -count=1 -timeout 30m -run 'TestTruth' ./jobs/fold
	CGO_ENABLED=0 YOUZHI_SEEDS=1 $(GO) test -count=1 -timeout 30m -run 'TestMutants' ./jobs/fold
	CGO_ENABLED=0 YOUZHI_SEEDS=100 $(GO) test -count=1 -timeout 30m -v -run 'TestSignals' ./ingest/source/simulate
	CGO_ENABLED=0 YOUZHI_KILLS=40 $(GO) test -count=1 -timeout 30m -v -run 'TestFaults' ./ingest/faults

# It prints its seed and, in the end, what was broken how often; YOUZHI_SEED=N does
# the same again.
soak: setup ## break the ingest, ClickHouse and three brokers more than 200 times under load
	CGO_ENABLED=0 YOUZHI_KILLS=180 $(GO) test -count=1 -timeout 60m -v -run 'TestFaults' ./ingest/faults

lint: setup $(GOLANGCI) ## run the pinned golangci-lint
	$(GOLANGCI) run ./...

fmt: $(GOLANGCI) ## format the Go files and group their imports
	$(GOLANGCI) fmt ./...

bench: setup ## run the benchmarks, no tests; BENCH=REGEXP PKG=./ROOM narrow it
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m -p 1 $(PKG)

# Ours beside ClickHouse's own ways, in turns; poison; bytes; then lag and memory
# over ten minutes; several processes, and ten minutes of rebalances. YOUZHI_BENCH_EVENTS, _ROUNDS and _MINUTES make it longer or shorter.
bench-ingest: setup ## measure the ingest: events for each CPU-second beside ClickHouse's own, lag, memory, bytes, rebuild and refresh
	CGO_ENABLED=0 $(GO) test -run '^$$' -bench 'Peers|Poison|Fsync|Stored|Lag' -benchtime 1x -timeout 120m -v ./ingest/consume
	CGO_ENABLED=0 $(GO) test -run '^$$' -bench 'Scale|Rebalance' -benchtime 1x -timeout 60m -v ./ingest/faults
	CGO_ENABLED=0 YOUZHI_EVENTS=50000000 $(GO) test -run '^$$' -bench 'Refresh' -benchtime 1x -timeout 360m -v ./jobs/fold

clean: ## remove what was built; the data stays
	rm -rf bin node_modules

# Its own modules never mix with ours: `go install` at a version reads no go.mod.
$(GOLANGCI):
	@echo "building golangci-lint $(GOLANGCI_VERSION), once"
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(TOOLS)/golangci-lint $@
