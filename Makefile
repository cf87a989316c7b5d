# Two set-up commands, each doing everything on a bare machine: `make matrix` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python
INTEROP := $(VENV)/bin/ipsec-interop
INSTALLED := $(VENV)/.installed
LOCK := $(VENV)/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

include liboqs.mk

.PHONY: help
help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: matrix
matrix: $(INSTALLED) ## Everything, then the smoke suite: prints where the report is
	@tools/prerequisites lab
	@$(MAKE) --no-print-directory liboqs || echo "liboqs is not there: cells that need ML-KEM-512 or sntrup761 say why" >&2
	@$(INTEROP) run --suite smoke

.PHONY: test
test: $(INSTALLED) ## All tests; those of the lab against real strongSwan where Docker runs
	@tools/prerequisites lab test
	@$(MAKE) --no-print-directory liboqs
	@$(PYTHON) -m pytest -q -n 2 $(TESTS)

.PHONY: fuzz
fuzz: $(INSTALLED) ## Every reader of foreign octets and files under spoiled input, three minutes in all
	@$(PYTHON) tests/fuzz/fuzz.py --seconds $(or $(SECONDS_OF_FUZZING),180) --jobs 2

.PHONY: third-reader
third-reader: $(INSTALLED) ## tshark on the latest run, field by field beside our verifier
	@tools/prerequisites test
	@$(PYTHON) tools/third_reader.py reports/runs/latest

.PHONY: mutants
mutants: $(INSTALLED) ## Mutants of verifier, oracle and key schedules against the tests; goes on where it was stopped
	@$(PYTHON) tools/mutants $(MODULES)

.PHONY: mutants-changed
mutants-changed: $(INSTALLED) ## The same for the modules that differ from BASE, eight minutes at most
	@$(PYTHON) tools/mutants --changed "$(BASE)" --seconds $(or $(SECONDS_OF_MUTANTS),480)

.PHONY: lint
lint: $(INSTALLED) ## ruff, mypy strict, the layers, and the data of scenarios and peers
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(INTEROP) lint

.PHONY: bench
bench: $(INSTALLED) ## Ratios of one run: printed, and written to bench.json
	@$(MAKE) --no-print-directory liboqs
	@$(PYTHON) tests/bench/bench.py

.PHONY: venv
venv: $(INSTALLED) ## The virtual environment with the locked dependencies

$(INSTALLED): requirements/dev.lock requirements/fuzz.lock pyproject.toml
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON3=..." >&2; exit 2; }
	@echo "setting up $(VENV)" >&2
	@$(PYTHON3) -m venv $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
	     -r requirements/fuzz.lock 2>/dev/null || echo "atheris cannot be had here: the fuzzer does without" >&2
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: lock
lock: $(INSTALLED) ## Lock the dependencies again
	$(LOCK) --extra dev -o requirements/dev.lock pyproject.toml
	$(LOCK) -o requirements/fuzz.lock requirements/fuzz.in
	$(LOCK) -o requirements/worker.lock requirements/worker.in

.PHONY: generated
generated: $(INSTALLED) ## Write again what is generated from data: compose file, schema, state table, coverage, deviations, checks
	$(PYTHON) -m harness.lab.compose
	$(PYTHON) tools/draw_state_table.py
	$(PYTHON) tools/write_coverage.py
	$(PYTHON) tools/write_deviations.py
	$(PYTHON) tools/write_checks.py

.PHONY: distclean
distclean: ## Take away everything these made: environment, images, runs, caches
	@if [ -x $(INTEROP) ]; then $(INTEROP) lab down --images || true; fi
	@$(MAKE) --no-print-directory clean-liboqs
	rm -rf $(VENV) *.egg-info build dist bench.json fuzz-findings .mutants reports/runs .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	       .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
