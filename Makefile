# setup: the virtual environment, from the hash-pinned lock · demo: the story · test, check: everything CI runs
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test check bench bench-forensics bench-gate evidence clean

setup: $(VENV)/ready

$(VENV)/ready: requirements/develop.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is needed (Debian: apt-get install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/develop.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

demo: setup
	$(BIN)/beholden demo

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup
	sh tests/need-chromium.sh
	$(BIN)/pytest -n 2 --dist loadfile -m "not evidence"
	@echo "Left to \`make evidence\`:" && $(BIN)/pytest -m evidence --collect-only | grep ::

evidence: setup
	$(BIN)/pytest -m evidence

bench: setup
	$(BIN)/python -m bench

bench-forensics: setup
	$(BIN)/beholden bench forensics --json

bench-gate: setup
	$(BIN)/python -m bench.peers.fetch
	$(BIN)/beholden bench gate --json

clean:
	rm -rf $(VENV) beholden-data .pytest_cache .mypy_cache .ruff_cache
