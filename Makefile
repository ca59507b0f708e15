# Everything a reader or an author needs:
#   make book    build the book into _build/html   (own environment in .venv)
#   make serve   show it on localhost
#   make test    linters, types, unit tests, doctests, tests of the built pages
#   make release one PDF of the book, a zip of the site, weights of the pages: _build/release
#   make lint    only ruff and mypy
#   make coursework COURSE=name   problem sets for students, instructor and nbgrader (OTTER=1: and otter)
#   make grade COURSE=name        grade what was handed in (see coursework/README.md)
#   make binder  check the Binder path without Docker (makes environments of its own)
#   make benchmarks   time the library beside other simulators (an hour; see benchmarks/README.md)
#   make clean   remove everything that was made here but _build/coursework, which holds hand-ins
# Another interpreter: make book PYTHON=python3.12

PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8000
PYTEST_ARGS ?=
BENCHMARK_ARGS ?=
COURSE ?= heterolib
ROSTER ?=
OTTER  ?=

# Subprocesses and kernels must find the environment's programs first.
BIN    := $(abspath $(VENV))/bin
RUN    := PATH="$(BIN):$$PATH" $(BIN)/python
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt

.DELETE_ON_ERROR:
.PHONY: help book serve test release binder lint coursework grade benchmarks clean

help:
	@sed -n 's/^#   //p' Makefile

book: $(VENV)/.installed-book
	@$(RUN) tools/book.py build

serve: $(VENV)/.installed-book
	@test -f _build/html/index.html || $(RUN) tools/book.py build
	@$(RUN) tools/book.py serve --port $(PORT)

lint: $(VENV)/.installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

test: lint
	$(RUN) -m pytest $(PYTEST_ARGS)

coursework: $(VENV)/.installed-coursework
	@$(RUN) tools/coursework.py make "$(COURSE)" $(if $(ROSTER),--roster "$(ROSTER)") $(if $(OTTER),--otter)

grade: $(VENV)/.installed-coursework
	@$(RUN) tools/coursework.py grade "$(COURSE)"

release: $(VENV)/.installed-dev
	@test -f _build/html/index.html || $(RUN) tools/book.py build
	@$(RUN) tools/release.py all

binder: $(VENV)/.installed-dev
	@$(RUN) tools/binder.py all

benchmarks: $(VENV)/.installed-book
	$(RUN) benchmarks/run.py $(BENCHMARK_ARGS)

clean:
	rm -rf benchmarks/.envs benchmarks/.work
	test ! -d _build || find _build -mindepth 1 -maxdepth 1 ! -name coursework -exec rm -rf {} +
	rm -rf "$(VENV)" build heterolib.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here: install Python 3.11, 3.12 or 3.13, or name one: make book PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Heterolib needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make book PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian or Ubuntu install it with: sudo apt-get install python3-venv"; exit 1; }
	@echo "Making the environment $(VENV) with $$($(PYTHON) -V) ..."
	@$(PYTHON) -m venv "$(VENV)"

# The stamps keep a second call from installing again; a change of the dependencies renews them.
$(VENV)/.installed-book: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing what the book needs (a few minutes the first time) ..."
	@$(INSTALL) -e '.[book]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing what the book and its tests need (a few minutes the first time) ..."
	@$(INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/.installed-book $(VENV)/.installed-coursework

$(VENV)/.installed-coursework: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing what the problem sets need (a few minutes the first time) ..."
	@$(INSTALL) -e '.[coursework]'
	@touch $@
