# The only thing to install by hand is Python 3.11 or later, and make. Everything else is fetched here, pinned and hash-checked:
# Python packages into .venv, node (only where the system has none) into .venv too, npm's packages into node_modules.
# A second run of any target finds its stamps and starts at once.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
VENV7 := .venv-web3-7
PY7 := $(VENV7)/bin/python
VENV_SPARK := .venv-spark
PY_SPARK := $(VENV_SPARK)/bin/python
VENV_PROOFS := .venv-proofs
PY_PROOFS := $(VENV_PROOFS)/bin/python
UV := $(VENV)/bin/uv
# uv names the environment it works on itself; one that happens to be activated must not change that.
unexport VIRTUAL_ENV
unexport PYTHONHOME
unexport PYTHONPATH
# Behind a proxy with its own certificate, what the system trusts must count for uv and node too, as it does for pip.
# uv then trusts nothing else, so only where there is a store of certificates.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= true
endif
export NODE_USE_SYSTEM_CA ?= 1
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# Which tests, and how many at once: `make test TESTS=tests/chain WORKERS=0 PYTEST_ARGS=-x`
TESTS ?= tests
WORKERS ?= 2
PYTEST_ARGS ?=
# Tests marked as one group share what is costly to prepare, so they run on one worker.
PYTEST = -m pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS) $(TESTS)

READY := $(VENV)/.ready
READY7 := $(VENV7)/.ready
READY_SPARK := $(VENV_SPARK)/.ready
READY_PROOFS := $(VENV_PROOFS)/.ready
UV_READY := $(VENV)/.uv-ready
NODE_READY := $(VENV)/.node-ready
NPM_READY := node_modules/.ready
BENCH_READY := benchmarks/node_modules/.ready

.PHONY: help
help: ## this list
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(firstword $(MAKEFILE_LIST)) | sort | sed -E 's/:.*## /\t/' | expand -t 14

# ---------------------------------------------------------------- what people do

.PHONY: demo
demo: $(READY) ## real sales in, every payee paid on an embedded chain
	@$(PY) -m revshare demo

.PHONY: test
test: $(READY) $(NPM_READY) hledger ## the whole suite, with web3 8 (TESTS=…, WORKERS=…, PYTEST_ARGS=… narrow it)
	$(PY) $(PYTEST)

.PHONY: hledger
hledger: $(READY) ## fetch Debian's hledger, which checks our exports (skipped where it cannot be had)
	@$(PY) tools/fetch_hledger.py

.PHONY: test-web3-7
test-web3-7: $(READY7) $(NPM_READY) hledger ## the suite once more, with the oldest web3 that is supported
	$(PY7) $(PYTEST)

.PHONY: test-all
# Not yet `proofs`: those of the contracts as they are now have not been seen to hold as a whole (docs/proofs.md).
test-all: test check test-web3-7 test-spark ## everything continuous integration runs

# One process: Spark is one of its own, with two threads. It leaves its sockets to the garbage collector.
.PHONY: test-spark
test-spark: $(READY_SPARK) ## the analytics once more, on Spark as well (fetches Spark, and Java where there is none)
	@java="$$($(PY) tools/fetch_java.py)"; JAVA_HOME="$$java" $(PY_SPARK) -m pytest -W 'ignore:unclosed <socket:ResourceWarning' $(PYTEST_ARGS) tests/analytics

.PHONY: proofs
proofs: $(READY_PROOFS) $(NPM_READY) ## the contracts under halmos (solidity/proofs) and slither (docs/static-analysis.md)
	$(PY) tools/prove.py
	$(PY_PROOFS) tools/analyse.py

.PHONY: mutants
mutants: $(READY) $(NPM_READY) ## break the contracts line by line, see whether the tests notice (hours; MUTANTS=… narrows it)
	$(PY) tools/mutate.py $(MUTANTS)

.PHONY: check
check: $(READY) ## ruff, mypy --strict and the import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo

.PHONY: format
format: $(READY) ## let ruff mend what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

.PHONY: bench
bench: $(READY) $(BENCH_READY) ## every benchmark in benchmarks/, one after the other
	@shopt -s nullglob; for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(PY) "$$file"; done

.PHONY: campaign
campaign: $(READY) $(NPM_READY) ## the searches that take hours: fresh seeds, far more examples
	HYPOTHESIS_PROFILE=campaign $(PY) $(PYTEST) -m ''

.PHONY: compile
compile: $(READY) $(NPM_READY) ## compile solidity/src into src/revshare/artifacts
	$(PY) -m revshare compile

.PHONY: clean
clean: ## remove everything fetched or built; the sources stay
	rm -rf $(VENV) $(VENV7) $(VENV_SPARK) $(VENV_PROOFS) node_modules build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- environments

