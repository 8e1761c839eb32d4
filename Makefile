# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEMO := build/demo
TOOLS := $(patsubst tests/tools/%.in,%,$(wildcard tests/tools/*.in))
NPM_TOOLS := $(patsubst tests/tools/%/package.json,%,$(wildcard tests/tools/*/package.json))
PIP := -m pip install --quiet --disable-pip-version-check --no-deps
COMPILE_LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" --quiet

.PHONY: help demo test test-tools browser lint types bench lock generate clean
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python $(PIP) --require-hashes -r requirements.lock
	$(BIN)/python $(PIP) --no-build-isolation --editable .
	$(BIN)/python -m compileall -q .venv/lib || true
	touch $@

.venv-%/.installed: tests/tools/%.lock
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python $(PIP) --require-hashes -r $<
	touch $@

.npm-%/.installed: tests/tools/%/package-lock.json
	rm -rf $(@D) && mkdir $(@D)
	cp tests/tools/$*/package.json $< $(@D)
	npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel error
	touch $@

demo: $(INSTALLED) ## compile, verify and run the demo product on DuckDB, and show what it made
	$(BIN)/python -m fixtures.demo $(DEMO)

test: $(INSTALLED) ## the test suite
	$(BIN)/python -m pytest

test-tools: $(INSTALLED) $(TOOLS:%=.venv-%/.installed) $(NPM_TOOLS:%=.npm-%/.installed) browser ## what drives an engine, a tool or a browser for minutes
	$(BIN)/python -m pytest -m tools -n 0

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
	$(BIN)/python -m tests.native --write
	$(BIN)/python -m tests.deployments --write
	$(BIN)/python -m tests.docs --write

lock: $(INSTALLED) ## the lock files, from pyproject.toml and tests/tools
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE_LOCK) pyproject.toml --group dev --output-file requirements.lock
	for name in $(TOOLS); do \
		$(COMPILE_LOCK) tests/tools/$$name.in --output-file tests/tools/$$name.lock || exit 1; \
	done
	for name in $(NPM_TOOLS); do \
		npm install --prefix tests/tools/$$name --package-lock-only --omit-lockfile-registry-resolved \
			--ignore-scripts --no-audit --no-fund --loglevel error || exit 1; \
	done

clean: ## remove what was made here
	rm -rf .venv .venv-* .npm-* build dist .floe
