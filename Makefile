# Two commands: `make run` shows an invented municipality, `make test` checks everything.
#
#   make run              set up .venv, then `fleetsync demo`; ARGS="--with-monitoring" is handed on
#   make test             set up, install what the tests need, run everything
#   make test PARTS=none  a declared partial run: without the parts of the distribution; prints what was not run
#   make check            the quick half of `make test`: lint, types, and whether generated files are up to date
#   make torture          thousands of faults and lies of sources against the published numbers; ARGS="--one-in 20"
#   make bench            measure beside other programs that do the same job; ARGS="--size 10000" (bench/README.md)
#   make docs             write the generated documents and Grafana dashboards anew
#   make format · lock · check-lock · clean

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# uv would otherwise fetch an interpreter of its own.
export UV_PYTHON_DOWNLOADS := never
# All targets use .venv, whichever environment is active in the shell.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
# Without bytecode each process compiles everything it imports anew: two seconds for each of those that the tests start.
unexport PYTHONDONTWRITEBYTECODE

UV_VERSION := 0.13.9
# Only a uv that runs: a version manager may put a name on PATH behind which there is nothing.
UV := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),.tools/bin/uv)
# The first python that runs and is new enough: python3 of a version manager may be neither.
PYTHON := $(shell for python in python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$python" && break; done)
BIN := .venv/bin

# Parts of the distribution: the programs that show they are there, then the packages that bring them.
PART_PROGRAMS := prometheus promtool prometheus-alertmanager amtool chromium pg_ctlcluster
PART_PACKAGES := prometheus prometheus-alertmanager chromium fonts-dejavu-core postgresql
PARTS ?= all
# How to become root: already root, or sudo without a password. Empty: neither.
AS_ROOT = $(shell if [ "$$(id -u)" = 0 ]; then echo env; elif sudo -n true 2>/dev/null; then echo sudo -n; fi)
APT_INSTALL = env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends

.PHONY: help run bench torture test check lint types generated docs suite parts parts-verdict format lock check-lock clean

help:
	@sed -n '3,10s/^# *//p' Makefile

# ------------------------------------------------------------------------------------------------------------- set-up

# Stamps live inside the environment, so that removing it removes them.
RUN_READY := .venv/.ready-to-run
TEST_READY := .venv/.ready-to-test

.tools/bin/uv:
	@test -n "$(PYTHON)" || { echo "fleetsync needs Python 3.11 or newer: apt-get install -y python3" >&2; exit 1; }
	@mkdir -p .tools; \
	pip() { "$(PYTHON)" -m pip "$$@"; }; \
	if ! pip --version >/dev/null 2>&1; then \
	  if ! "$(PYTHON)" -c 'import ensurepip' 2>/dev/null; then \
	    if [ -z "$(AS_ROOT)" ] || ! command -v apt-get >/dev/null; then \
	      echo "No uv, pip or venv for $(PYTHON). Run this once as root, then again make: apt-get install -y python3-venv" >&2; exit 1; \
	    fi; \
	    $(AS_ROOT) apt-get update -q; $(AS_ROOT) $(APT_INSTALL) python3-venv; \
	  fi; \
	  "$(PYTHON)" -m venv .tools/pip; \
	  pip() { .tools/pip/bin/python -m pip "$$@"; }; \
	fi; \
	pip install --quiet --disable-pip-version-check --target .tools "uv==$(UV_VERSION)"

.venv/bin/python: | $(UV)
	@test -n "$(PYTHON)" || { echo "fleetsync needs Python 3.11 or newer: apt-get install -y python3" >&2; exit 1; }
	$(UV) venv --quiet --allow-existing --python "$(PYTHON)" .venv

$(RUN_READY): requirements.lock requirements-build.lock pyproject.toml | .venv/bin/python
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock -r requirements-build.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

# Exactly the lock: anything installed beside it would hide a dependency that is missing from it.
$(TEST_READY): requirements-dev.lock pyproject.toml | .venv/bin/python
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(RUN_READY) $@

# ------------------------------------------------------------------------------------------------------------ commands

run: $(RUN_READY)
	@exec $(BIN)/fleetsync demo $(ARGS)

bench: $(TEST_READY)
	@$(BIN)/python -m bench compare $(ARGS)

torture: $(TEST_READY)
	@$(BIN)/python -m tests.torture $(ARGS)

# In this order: quick steps first, and the message about missing parts last.
test:
	@$(MAKE) --no-print-directory --jobs 2 --output-sync check
	@$(MAKE) --no-print-directory parts
	@$(MAKE) --no-print-directory suite && suite=0 || suite=$$?; \
	$(MAKE) --no-print-directory parts-verdict || exit 1; exit $$suite

check: lint types generated

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/deptry fleetsync connectors
	$(BIN)/vulture

types: $(TEST_READY) lint
	$(BIN)/mypy

# Documents and dashboards are made from the tables of the code, so a change of a table can leave them behind.
generated: $(TEST_READY) lint
	@$(BIN)/python -m pytest -q --no-header tests/test_docs.py || { echo "Documents differ from the code: run make docs" >&2; exit 1; }
	@$(BIN)/python dashboards/generate.py --check || { echo "Dashboards differ from their generator: run make docs" >&2; exit 1; }

docs: $(TEST_READY)
	$(BIN)/python docs/generate.py
	$(BIN)/python dashboards/generate.py

# The core decides by cases, so a test takes every branch of it. The tests of the documents belong to `generated`, which
# has run before.
suite: $(TEST_READY)
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n 2 tests/core --cov=fleetsync/core --cov-report= $(ARGS)
	$(BIN)/coverage report --include='fleetsync/core/*' --fail-under=100
	TEST_PARTS=$(PARTS) $(BIN)/python -m pytest -n 2 --dist loadgroup --ignore=tests/core --ignore=tests/test_docs.py $(ARGS)

missing_parts = for program in $(PART_PROGRAMS); do command -v "$$program" >/dev/null || printf '%s ' "$$program"; done

parts:
	@[ "$(PARTS)" != none ] || exit 0; \
	missing=$$($(missing_parts)); [ -n "$$missing" ] || exit 0; \
	if [ -n "$(AS_ROOT)" ] && command -v apt-get >/dev/null; then \
	  $(AS_ROOT) apt-get update -q && $(AS_ROOT) $(APT_INSTALL) $(PART_PACKAGES) || true; \
	else \
	  echo "Not installed and not root: $$missing- everything else runs first."; \
	fi

parts-verdict:
	@[ "$(PARTS)" != none ] || { echo "Partial run as declared by PARTS=none; the tests marked as skipped above were not run."; exit 0; }; \
	missing=$$($(missing_parts)); [ -z "$$missing" ] || { \
	  echo "Not everything was tested, since these are missing: $$missing" >&2; \
	  echo "Run this once as root, or declare a partial run with PARTS=none: apt-get install -y $(PART_PACKAGES)" >&2; exit 1; }

format: $(TEST_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# --------------------------------------------------------------------------------------------------------------- locks

# Locked versions stay as they are. To upgrade a package: make lock ARGS="--upgrade-package requests"
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --custom-compile-command "make lock"

# Each lock is constrained by the previous, so that a package has the same version in all. $(1): target folder
define compile_locks
	$(COMPILE) $(ARGS) --group build -o $(1)/requirements-build.lock
	$(COMPILE) $(ARGS) --extra postgres -c $(1)/requirements-build.lock pyproject.toml -o $(1)/requirements.lock
	$(COMPILE) $(ARGS) --extra postgres --group dev -c $(1)/requirements.lock -c $(1)/requirements-build.lock pyproject.toml -o $(1)/requirements-dev.lock
endef

lock: | $(UV)
	$(call compile_locks,.)

# Compared without hashes: a project may add a wheel to an old release, which changes nothing here.
check-lock: | $(UV)
	@rm -rf .tools/lock && mkdir -p .tools/lock && cp requirements*.lock .tools/lock/
	@$(call compile_locks,.tools/lock)
	@for lock in requirements*.lock; do \
	  diff <(grep -o '^[^# ].*' "$$lock") <(grep -o '^[^# ].*' ".tools/lock/$$lock") \
	  || { echo "$$lock does not follow from pyproject.toml: run make lock" >&2; exit 1; }; done

clean:
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
