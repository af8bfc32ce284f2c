# Two commands on a fresh machine: `make demo` and `make test`. Python 3.11 or newer with venv, make and git are all it takes.
PYTHON ?= python3
BIN := .venv/bin
# A uv that is already here is used; otherwise pip fetches the locked one, checked by hash like everything else.
UV := $(or $(shell command -v uv 2>/dev/null),$(BIN)/uv)
# No telemetry, from anything we start.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
# The tests start hundreds of processes: each would compile the product anew.
unexport PYTHONDONTWRITEBYTECODE
PACKAGES := core ingest review digest store app flows web
.DEFAULT_GOAL := help
.PHONY: help setup demo up test check format bench faults check-pages check-mail lock clean

help: ## Show this list
	@awk 'BEGIN{FS=":.*## "} /^[a-z-]+:.*## /{printf "  make %-12s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## Create .venv with exactly the locked, hash-checked packages

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo '$(PYTHON) is older than 3.11, or missing. Name another: make PYTHON=python3.12 ...'; exit 1; }
ifeq ($(UV),$(BIN)/uv)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo 'Python could make no environment. On Debian or Ubuntu: apt-get install python3-venv'; exit 1; }
	@awk '/^uv==/{found=1;print;next} found&&/^[^ ]/{exit} found' requirements.lock > .venv/uv.lock
	@test -x $(UV) || $(BIN)/python -m pip install -q --require-hashes -r .venv/uv.lock
else
	@test -x $(BIN)/python || $(UV) venv -q --python $(PYTHON) .venv
endif
	@$(UV) pip sync -q --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## A whole week, offline, from sample sources to an outbox folder
	@$(BIN)/verdicts demo

up: setup ## The product on this machine: schedules, web pages, first ingestion (Ctrl-C ends it)
	@$(BIN)/verdicts up

test: setup ## Every test; installs what the browser tests need
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup ## Formatting, lint, types, architecture
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q -p no:randomly tests/test_architecture.py

format: setup ## Rewrite the files the way `make check` wants them
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## Every benchmark, beside a peer in the same run
	@$(BIN)/python -m bench

faults: setup ## Every fault of sending, with real kills (five minutes and more)
	@$(BIN)/python -m tests.faults

check-pages: setup ## Every page, public and of the desk, before axe-core and html-validate (fetches both)
	@$(BIN)/python -m tests.check_pages
	@$(BIN)/python -m tests.check_desk

check-mail: setup ## Every mail before the reference compiler, axe-core, html-validate, caniemail, SpamAssassin (fetches them)
	@$(BIN)/python -m tests.check_mail

lock: setup ## Pin everything anew, by hash and without addresses
	@$(UV) pip compile -q pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --upgrade --output-file requirements.lock
	@! grep -nE 'https?://' requirements.lock

clean: ## Forget the environment and everything written
	@rm -rf .venv var
