# The few verbs of this project. The first one that is run sets everything up in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The tests' networks are tiny: threads that wait for each other would only slow them down.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: demo test test-all test-commands test-packages lint fmt docs

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
	$(BIN)/coverage combine --quiet .coverage.commands .coverage.packages
	$(BIN)/coverage report --skip-covered

COMMANDS := tests/cli tests/test_docs.py tests/test_tutorials.py

test-commands:
	COVERAGE_FILE=.coverage.commands $(PYTEST) $(COMMANDS) --cov --cov-report= --durations=15

test-packages:
	COVERAGE_FILE=.coverage.packages $(PYTEST) $(COMMANDS:%=--ignore=%) --cov --cov-report= --durations=15

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
