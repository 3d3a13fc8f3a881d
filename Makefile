# Needs make and Python >= 3.11; everything else is brought into .venv, locked and hashed by uv.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
STAMP := $(VENV)/.installed

export UV_PROJECT_ENVIRONMENT := $(VENV)

.PHONY: install demo test chaos check fix serve help
.DEFAULT_GOAL := help

help:  ## Show what can be done here
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml uv.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 14)))' \
		|| { echo "PostHub needs Python 3.11, 3.12 or 3.13; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v $(UV) >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<1"
	$(UV) sync --frozen --inexact --all-extras --all-groups --python $(BIN)/python
	@touch $(STAMP)

install: $(STAMP)  ## Install everything into .venv, from the lock

demo: $(STAMP)  ## A sample company's month on the embedded default: no key, no server
	$(BIN)/posthub demo

test: $(STAMP)  ## Run every test
	$(BIN)/python -m tests.supervised -n 2 --dist loadfile --no-loadscope-reorder

chaos: $(STAMP)  ## Ten minutes of kills, outages and faults; ends with ledger = bill or not at all
	$(BIN)/python -m tests.chaos.run

check: $(STAMP)  ## Static checks: format, lint, types, layers, graph config, lock
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/langgraph validate
	$(UV) lock --check

fix: $(STAMP)  ## Format and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

serve: $(STAMP)  ## The LangGraph server with the month graph, for Studio and the API
	$(BIN)/posthub serve
