# Every recipe runs the Node.js that npm installed, and one compile cache, so that a start costs milliseconds.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export NODE_COMPILE_CACHE := $(CURDIR)/.cache/compile
SECONDS_EACH ?= 60
KILLS ?= 100
TAG ?= localhost/tokenward:dev

.DEFAULT_GOAL := help

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

node_modules/.package-lock.json: package-lock.json
	@echo 'Installing the packages of package-lock.json ...'
	@npm ci --no-progress --loglevel=error
	@touch $@

install: node_modules/.package-lock.json

demo: install ## run the whole system on this machine and drive real calls through it (KEEP=1 leaves it running)
	@node test/demo/main.ts $(if $(KEEP),--keep)

test: install ## lint, types, unit, integration and conformance tests
	@node test/run.ts

bench: install bundle ## the benchmarks, peers beside us in one run; writes the tables of docs/performance.md
	@node test/bench/main.ts

fuzz: install ## every parser that meets the wire, SECONDS_EACH=60 seconds each (SEED= repeats a run)
	@for target in test/fuzz/*.fuzz.ts; do echo "== $$target"; node $$target $(SECONDS_EACH) $(SEED); done

chaos: install ## kill random processes KILLS=100 times while the calls of the demo run
	@KILLS=$(KILLS) node test/chaos/main.ts

bundle: install ## one file per process into dist/
	@node cmd/bundle/main.ts

image: install bundle ## the container image, TAG=localhost/tokenward:dev; BASE= names its base, OUT= writes a docker-archive
	@TAG=$(TAG) BASE=$(BASE) OUT=$(OUT) node cmd/image/main.ts

shop-image: install ## the apps of examples/shop as an image, localhost/tokenward-shop:dev; OUT= writes a docker-archive
	@OUT=$(OUT) node test/e2e/shop-image.ts

cluster: install ## a Kubernetes of one node on this machine (Linux, root); programs are built the first time
	@node test/cluster/main.ts up

e2e: install bundle ## the whole product on a real Kubernetes: the one of KUBECONFIG, else one node of its own (KEEP=1 leaves it)
	@node test/e2e/main.ts

generate: install ## types and reference pages from crds/ and the tables in pkg/
	@node cmd/generate/main.ts

format: install ## rewrite every file in the house style
	@prettier --log-level warn --write .

clean: ## remove what was built and cached here
	@rm -rf dist .cache .state

.PHONY: help install demo test bench fuzz chaos bundle image shop-image cluster e2e generate format clean
