# Every target makes .venv itself, and anew when the locked packages change. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# Compiled modules make a start four times quicker; some environments switch them off.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
VENV := .venv/stamp
PYTEST := $(BIN)/python -m pytest
BOX := $(BIN)/python tests/cluster/box
UV ?= uv
ARGS ?=

$(VENV): requirements/dev.txt pyproject.toml
	@python="$$(.ci/tools)"
	$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
	    "$$python" -m venv --clear .venv
	echo "installing the locked packages into .venv"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --compile \
	    --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q app widgets screens styles
	touch $@

.PHONY: venv
venv: $(VENV)  ## make .venv with everything development needs

.PHONY: test
test: check  ## everything: check, unit, contract, screen, local and cluster tests
	.ci/tools >/dev/null
	# The screens draw on one core while the unit tests mostly wait; the clusters have both cores.
	drawn="$$(mktemp)"; nice -n 5 $(PYTEST) tests/screens $(ARGS) >"$$drawn" 2>&1 &
	beside=$$!
	trap 'kill $$beside 2>/dev/null || true; rm -f "$$drawn"' EXIT
	code=0; $(PYTEST) tests/unit $(ARGS) || code=$$?
	wait $$beside || code=$$?
	cat "$$drawn"
	$(PYTEST) tests/cluster tests/contract tests/local $(ARGS) || code=$$?
	exit $$code

.PHONY: check
check: $(VENV)  ## format, lint, types and import directions
	$(BIN)/ruff format --check --quiet . ||
	    { echo "not formatted (make format):"; $(BIN)/ruff format --check .; }
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=.links $(BIN)/lint-imports
	$(BIN)/python .ci/readme --check

.PHONY: format
format: $(VENV)  ## format and fix what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: unit contract screens local cluster
unit: $(VENV)  ## the quick and pure tests
	$(PYTEST) tests/unit $(ARGS)

contract: $(VENV)  ## the same tests on every backend; by itself on the local site, `make cluster` for Slurm
	$(PYTEST) tests/contract $(ARGS)

screens: $(VENV)  ## each screen driven by keys, compared with its pictures
	$(PYTEST) tests/screens $(ARGS)

local: $(VENV)  ## the app in a real terminal on this machine without Slurm
	$(PYTEST) tests/local $(ARGS)

cluster: $(VENV)  ## the app in a real terminal on a real Slurm
	.ci/tools >/dev/null
	$(PYTEST) tests/cluster $(ARGS)

.PHONY: snapshots
snapshots: $(VENV)  ## take the screens' pictures anew; look at each that changed
	$(PYTEST) tests/screens --snapshot-update $(ARGS)

.PHONY: cluster-shell
cluster-shell: $(VENV)  ## a shell on the login node of a test cluster, with jobshape on PATH
	$(BOX) shell $(ARGS)

.PHONY: demo
demo: $(VENV)  ## jobshape on this machine with a small pipeline; ARGS=--clean removes it
	$(BIN)/jobshape demo $(ARGS)

.PHONY: cluster-demo
cluster-demo: $(VENV)  ## jobshape on a test cluster of its own with some jobs; gone when you quit
	$(BIN)/python tests/cluster/demo.py $(ARGS)

.PHONY: bench
bench: $(VENV)  ## measure DESIGN.md's budgets on a real Slurm
	$(BIN)/python benchmarks/run.py $(ARGS)

.PHONY: lock
lock:  ## pin what pyproject.toml and requirements/dev.in ask for; needs uv
	$(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --quiet pyproject.toml requirements/dev.in -o requirements/dev.txt

.PHONY: readme
readme: $(VENV)  ## the README's tables of keys and settings, made anew
	$(BIN)/python .ci/readme

.PHONY: clean
clean:  ## remove .venv and everything made
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache snapshot_report.html
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
	find . -name '*.egg-info' -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: help
help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/\1\t\2/p' $(MAKEFILE_LIST) |
	    while IFS=$$'\t' read -r target text; do printf '  make %-14s %s\n' "$$target" "$$text"; done
