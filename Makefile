# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEMO := build/demo

.PHONY: help demo test test-tools browser lint types bench lock generate clean
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q .venv/lib || true
	touch $@

demo: $(INSTALLED) ## compile, verify and run the demo product on DuckDB, and show what it made
	$(BIN)/python -m fixtures.demo $(DEMO)

test: $(INSTALLED) ## the test suite
	$(BIN)/python -m pytest

test-tools: $(INSTALLED) browser ## what drives an engine for minutes: dbt, the Rust engine, dbt Cloud, a browser
	$(BIN)/python -m pytest -m tools

browser: # Debian's, for the page of `floe diff`; its tests are skipped, with that reason, where it cannot be installed
	@{ command -v chromium && command -v chromedriver; } >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver; } \
		|| echo "no chromium with its chromedriver: the tests of the page will be skipped"

lint: $(INSTALLED) ## ruff, mypy and the architecture's contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED) ## floe beside dbt, as ratios (minutes)
	$(BIN)/python -m tests.benchmarks

generate: $(INSTALLED) ## schemas and reference pages, from the code
	$(BIN)/python -m tests.generated --write
	$(BIN)/python -m tests.docs --write

lock: $(INSTALLED) ## requirements.lock, from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command "make lock" --quiet --output-file requirements.lock

clean: ## remove what was made here
	rm -rf .venv build dist .floe