# A Python that is new enough and can make an environment; one named by PYTHON=… goes first.
define FIND_PYTHON
for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do
  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    echo "$$candidate"; exit 0
  fi
done
echo "revshare needs Python 3.11 or later, with the modules venv and ensurepip (Debian: apt install python3-venv)." >&2
echo "If yours has another name: make PYTHON=/path/to/python3" >&2
exit 1
endef
export FIND_PYTHON

# An environment that is there already is used, whoever made it, as long as its Python is new enough.
$(UV_READY): requirements/uv.lock
	@if [ ! -x $(PY) ]; then python=$$(bash -c "$$FIND_PYTHON"); "$$python" -m venv $(VENV); fi
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(VENV) holds a Python older than 3.11; move it away (make clean removes it), then try again." >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip --default-pip >/dev/null
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/uv.lock
	@touch $@

# The build back end comes from the lock too, so nothing unpinned runs when the package itself is installed.
define SYNC
$(UV) pip sync --quiet --python $(1) --require-hashes $(2)
$(UV) pip install --quiet --python $(1) --no-deps --no-build-isolation --offline --editable .
endef

$(READY): requirements/dev.lock pyproject.toml $(UV_READY)
	$(call SYNC,$(PY),requirements/dev.lock)
	@touch $@

$(READY7): requirements/web3-7.lock pyproject.toml $(READY)
	@[ -x $(PY7) ] || $(PY) -m venv --without-pip $(VENV7)
	$(call SYNC,$(PY7),requirements/web3-7.lock)
	@touch $@

# Spark comes as source, and its build back end from a lock as well.
$(READY_SPARK): requirements/spark.lock requirements/spark-build.lock pyproject.toml $(READY)
	@[ -x $(PY_SPARK) ] || $(PY) -m venv --without-pip $(VENV_SPARK)
	$(UV) pip install --quiet --python $(PY_SPARK) --require-hashes -r requirements/spark-build.lock
	$(UV) pip sync --quiet --python $(PY_SPARK) --require-hashes --no-build-isolation requirements/spark.lock
	$(UV) pip install --quiet --python $(PY_SPARK) --no-deps --no-build-isolation --offline --editable .
	@touch $@

# halmos and slither need web3 before 8; they read artifacts and sources, so the package itself is not installed here.
$(READY_PROOFS): requirements/proofs.lock $(READY)
	@[ -x $(PY_PROOFS) ] || $(PY) -m venv --without-pip $(VENV_PROOFS)
	$(UV) pip sync --quiet --python $(PY_PROOFS) --require-hashes requirements/proofs.lock
	@touch $@

# After $(READY), whose sync would remove a node it does not know of.
$(NODE_READY): requirements/node.lock $(READY)
	@export PATH="$(SYSTEM_PATH)"; \
	if node -e 'process.exit(+process.versions.node.split(".")[0] < 18 ? 1 : 0)' 2>/dev/null && npm --version >/dev/null 2>&1; then \
	  echo "node: the system's, $$(node --version)"; \
	else \
	  echo "node: none of version 18 or later here, installing one into $(VENV)"; \
	  $(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/node.lock; \
	fi
	@touch $@

$(NPM_READY): package-lock.json package.json $(NODE_READY)
	npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

# Contracts of others, to measure beside ours.
$(BENCH_READY): benchmarks/package-lock.json benchmarks/package.json $(NPM_READY)
	npm ci --prefix benchmarks --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

# ---------------------------------------------------------------- locks

# Locks name versions and hashes, never a host: they work with any index that carries the same files.
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --constraints requirements/uv.in \
	--custom-compile-command 'make lock' $(LOCK_ARGS)

.PHONY: lock
lock: $(UV_READY) $(NODE_READY) ## resolve every lock anew (LOCK_ARGS=--upgrade takes newer versions)
	$(LOCK) requirements/uv.in -o requirements/uv.lock
	$(LOCK) requirements/node.in -o requirements/node.lock
	$(LOCK) pyproject.toml --all-extras --group dev -o requirements/dev.lock
	$(LOCK) pyproject.toml --all-extras --group dev --constraints requirements/web3-7.in -o requirements/web3-7.lock
	$(LOCK) pyproject.toml --all-extras --group dev --group spark -o requirements/spark.lock
	$(LOCK) requirements/spark-build.in -o requirements/spark-build.lock
	$(LOCK) requirements/proofs.in -o requirements/proofs.lock
	npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund --no-update-notifier --loglevel=error
	npm install --prefix benchmarks --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund --no-update-notifier --loglevel=error
	! grep -nE '"resolved"|https?://[^"]*\.tgz' package-lock.json benchmarks/package-lock.json
