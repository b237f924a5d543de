# Everything one can do here; `make` alone lists it. Set-up happens by itself, into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
APT := apt-get install -y git make python3 python3-venv ca-certificates
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: help
help: ## this list
	@echo 'Unified mobility booking for Lübeck. Needs Debian 12 or the like with git, make and python3 >= 3.11.'
	@sed -nE 's/^([a-z-]+):.* ## (.*)/  make \1\t\2/p' Makefile | expand -t 17
	@echo 'PORT=8001 MOBILITY_DATA=/some/folder make run   starts a second instance beside the first.'

.PHONY: run
run: .venv/run.stamp ## start everything, with the demo city, on http://127.0.0.1:8000
	@exec $(BIN)/mobility serve --die-with-parent

.PHONY: test
test: .venv/dev.stamp ## all tests, on an embedded or (DATABASE_URL, REDIS_URL) a given database
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

.PHONY: check
check: .venv/dev.stamp ## formatter, linter, types, import directions, OpenAPI snapshot
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m mobility.openapi --check docs/openapi.json

.PHONY: format
format: .venv/dev.stamp ## put every file into the form `make check` asks for
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: .venv/dev.stamp ## the benchmarks, each against a named peer in the same run
	@exec $(BIN)/python -m benchmarks $(ARGS)

.PHONY: simulate
simulate: .venv/dev.stamp ## the long fault simulation; SEEDS= and MINUTES= bound it
	@exec $(BIN)/python -m benchmarks.simulate

.PHONY: setup
setup: .venv/dev.stamp ## only make the virtual environment, for developing

.PHONY: clean
clean: ## remove the virtual environment and caches; never the data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info

# --- the virtual environment: pinned versions with hashes, then this project itself, editable

.venv/run.stamp: requirements.txt pyproject.toml | .venv/bin/python
	$(call install,requirements.txt)
	@touch $@

.venv/dev.stamp: requirements-dev.txt pyproject.toml | .venv/bin/python
	$(call install,requirements-dev.txt)
	@touch $@ .venv/run.stamp

.venv/bin/python:
	@$(require)
	@$(PYTHON) -m venv --clear .venv

define install
@echo 'Installing the pinned packages of $(1) into .venv (once, a minute or two; log: .venv/install.log)'
@$(PIP) install --require-hashes -r $(1) 2>&1 | tee .venv/install.log | awk -v tty="$$(test -t 1 && echo 1 || echo 0)" ' \
	/^Collecting/ { n++; if (tty) { printf "\r  %3d %-60.60s", n, $$2; fflush() } } \
	/^ERROR|^WARNING/ { print } \
	END { if (tty) printf "\r%66s\r", ""; print "  " n + 0 " packages" }'
@$(PIP) install --quiet --no-deps --no-build-isolation -e .
endef

define require
missing=''; \
command -v git >/dev/null || missing="$$missing git"; \
command -v $(PYTHON) >/dev/null || missing="$$missing python3"; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
if test -e /etc/debian_version -a ! -e /etc/ssl/certs/ca-certificates.crt; then missing="$$missing ca-certificates"; fi; \
if test -n "$$missing"; then \
	echo "Missing here:$$missing. Install what is needed, as root, with:" >&2; \
	echo "  apt-get update && $(APT)" >&2; exit 1; \
fi; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "$(PYTHON) is $$($(PYTHON) --version); this needs 3.11 or newer: make PYTHON=python3.12" >&2; exit 1; }
endef
