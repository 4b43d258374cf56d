# `make run` starts the demo, `make test` runs every check; both set up what they need.

HOST ?= 127.0.0.1
PORT ?= 3000

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Without bytecode each of the hundreds of programs that tests start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# Unit tests run on every Python that is here and supported, everything else on the newest.
VERSIONS := $(shell scripts/pythons | cut -d ' ' -f 1)
NEWEST := $(firstword $(VERSIONS))
ifeq ($(VERSIONS),)
$(error Arcwire needs Python 3.11 or newer as python3)
endif
python := .venv-$(NEWEST)/bin/python

VENVS := $(VERSIONS:%=.venv-%)

# npm writes this file last; it stands for the whole folder.
MODULES := node_modules/.package-lock.json

# What `make test` runs side by side, quick ones first. Unit and interop tests wait more than they compute, so
# each comes in two halves that take about as long: what is named here, and the rest.
unit_half := tests/engineio tests/hosts
interop_half := tests/interop/test_node_suites.py
UNIT := $(VERSIONS:%=unit-%-links) $(VERSIONS:%=unit-%-rest)
INTEROP := interop-suites interop-rest
CHECKS := lint types imports js $(INTEROP) $(UNIT)

side_by_side := --output-sync=target --keep-going

# Example pages that are bundled.
BUNDLED := $(addprefix examples/,vite_typescript react_hook)

.PHONY: help run test setup lint format types imports js unit $(VERSIONS:%=unit-%) $(UNIT) interop $(INTEROP) \
    browser coverage bench lock clean chromium firefox

help: ## Show what there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

run: .venv-$(NEWEST)/.project ## Start the chat on http://127.0.0.1:3000 (HOST=, PORT=)
	@exec $(python) examples/chat/app.py --host '$(HOST)' --port '$(PORT)'

# Each check shows its output when it is done; what has not passed in the end, for whatever reason, is named.
# The browsers come last and alone: they are heavy, and what they need is built into files that others read.
test: ## Run every check
	@rm -rf build/passed
	@$(MAKE) $(side_by_side) --jobs=6 setup $(CHECKS:%=build/passed/%) || true
	@$(MAKE) build/passed/browser || true
	@failed=; for check in $(CHECKS) browser; do [ -e build/passed/$$check ] || failed+=" $$check"; done; \
	    if [ "$$failed" ]; then echo "Failed:$$failed" >&2; exit 1; fi; echo 'Passed: $(CHECKS) browser'

$(CHECKS:%=build/passed/%) build/passed/browser: build/passed/%: %
	@mkdir -p $(@D) && touch $@

setup: $(VENVS:%=%/.test) js/client/$(MODULES) tests/interop/$(MODULES) tests/browser/$(MODULES) $(BUNDLED:%=%/$(MODULES)) chromium firefox ## Get everything that the checks need

lint: .venv-$(NEWEST)/.test ## Check style (ruff)
	$(python) -m ruff check
	$(python) -m ruff format --check

format: .venv-$(NEWEST)/.test ## Put the code into shape (ruff)
	$(python) -m ruff check --fix
	$(python) -m ruff format

types: .venv-$(NEWEST)/.test ## Check types (mypy, strict), also of the Python in the documentation, and what mypy says about users' code
	@rm -rf build/snippets && $(python) tests/support/snippets.py build/snippets
	$(python) -m mypy src examples build/snippets
	$(python) -m pytest tests/typing

imports: .venv-$(NEWEST)/.test ## Check that imports point down (import-linter)
	.venv-$(NEWEST)/bin/lint-imports --no-logo

js: js/client/$(MODULES) ## Check the browser client: style, types, tests, sizes, the files that the server has
	cd js/client && npm run --silent lint && npm run --silent types && npm test --silent

unit: ## Test without Node and browser, on every Python that is here
	@$(MAKE) $(side_by_side) --jobs=$(words $(UNIT)) $(UNIT)

$(VERSIONS:%=unit-%): unit-%:
	@$(MAKE) $(side_by_side) --jobs=2 $@-links $@-rest

