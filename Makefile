# SPDX-License-Identifier: Apache-2.0
# Two commands for everybody: `make demo` and `make test`. Each makes what it needs first.
#
#   PYTHON=python3.12     the Python of the virtual environment (from 3.10 on)
#   VENV=.venv            where the environment is
#   ROS=auto              auto = a sourced installation, else wheels; kilted, jazzy = those wheels

VENV ?= .venv
ROS ?= auto
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST

PYTHON_OF_VENV := $(VENV)/bin/python
SET_UP = @python=$$(sh tools/find_python.sh) && \
	"$$python" tools/set_up.py --venv "$(VENV)" --ros "$(ROS)" --for
DEMO_OPTIONS = $(if $(RGB),--rgb "$(RGB)") $(if $(THERMAL),--thermal "$(THERMAL)") \
	$(if $(INIT),--init "$(INIT)") $(if $(SEED),--seed "$(SEED)") \
	$(if $(MODEL),--model "$(MODEL)")

.DEFAULT_GOAL := help
.PHONY: help demo test setup setup-test lint docs clean distclean

help:  ## Say what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

demo: setup  ## Track a target by the ROS node; RGB= THERMAL= INIT=x,y,w,h, SEED=, MODEL=
	@"$(PYTHON_OF_VENV)" -m rgbt_tracker_ros.cli.main demo $(DEMO_OPTIONS)

# Two processes: one runs the nodes in turn, the other one what needs none (test/conftest.py).
test: lint  ## Check everything: style, types, layers, tests
	@OMP_NUM_THREADS=1 "$(PYTHON_OF_VENV)" -m pytest -n 2 --dist loadgroup $(PYTEST_OPTIONS)

lint: setup-test  ## Check style, types and layers
	@"$(PYTHON_OF_VENV)" -m ruff check .
	@"$(PYTHON_OF_VENV)" -m mypy
	@"$(VENV)/bin/lint-imports"

docs: setup-test  ## Build the documentation into site/
	@"$(PYTHON_OF_VENV)" -m mkdocs build --strict

setup:  ## Make the environment of the demo
	$(SET_UP) run

setup-test:  ## Make the environment of the tests
	$(SET_UP) test

clean:  ## Remove what was built, measured and cached
	rm -rf build install log dist site *.egg-info demo/output demo/clips .pytest_cache .mypy_cache \
		.ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## Remove the environment too
	@if [ -f "$(VENV)/pyvenv.cfg" ]; then rm -rf "$(VENV)"; fi
