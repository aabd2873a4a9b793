# Everything sets itself up: a bare Debian machine with Python 3.11 is enough.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
PEERS  := .venv-bench
READY  := $(VENV)/.ready
DEV    := $(VENV)/.ready-dev
SPEED  ?= 5
# Real candles where they lie beside the checkout; made-up prices elsewhere.
CANDLES ?= $(wildcard ../shared/data/binance_BTCUSDT_5m_202208-202309.csv.gz)

.PHONY: setup demo test soak bench check fmt chromium lock clean

setup: $(READY)

$(VENV)/bin/pip:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is wanted: $(PYTHON) is not here (set PYTHON=...)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
	  rm -rf $(VENV); \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); \
	  else echo "python3-venv is wanted: apt install python3-venv"; exit 1; fi; }

$(READY): requirements.txt pyproject.toml | $(VENV)/bin/pip
	$(BIN)/python -m pip install -q --require-hashes -r requirements.txt
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements-dev.txt $(READY)
	$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(READY)
	$(BIN)/python -m bot demo --speed $(SPEED) $(if $(CANDLES),--candles $(CANDLES))

# The browser tests want Debian's chromium: installed where root allows, else those tests are skipped with a word.
chromium:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq chromium fonts-noto-color-emoji >/dev/null; \
	  else echo "no chromium and no root: browser tests will be skipped (apt install chromium)"; fi; }

test: $(DEV) chromium
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not soak"

soak: $(DEV) chromium
	$(BIN)/python -m pytest -q -m soak --timeout 3600

# What backtests are measured against lives in a venv of its own; python -m tests.bench alone leaves their rows out where it is not there.
bench: $(DEV) $(PEERS)/.ready
	$(BIN)/python -m tests.bench

$(PEERS)/.ready: requirements-bench.txt | $(VENV)/bin/pip
	@$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install -q --require-hashes -r requirements-bench.txt
	@touch $@

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Pins every dependency with its hashes; names no registry.
lock: $(DEV)
	$(BIN)/python -m pip install -q pip-tools
	$(BIN)/pip-compile -q --upgrade --generate-hashes --strip-extras --allow-unsafe --no-annotate --no-header \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --extra build -o requirements.txt pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --strip-extras --allow-unsafe --no-annotate --no-header \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --extra build --extra dev \
	  -c requirements.txt -o requirements-dev.txt pyproject.toml
	$(BIN)/pip-compile -q --upgrade --generate-hashes --strip-extras --allow-unsafe --no-annotate --no-header \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o requirements-bench.txt requirements-bench.in

clean:
	rm -rf $(VENV) $(PEERS) build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