$(VERSIONS:%=unit-%-links): unit-%-links: .venv-%/.test
	.venv-$*/bin/python -m pytest $(unit_half)

$(VERSIONS:%=unit-%-rest): unit-%-rest: .venv-%/.test
	.venv-$*/bin/python -m pytest $(patsubst %,--ignore %,$(unit_half) tests/typing tests/interop tests/browser)

interop: ## Test with the clients and suites that others wrote
	@$(MAKE) $(side_by_side) --jobs=2 $(INTEROP)

$(INTEROP): .venv-$(NEWEST)/.test tests/interop/$(MODULES) js/client/$(MODULES)

interop-suites:
	$(python) -m pytest $(interop_half)

interop-rest:
	$(python) -m pytest tests/interop --ignore $(interop_half)

browser: .venv-$(NEWEST)/.test tests/browser/$(MODULES) tests/interop/$(MODULES) js/client/dist/index.js $(BUNDLED:%=%/$(MODULES)) chromium firefox ## Test in Chromium and Firefox
	$(python) -m pytest tests/browser

coverage: .venv-$(NEWEST)/.test ## Show which lines the unit tests leave out
	$(python) -m coverage run -m pytest --ignore tests/interop --ignore tests/browser
	$(python) -m coverage report --skip-covered

bench: .venv-$(NEWEST)/.test tests/interop/$(MODULES) ## Compare with other servers and clients, an hour (BENCH=--quick: 20 minutes; see bench/README.md)
	@python3 bench/run.py $(BENCH)
	@$(python) bench/clients.py

lock: ## Compile the requirement files anew (UPGRADE=--upgrade takes new versions)
	@test -x .venv-lock/bin/uv || { $(firstword $(shell scripts/pythons | cut -d ' ' -f 2)) -m venv .venv-lock && scripts/pip lock uv; }
	@for files in 'pyproject.toml requirements/runtime.txt' 'requirements/build.in requirements/build.txt' \
	    'requirements/test.in requirements/test.txt' 'bench/servers/python_socketio.in bench/servers/python_socketio.txt' \
	    'bench/servers/asgi.in bench/servers/asgi.txt'; do \
	    set -- $$files; \
	    .venv-lock/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	        --python-version 3.11 $(UPGRADE) "$$1" --output-file "$$2"; \
	done

clean: ## Remove what these commands made
	rm -rf .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage test-results build
	rm -rf $(BUNDLED:%=%/node_modules) $(BUNDLED:%=%/dist) js/client/node_modules js/client/dist bench/build bench/servers/node_modules tests/interop/node_modules tests/browser/node_modules
	find . -name __pycache__ -prune -exec rm -rf {} +

# A changed requirement makes an environment anew, so it never holds what the files do not name.
$(VENVS:%=%/.runtime): .venv-%/.runtime: requirements/runtime.txt requirements/build.txt
	@scripts/venv $*
	@touch $@

$(VENVS:%=%/.project): .venv-%/.project: pyproject.toml .venv-%/.runtime
	@scripts/pip $* --no-deps --no-build-isolation --editable .
	@touch $@

$(VENVS:%=%/.test): .venv-%/.test: requirements/test.txt .venv-%/.project
	@scripts/pip $* --require-hashes -r requirements/test.txt
	@touch $@

chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || scripts/debian-package chromium

firefox:
	@command -v firefox-esr firefox >/dev/null || scripts/debian-package firefox-esr

# Also what the Python server has, which is under version control.
js/client/dist/index.js: js/client/$(MODULES) $(shell find js/client/src -name '*.ts')
	@cd js/client && npm run --silent build

%/$(MODULES): %/package.json %/package-lock.json
	@command -v npm >/dev/null || { echo 'Node 20 or newer with npm is missing; install it, then try again.' >&2; exit 1; }
	@echo "Setting up $*/node_modules"
	@cd $* && npm ci --loglevel=error --no-update-notifier
	@touch $@
