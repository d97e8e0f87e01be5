# Everything is installed into .venv: by uv, from wheels, at the versions of constraints.txt.
# PYTHON=python3.12 chooses the interpreter, SERVE=0 stops before serving, PORT= and DEMO= are the
# demo's port and folder.

BIN := .venv/bin
PEER := .venv/sekmet
DEMO := demo-out
PORT ?= 8000
SERVE ?= 1
unexport PYTHONDONTWRITEBYTECODE  # or every process compiles all that it imports
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --only-binary :all: \
	--constraints constraints.txt --build-constraints constraints.txt

.PHONY: help demo test lint bench docs lock clean

help:  ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile

demo: .venv/.installed  ## Simulate a hospital, live its half year, and serve it
	@exec $(BIN)/uptake demo $(DEMO) --port $(PORT) $(if $(filter 0,$(SERVE)),,--serve)

test: lint  ## Check style, types and imports, then run every test
	@$(BIN)/pytest -n auto --dist worksteal

lint: .venv/.tested  ## Check style, types and imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: .venv/.tested  ## Measure accuracy and speed; benchmarks/RESULTS.md has the figures
	@$(BIN)/python -m benchmarks.run

docs: .venv/.uv  ## List the checks and use cases in docs/checks.md
	@$(BIN)/python scripts/list_definitions.py >docs/checks.tmp && mv docs/checks.tmp docs/checks.md

lock: .venv/.uv  ## Raise constraints.txt to the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 \
		--only-binary :all: --all-extras --group test \
		--custom-compile-command 'make lock' --output-file constraints.txt pyproject.toml

clean:  ## Remove the environment, the caches and the demo
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf build dist uptake-out $(DEMO)
	find uptake tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.uv: scripts/make_venv.sh
	@sh scripts/make_venv.sh
	@touch $@

# The two stamps make a second run instant; a changed requirement installs anew.
.venv/.installed: .venv/.uv pyproject.toml constraints.txt
	@$(INSTALL) --editable .
	@touch $@

# Of meds-etl only its table of labelled laboratory items is read: what it needs itself stays away.
# sekmet-fhir, a FHIR server that is not ours, has an environment of its own: nothing of it is tested.
.venv/.tested: .venv/.installed
	@$(INSTALL) --editable . --group test
	@$(INSTALL) --no-deps meds-etl==0.3.11 rapidfuzz==3.14.6
	@$(BIN)/uv venv --quiet --allow-existing $(PEER)
	@$(BIN)/uv pip install --quiet --python $(PEER)/bin/python --only-binary :all: sekmet-fhir==0.1.1
	@ln -sf ../sekmet/bin/sekmet $(BIN)/sekmet
	@touch $@
