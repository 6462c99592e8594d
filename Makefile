# The few verbs of this project. The first one that is run sets everything up in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The tests' networks are tiny: threads that wait for each other would only slow them down.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: coverage demo test test-all test-commands test-packages lint fmt docs

# The main job on drawn radiographs: runs/demo/report.html
demo: $(VENV)/.installed
	$(BIN)/cxrlens demo

# What must hold before every commit: ten minutes at most on two cores.
test: lint
	$(PYTEST) -m "not slow"

# The same and the slow ones: kills, browsers, whole trainings, every command of the documentation.
# In two halves side by side, since each keeps one core busy.
test-all: lint
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target --keep-going test-commands test-packages

COMMANDS := tests/cli tests/test_docs.py tests/test_tutorials.py
PACKAGES := $(COMMANDS:%=--ignore=%)

test-commands:
	$(PYTEST) $(COMMANDS) --durations=15

test-packages:
	$(PYTEST) $(PACKAGES) --durations=15

# Which lines the packages' tests reach. Counting them takes half as long again as the tests alone.
coverage: $(VENV)/.installed
	$(PYTEST) $(PACKAGES) --cov

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The generated pages of docs/reference.
docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[serve,dev]"
	touch $@
