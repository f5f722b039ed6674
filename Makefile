# One entry for everything. `make help` lists the targets.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PY := $(BIN)/python
READY := .venv/.ready
LOCK := requirements.txt
PEERS := .venv-peers/.ready
UV := $(shell command -v uv 2>/dev/null)

# TensorFlow's start-up lines say nothing that a reader needs.
export TF_CPP_MIN_LOG_LEVEL ?= 3
# A kernel must load the packages of .venv, not others of the same name elsewhere, and
# notebooks draw their pictures inline, at the quick size, whatever the user has set.
export PYTHONNOUSERSITE := 1
export JUPYTER_PREFER_ENV_PATH := 1
export PYTHONUTF8 := 1
export BNTEACH_PROFILE := quick
unexport MPLBACKEND

.DEFAULT_GOAL := help
.PHONY: help setup book serve test test-all lint format notebooks bench bench-site bench-peers kernels lock clean clean-all afresh

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(READY) ## make .venv with the locked packages and an editable bnteach

# A set-up that did not come to its end starts afresh: half of an installed package looks
# like a whole one. So does one whose Python is gone or finds no locked package (this
# one imports at once). What was downloaded is in a cache.
RUNS := $(shell $(PY) -c "import hatchling" 2>/dev/null && echo yes)
WHOLE := $(and $(RUNS),$(wildcard $(READY)))

$(READY): $(LOCK) pyproject.toml $(if $(WHOLE),,afresh)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 14) else "bnteach needs Python 3.11, 3.12 or 3.13. Received: %d.%d. Name another with: make PYTHON=python3.12" % v[:2])'
	@echo "Setting up .venv (once; about 3 GB)"
	@rm -f $@
	@$(if $(WHOLE),,$(PYTHON) -m venv --clear .venv)
ifneq ($(UV),)
	@$(UV) pip sync --python $(PY) --require-hashes --compile-bytecode $(LOCK)
	@$(UV) pip install --python $(PY) --no-deps --no-build-isolation -e .
else
	@$(PY) -m pip install --disable-pip-version-check -q --require-hashes -r $(LOCK)
	@$(PY) -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
endif
	@touch $@

afresh:

book: $(READY) ## execute every notebook (quick profile) and build the site
	@$(PY) tools/build_book.py

serve: $(READY) ## show the built site at http://127.0.0.1:8000
	@$(PY) tools/serve.py

test: lint book ## lint, unit tests, every notebook through nbval, browser checks of the site
	@$(PY) -m pytest -n 2 --dist loadfile -m "not exhaustive and not alone" tests
	@$(PY) -m pytest -m alone tests
	@$(PY) tools/check_notebooks.py

test-all: test ## all of `make test`, then what is too slow for each change
	@$(PY) -m pytest -n 2 --dist load -m exhaustive tests

lint: $(READY) ## check style and spelling
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m codespell_lib .

format: $(READY) ## rewrite the code in the project's style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

notebooks: $(READY) ## execute every notebook (quick profile) and store what came out
	@$(PY) tools/notebooks.py

bench: $(READY) ## measure speed and accuracy, each as a ratio within one run
	@$(PY) tools/bench.py

bench-site: $(READY) ## measure the playground and the first page in a browser
	@$(PY) tools/bench_site.py

bench-peers: $(READY) $(PEERS) ## measure a training step beside PyTorch and Flax (6 GB more)
	@$(PY) tools/bench_peers.py

$(PEERS):
	@echo "Setting up .venv-peers (once; about 6 GB)"
	@$(PYTHON) -m venv --clear .venv-peers
	@$(subst .venv,.venv-peers,$(PY)) -m pip install --disable-pip-version-check -q numpy torch jax flax
	@touch $@

# Needs Node; the result is kept, so that building the book does not.
ASSEMBLYSCRIPT := assemblyscript@0.28.20
PLAYGROUND := book/_static/playground
kernels: ## compile the playground's kernels.ts to kernels.wasm
	@npx --yes --package=$(ASSEMBLYSCRIPT) asc $(PLAYGROUND)/kernels.ts -o $(PLAYGROUND)/kernels.wasm -O3 --runtime stub --noAssert --enable simd --initialMemory 1

lock: $(READY) ## resolve requirements.in into requirements.txt for all platforms
	@$(PY) -m uv pip compile --universal --generate-hashes --python-version 3.11 --no-header -q requirements.in -o requirements.txt

clean: ## remove what was built (keeps .venv)
	@rm -rf _build book/_static/vega-bundle.js book/_static/playground.js book/_static/licences.txt .pytest_cache .ruff_cache .hypothesis

clean-all: clean ## remove .venv, too
	@rm -f $(READY)
	@rm -rf .venv .venv-peers
