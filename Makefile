# The few verbs of this project. The first one that is run sets everything up in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The tests' networks are tiny: threads that wait for each other would only slow them down.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: demo test test-all lint fmt docs

# The main job on drawn radiographs: runs/demo/report.html
demo: $(VENV)/.installed
	$(BIN)/cxrlens demo

# What must hold before every commit: ten minutes at most on two cores.
test: lint
	$(PYTEST) -m "not slow"

# The same and the slow ones: kills, browsers, whole trainings, every command of the documentation.
test-all: lint
	$(PYTEST) --cov --cov-report=term:skip-covered --durations=15

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
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@
