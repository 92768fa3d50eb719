# One command on a fresh clone: `make test` or `make demo`. Needs Python 3.11, Node 20 and their package managers.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
# Natrix finds the compiler, and Ape finds anvil, on PATH.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Tests start hundreds of processes: what they import is compiled once.
unexport PYTHONDONTWRITEBYTECODE
# keccak256 written in C, of the lock file: the test networks do little else so often.
export ETH_HASH_BACKEND := pysha3

WORKERS ?= 2
VYPER_SOURCES = $(shell find contracts -name '*.vy' -o -name '*.vyi')
# natrix takes no interfaces, and no module that uses the storage of two others.
VYPER_LINTED = $(wildcard contracts/*.vy contracts/testing/*.vy) \
  $(shell grep -c '^uses:' contracts/modules/*.vy | awk -F: '$$2 < 2 {print $$1}')
PYTHON_SOURCES = $(wildcard keeper scripts tests benches)

.PHONY: help setup lock compile test test-contracts test-python fuzz proofs coverage mutants lint lint-python \
  lint-contracts format gas reference sizes hashes demo clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-15s %s\n", $$1, $$2}'

setup: $(VENV)/.python-done $(VENV)/.node-done $(VENV)/bin/keeper ## environment, anvil, keeper; quick if nothing changed

$(VENV)/bin/python:
	@python=$$(command -v python3.11 || command -v python3 || true); \
	if [ -z "$$python" ] || [ "$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" != 3.11 ]; then \
	  echo "make setup: Python 3.11 is needed, neither python3.11 nor python3 on PATH is it" >&2; exit 1; fi; \
	"$$python" -m venv $(VENV)

$(VENV)/.python-done: requirements.lock | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

# What installing the project would make, without the network that its build would ask: the sources are run in place.
$(VENV)/bin/keeper: Makefile | $(VENV)/bin/python
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -P -m keeper "$$@"\n' "$(CURDIR)" "$(CURDIR)/$(VENV)/bin/python" > $@
	@chmod +x $@

$(VENV)/.node-done: package-lock.json | $(VENV)/bin/python
	@command -v npm >/dev/null || { echo "make setup: Node 20 with npm is needed" >&2; exit 1; }
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@# The package's own command is a wrapper that leaves the node running when it is stopped: link the program itself.
	@platform=$$(node -p 'process.platform + "-" + ({x64: "amd64", arm64: "arm64"}[process.arch] || process.arch)'); \
	anvil="node_modules/@foundry-rs/anvil-$$platform/bin/anvil"; \
	[ -x "$$anvil" ] || { echo "make setup: no anvil for $$platform: $$anvil is missing" >&2; exit 1; }; \
	ln -sfn "../../$$anvil" $(VENV)/bin/anvil
	@touch $@

lock: ## requirements.lock anew from requirements.in and requirements.overrides
	uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --override requirements.overrides \
	  --output-file requirements.lock requirements.in

# What commands and tests take; Ape's own cache does not see that an import or an interface changed. Last the book's
# loops, for this machine.
compile: setup
	@python -m scripts._deployment.kept
	@python -m keeper.book.warm

test: test-contracts test-python proofs ## every test

# Ape's own network, one a worker.
test-contracts: compile
	pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(wildcard tests/unit tests/deploy tests/gas)

# Titanoboa, the keeper and anvil: without Ape's plug-in, which would connect and snapshot for each test. The longest
# files come first, in the order of tests/order.py.
test-python: compile
	pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -p no:ape_test tests --ignore=tests/unit --ignore=tests/deploy --ignore=tests/gas \
	  --ignore=tests/proofs

STEPS ?= 200000
SEED ?= 1
RECORD ?=

fuzz: setup ## STEPS random steps from SEED against the invariants; goes on where it was stopped; RECORD=1: docs/fuzzing.md
	@python -m tests.stateful --steps $(STEPS) --seed $(SEED) --workers $(WORKERS) $(if $(RECORD),--record docs/fuzzing.md)

# How long the solver takes rests on all that its process has seen before, a hundred times over: each file has its own.
proofs: setup ## what holds for all numbers and all words: docs/proofs.md; part of `test`
	printf '%s\n' tests/proofs/test_*.py | xargs -n 1 -P $(WORKERS) pytest -q -p no:ape_test

coverage: compile ## the lines of the contracts that their tests run, as JSON: at least 98%
	@python -m scripts.coverage --workers $(WORKERS)

# Resumed where it was interrupted: what came of each is kept while contracts and tests are as they were.
mutants: setup ## each rule taken away and a hundred places changed: do tests notice?
	@python -m tests.mutants --workers $(WORKERS)

lint: lint-python lint-contracts ## ruff, mypy, mamushi, natrix; with --jobs 2 side by side

lint-python: setup
	ruff check $(PYTHON_SOURCES)
	ruff format --check $(PYTHON_SOURCES)
	mypy

lint-contracts: setup
	mamushi --safe false --line-length 120 --check $(VYPER_SOURCES)
	@# It takes three minutes for all of them, one by one.
	printf '%s\n' $(VYPER_LINTED) | xargs -n 4 -P $(WORKERS) natrix lint

format: setup ## what lint asks for
	ruff check --fix-only $(PYTHON_SOURCES)
	ruff format $(PYTHON_SOURCES)
	mamushi --line-length 120 $(VYPER_SOURCES)

gas: setup ## what each act costs, kept in benches/gas.json
	python -m benches.gas | python -m json.tool --sort-keys > benches/gas.json.new && mv benches/gas.json.new benches/gas.json

reference: setup ## docs/reference from the contracts
	python -m scripts.reference

sizes: setup ## bytes of each contract against the limit
	@python -m benches.sizes --table

# WRITE=1 makes the file anew.
hashes: setup ## compile afresh and compare with deployments/hashes.json
	@python -m scripts.hashes $(if $(WRITE),--write)

demo: setup ## prices to liquidations on a local chain
	python -m scripts.demo

MINUTES ?= 20
SEED ?= 1
soak: compile ## a keeper under random faults and prices, for MINUTES
	@python -m tests.faults.soak --minutes $(MINUTES) --seed $(SEED)

clean: ## drop what is built, keep the environment
	find $(PYTHON_SOURCES) -name __pycache__ -prune -exec rm -r {} +
	rm -rf .build .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
