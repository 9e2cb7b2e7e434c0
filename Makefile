# make demo    install and show the example shop        make test    everything that must hold
# make lint    ruff, mypy, import contracts             make bench   import and questions measured
# make docs    docs/reference written again             make pictures  the README's picture taken again
# Flags: DEMO_FLAGS, TEST_FLAGS, BENCH_FLAGS, VENV, PYTHON

VENV ?= .venv
BIN := $(VENV)/bin
DEMO_FLAGS ?=
TEST_FLAGS ?=
BENCH_FLAGS ?=
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && \
	{ echo $$name; break; }; done)

.PHONY: demo test lint bench docs pictures
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed
	@$(BIN)/afterclick demo $(DEMO_FLAGS)

test: lint
	$(BIN)/pytest -n 2 $(TEST_FLAGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed
	$(BIN)/afterclick bench $(BENCH_FLAGS)

pictures: $(VENV)/.installed-dev
	AFTERCLICK_PICTURES=1 $(BIN)/pytest -q tests/web/test_readme_picture.py

docs: $(VENV)/.installed
	$(BIN)/python -m afterclick.surfaces.docs docs/reference

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { \
	  echo "afterclick needs Python 3.11 or newer, with venv, and found none." >&2; \
	  echo "Debian, Ubuntu: apt install python3 python3-venv    macOS: brew install python" >&2; \
	  echo "Elsewhere: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@
