.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help
help: ## Show this help
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/app: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/app requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

.PHONY: demo
demo: .venv/app ## Carry a model from data to a merged promotion, here, with no key and no network
	$(BIN)/ftv4 demo

.PHONY: test
test: .venv/dev ## Run every test
	$(BIN)/pytest -n auto --dist worksteal

.PHONY: check
check: .venv/dev ## Lint, types, workflow audit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest tests/workflows/test_tree.py tests/workflows/test_audit.py

.PHONY: data
data: .venv/app ## Make the shipped packs, datasets and eval cases again, byte for byte
	$(BIN)/ftv4 synth data

.PHONY: golden
golden: .venv/dev ## Rewrite the golden files; review the diff
	$(BIN)/pytest -n auto --rewrite-golden
