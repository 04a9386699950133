# Every target makes what it needs first: a pinned installer in .tools/, the packages in .venv/, Qt's system libraries.
# The second time that takes a moment; scripts/setup.sh says what it does and where it stores it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Of a caller's Python environment nothing may leak into ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

IN_ENV := source scripts/environment.sh;
SOURCES := core desktop tests benchmarks
TEST_WORKERS ?= 2
ARGS ?=

.PHONY: help setup run test check docs screenshots lock bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Get everything ready (the other targets do it by themselves)
	@scripts/setup.sh python
	@scripts/setup.sh qt

run: setup ## Open the application; without a screen, run the sample workflow and show its result
	@$(IN_ENV) if [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then .venv/bin/steploom $(ARGS); \
	  else .venv/bin/steploom sample $(ARGS); fi

test: setup ## Run all tests (ARGS="-k name" to choose, TEST_WORKERS=4 for more at once)
	@scripts/setup.sh screen
	@$(IN_ENV) .venv/bin/python -m pytest -n $(TEST_WORKERS) $(ARGS)

check: ## Check style, types and the direction of imports
	@scripts/setup.sh python
	@$(IN_ENV) .venv/bin/ruff check $(SOURCES) scripts
	@$(IN_ENV) .venv/bin/ruff format --check $(SOURCES) scripts
	@$(IN_ENV) .venv/bin/mypy --strict $(SOURCES) scripts
	@$(IN_ENV) .venv/bin/lint-imports

docs: ## Write docs/steps.md anew from the step types
	@scripts/setup.sh python
	@$(IN_ENV) .venv/bin/steploom steps --markdown > docs/steps.md.new
	@mv docs/steps.md.new docs/steps.md

lock: ## Write requirements.lock anew from pyproject.toml (ARGS=--upgrade for newer versions)
	@scripts/setup.sh installer
	@$(IN_ENV) .tools/uv/bin/uv pip compile pyproject.toml --extra test --extra telemetry --group build --universal --generate-hashes \
		--custom-compile-command "make lock" --quiet --output-file requirements.lock $(ARGS)

screenshots: setup ## Take the pictures of the documentation
	@$(IN_ENV) .venv/bin/python scripts/screenshots.py

bench: setup ## Measure the engine
	@$(IN_ENV) .venv/bin/python -m benchmarks.engine $(ARGS)

clean: ## Remove everything that make has made
	rm -rf .venv .tools build dist out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
