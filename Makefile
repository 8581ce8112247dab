# `make dev` and `make test` need Python, make and a package index; everything else is brought along.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# An installed uv is used as it is; otherwise one is put into .uv/, inside this folder.
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)

# The example service: what a team deletes that has functions of its own.
EXAMPLE := $(addprefix functions/,agents imports.py index.py me.py reports signals webhooks) shared/market client/market tests/market \
  examples $(addprefix contracts/vectors/,calendar.json thresholds.json)

.PHONY: help bench setup dev committed without-example test test-product test-fast test-bridge test-faults test-hostile test-workers test-image parity soak audit sbom check docs messages fmt fmt-check lint types imports names

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

.uv/bin/uv:
	@echo "setup: no uv on this machine, putting one into .uv/"
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --quiet --disable-pip-version-check uv

setup: $(filter .uv/bin/uv,$(UV)) ## Prepare .venv from uv.lock
	@echo "setup: syncing .venv from uv.lock$(if $(wildcard .venv),, (up to a minute the first time))"
	@$(UV) sync $(if $(wildcard .venv),--quiet) --locked --all-extras

dev: setup ## Serve on port 8000 with an embedded PostgreSQL and a development issuer
	@exec $(BIN)/annex dev

committed:
	@changes=$$(git status --porcelain) && [ -z "$$changes" ] \
	  || { echo "Commit or discard your changes first, so that git can restore what is deleted."; exit 1; }

without-example: committed setup ## Delete the example service, once; git can restore it
	@rm -rf $(EXAMPLE)
	@$(BIN)/annex client
	@$(BIN)/annex check --accept
	@echo "without-example: look at the result with git status, and commit it"

test: setup check ## Run every test, with coverage
	@$(BIN)/pytest -n 2 --dist loadfile --cov --cov-report=term

test-bridge: setup ## Run the Next.js side: the client under Node, the example app in Chromium
	@$(BIN)/pytest tests/integration/test_client.py tests/market/e2e/test_client_on_service.py tests/market/e2e/test_nextjs.py tests/e2e/test_stock_app.py

test-product: setup ## Delete the example in a copy, and run all of the product's tests there
	@.ci/without-example tests

test-fast: setup ## Run the unit tests alone
	@$(BIN)/pytest -q tests/unit tests/market/unit tests/architecture

test-faults: setup ## Run the long versions: twenty deploys, faults with figures, fuzzing
	@ANNEX_TEST_FULL=true $(BIN)/pytest tests/e2e/test_deploys.py tests/e2e/test_stop.py tests/faults

test-hostile: setup ## Serve every hostile file beside healthy ones and print what held
	@$(BIN)/python -m tests.hostile

test-workers: setup ## Run the tests of real servers again, each server with two workers
	@ANNEX_TEST_WORKERS=2 $(BIN)/pytest -n 2 --dist loadfile tests/e2e tests/faults tests/market/e2e tests/integration/agents/test_chat_clients.py

test-image: setup ## Build the production image and run it (needs dockerd or a running engine)
	@ANNEX_TEST_FULL=true $(BIN)/pytest tests/e2e/test_image.py

parity: setup ## Compare our auth with Clerk's JavaScript SDK on random questions (COUNT=20000 of each kind)
	@$(BIN)/python -m tests.parity --count $(or $(COUNT),20000)

soak: setup ## Load a real server for an hour at half of what it can do (MINUTES=1 for a short one)
	@$(BIN)/python -m benchmarks.soak

audit: setup ## Compare the locked dependencies with the known vulnerabilities (needs api.osv.dev)
	@$(UV) audit --locked --no-dev \
	  || { code=$$?; [ $$code = 2 ] && echo "audit: the database of vulnerabilities cannot be reached; nothing was compared"; exit $$code; }

sbom: setup ## Write sbom.json (CycloneDX) of what production installs
	@$(UV) export --quiet --locked --no-dev --format cyclonedx1.5 --output-file sbom.json
	@echo "sbom: wrote sbom.json"

check: setup fmt-check lint types imports names ## Format, lint, types, imports and private names, in seconds

bench: setup ## Compare with the peers, as ratios, and judge the goals (needs wrk)
	@$(BIN)/python -m benchmarks.run
	@$(BIN)/python -m benchmarks.deployed
	@$(BIN)/python -m benchmarks.tails

messages: ## Write the list of every text that a person reads, after you have read the change
	@$(BIN)/python -m tests.approved.messages

docs: ## Write the tables that are made from code
	@$(BIN)/python -m docs.tables

fmt: ## Format the code
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix --quiet .

fmt-check:
	@$(BIN)/ruff format --check --quiet .

lint:
	@$(BIN)/ruff check --quiet .

types:
	@$(BIN)/mypy

imports:
	@$(BIN)/lint-imports --no-logo

names:
	@$(BIN)/python -m tests.architecture.private_names
