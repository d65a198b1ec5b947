PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP_ARGS ?=
JOBS ?= 2

.PHONY: help demo test test-ray format clean

help:
	@echo "make demo    install into $(VENV) if needed, run the demo, show its metrics"
	@echo "make test    install if needed, check style and types, run the tests"
	@echo "make test-ray  add Ray to $(VENV), run the tests that need it"
	@echo "make format  put the code into the house style"
	@echo "make clean   remove $(VENV) and caches of tools; results in workspace/ stay"
	@echo "Options: PYTHON=python3.12, VENV=folder, JOBS=processes, PIP_ARGS='--index-url …'"

demo: $(INSTALLED)
	$(BIN)/autograph run demo --jobs $(JOBS)

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

test-ray: $(INSTALLED)
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable '.[dev,ray]'
	$(BIN)/pytest tests/llm/test_ray_data.py

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; name it: make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "This Python cannot make environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable '.[dev]'
	@touch $@
