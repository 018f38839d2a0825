# Both `make demo` and `make test` make .venv when it is not there yet; nothing is installed outside it.

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready

# The demo's pods: docker or process; empty lets the demo find out what this machine can do.
RUNTIME ?=
# Test processes. 0 runs the tests one after the other in one process.
WORKERS ?= 0
# What pytest is told besides, such as TESTS="tests/unit -k waiting".
TESTS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check docs lock clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## grade the examples on a coordinator and two nodes of this machine [RUNTIME=docker|process]
	$(BIN)/bighost demo $(if $(RUNTIME),--runtime $(RUNTIME))

test: $(READY) ## run every test that this machine can run [WORKERS=n] [TESTS="tests/unit -k word"]
	$(BIN)/pytest -n $(WORKERS) $(TESTS)

check: $(READY) ## lint, formatting, types, import layers, stale generated docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.docs --check

docs: $(READY) ## write again the docs that are drawn from the code
	$(BIN)/python -m tools.docs

lock: ## pin every dependency in requirements.lock (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes \
	    --no-annotate --no-emit-index-url --custom-compile-command "make lock" \
	    pyproject.toml -o requirements.lock

clean: ## remove .venv and all caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Python and its venv module are tried, not only looked for: a shim on PATH may lead nowhere, and Debian
# packs the module apart.
$(BIN)/python:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	    if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$($$python --version)" && exec $$python -m venv $(VENV); \
	    fi; \
	done; \
	echo 'BigHOST needs Python 3.11 or later with its venv module, and none was found on PATH.' \
	    'On Debian and Ubuntu: apt install python3 python3-venv' >&2; exit 1

$(READY): requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
