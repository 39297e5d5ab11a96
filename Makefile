# The course's commands; `make help` lists them. Needs GNU make 3.81 and sh, and Python 3.11 to 3.13.
PYTHON    ?= python3
PROFILE   ?= laptop
NOTEBOOKS ?=
VENV      := .venv
BIN       := $(VENV)/bin
STAMP     := $(VENV)/.installed
PIPELINE  := $(BIN)/python -m gancourse
PY        ?= python3.13
LOWEST    := build/lowest/$(notdir $(PY))
COLAB     := build/colab

.DEFAULT_GOAL := help
.PHONY: help install lab course test test-python test-colab lint graph sync refresh html slides editions bench clean slow browser

help:  ## list these targets
	@echo "make TARGET [PROFILE=smoke|laptop|paper] [NOTEBOOKS=02,03] [PYTHON=python3.12]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile

install: $(STAMP)  ## make .venv with everything the course needs (once)

# A profile given here goes before the one in each notebook; without one, the notebook's cell counts.
lab: $(STAMP)  ## open the notebooks in JupyterLab
	@$(if $(filter command,$(origin PROFILE)),GANCOURSE_PROFILE="$(PROFILE)" )$(BIN)/python -m gancourse lab notebooks

course: $(STAMP)  ## run every notebook and write pages to build/html
	@$(PIPELINE) course --profile "$(PROFILE)" --notebooks "$(NOTEBOOKS)"

test: $(STAMP)  ## unit tests, then every notebook against its committed outputs
	@failed=; trap 'exit 130' INT; \
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.stoppable -n 2 tests || failed="the unit tests"; \
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.stoppable -n 2 --dist=loadscope --nbval notebooks || \
	  failed="$${failed:+$$failed and }the notebooks"; \
	if [ -n "$$failed" ]; then echo "make test: failed in $$failed" >&2; exit 1; fi

# uv resolves to the lowest versions that pyproject.toml admits and that have a wheel for that Python.
test-python:  ## unit tests on another Python, everything at its lowest version: PY=python3.11
	@test -x $(LOWEST)/bin/uv || { "$(PY)" -m venv $(LOWEST) && $(LOWEST)/bin/python -m pip install -q --disable-pip-version-check uv; }
	@$(LOWEST)/bin/uv pip compile -q --no-header --resolution lowest-direct --no-build -p $(LOWEST)/bin/python \
	  --extra lab --extra dev --extra distributed --extra lsun --extra features pyproject.toml -o $(LOWEST)/versions.txt
	@$(LOWEST)/bin/uv pip install -q -p $(LOWEST)/bin/python -r $(LOWEST)/versions.txt
	@$(LOWEST)/bin/uv pip install -q -p $(LOWEST)/bin/python --no-deps -e .
	@$(LOWEST)/bin/python -c 'import sys, torch, numpy; print("Python", sys.version.split()[0], "torch", torch.__version__, "numpy", numpy.__version__)'
	@OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -n 2 tests

test-colab: $(STAMP)  ## every notebook in smoke on a stand-in for Google Colab: its Python, packages and kernel
	@$(BIN)/python tests/compat/colab.py --python "$(PY)"

slow: $(STAMP)  ## the tests that take longer: a built wheel, long runs
	@$(BIN)/python -m pytest -rs -m slow tests

browser: $(STAMP)  ## the tests that drive a real browser
	@$(BIN)/python -m pytest -s -rs -m browser tests

lint: $(STAMP)  ## ruff, mypy, and whether notebooks agree with their sources
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(PIPELINE) check

graph: $(STAMP)  ## print which room of the package imports which
	@$(BIN)/python tests/import_graph.py

sync: $(STAMP)  ## build notebooks/*.ipynb from notebooks/src/*.py
	@$(PIPELINE) sync

refresh: $(STAMP)  ## run the notebooks and write their outputs back into notebooks/
	@$(PIPELINE) refresh --profile "$(PROFILE)" --notebooks "$(NOTEBOOKS)"

html: $(STAMP)  ## pages of the committed notebooks, without running them
	@$(PIPELINE) html --notebooks "$(NOTEBOOKS)"

slides: $(STAMP)  ## slides of the committed notebooks in build/slides
	@$(BIN)/python -m gancourse slides --notebooks "$(NOTEBOOKS)"

editions: $(STAMP)  ## student and instructor editions of the notebooks in build/editions
	@$(BIN)/python -m gancourse editions

bench: $(STAMP)  ## measure speed on this machine (PEERS=1: against torch.compile and JAX too)
	@$(BIN)/python -m pytest -q -s -m benchmark tests
	@$(BIN)/python -m tests.benchmarks.bench
	@$(BIN)/python -m tests.benchmarks.algorithms
	@test -z "$(PEERS)" || { $(BIN)/python -m pip install -q --target build/peers jax optax && $(BIN)/python -m tests.benchmarks.peers; }

clean:  ## remove what the course and its tools wrote (.venv and runs stay)
	@rm -rf build dist gancourse.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -name __pycache__ -prune -exec rm -rf {} +

# Made once, and brought up to date when the requirements change. pip's own progress stays quiet: it is a
# minute on a good line, and some 6 GB on Linux, where the default torch brings CUDA.
$(STAMP): pyproject.toml constraints.txt
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no '$(PYTHON)' here: make install PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "gancourse needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is %d.%d. Try: make install PYTHON=python3.12" % v)'
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	@test -x $(BIN)/pip || "$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[lab,dev,distributed,lsun,features]"
	@touch $(STAMP)
