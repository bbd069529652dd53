# Two commands matter: `make demo` and `make test`. Both set everything up first (Python >= 3.11 and make are enough).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

.PHONY: help setup system demo test check bench lives crash lock clean

help:
	@echo "make demo    service + Feishu simulator + sample agent; prints one URL (Ctrl-C stops all)"
	@echo "make test    everything: unit, SQLite and PostgreSQL, acceptance, browser"
	@echo "make check   format, lint, types, import contracts, migrations"
	@echo "make bench   ratios against a bare aiohttp handler, in one run"
	@echo "make lives   1,000 random lives of approval requests; each must end lawfully (48 are part of make test)"
	@echo "make crash   300 rounds of kill -9 under load (30 are part of make test)"

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Assent needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# Debian's Chromium draws the pages in the browser tests, strace counts disk syncs. Only root may install them;
# without them those tests are skipped, and say so.
system:
	@sh deploy/system-packages.sh

demo: setup
	@$(BIN)/python -m bot demo

test: setup system
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m benchmarks

lives: setup
	$(BIN)/python -m tests.lives --lives 1000

crash: setup
	TEST_CRASH_ROUNDS=300 $(BIN)/python -m pytest -p no:xdist tests/acceptance/test_crash.py

lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
		--no-header --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis
