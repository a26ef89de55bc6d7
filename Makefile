# EVzone edge agent. Needs Debian 12 or 13 (amd64, arm64) with python3 and make; `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKS := packaging/locks
SERVICES := packaging/install-test-services.sh

# The locks are complete and hold every hash: nothing is resolved here, and no sdist runs its own, unhashed, build.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
FROM_LOCK := $(PIP_INSTALL) --require-hashes --only-binary=:all: --requirement
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml

.PHONY: help run test check services system bench train evaluate lock check-arm64 page pictures package image package-test clean

help: ## List the targets
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do \
		printf '%-12s %s\n' "$$name" "$$text"; done

# Each environment is a stamp inside .venv: dev adds to run, so going from one to the other installs only what differs.
$(VENV)/python.stamp:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(SERVICES) venv
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: $(LOCKS)/run.lock | $(VENV)/python.stamp
	@echo "Installing what the agent runs on ($<)"
	@$(FROM_LOCK) $<
	@touch $@

# Again when a package appears: an editable install knows the top-level packages it has seen.
$(VENV)/project.stamp: pyproject.toml $(wildcard */__init__.py) | $(VENV)/run.stamp
	@PYTHONWARNINGS=ignore $(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(LOCKS)/dev.lock | $(VENV)/project.stamp
	@echo "Installing what developers need ($<)"
	@$(FROM_LOCK) $<
	@touch $@

# Chargers that others wrote, for the tests: npm comes with the environment.
$(VENV)/clients.stamp: tests/clients/package-lock.json $(VENV)/dev.stamp
	@echo "Installing the tests' charger clients ($<)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix tests/clients --no-audit --no-fund --loglevel=error
	@touch $@

# What the page's libraries are made with, and what judges the page in the tests.
$(VENV)/page.stamp: packaging/page/package-lock.json $(VENV)/dev.stamp
	@echo "Installing what the page is made with ($<)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix packaging/page --no-audit --no-fund --loglevel=error
	@touch $@

# What the TypeScript client is made with, and what judges it in the tests.
$(VENV)/typescript.stamp: packaging/typescript/package-lock.json $(VENV)/dev.stamp
	@echo "Installing what the TypeScript client is made with ($<)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix packaging/typescript --no-audit --no-fund --loglevel=error
	@touch $@

# Apache Kafka, for the tests of the central side.
$(VENV)/kafka.stamp: tests/kafka/pom.xml | $(VENV)/dev.stamp
	@echo "Fetching Kafka ($<)"
	@mvn --quiet --batch-mode --file $< org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory=lib
	@touch $@

run: $(VENV)/project.stamp ## Run the demo: simulator, broker and agent (options in DEMO="...")
	@$(BIN)/edge-agent demo $(DEMO)

CLIENTS := $(addprefix $(VENV)/,clients.stamp page.stamp typescript.stamp kafka.stamp)

test: services check $(CLIENTS) ## Set up everything, run the checks and the tests
	@$(BIN)/pytest

check: $(VENV)/dev.stamp ## Format, lint, types and the import contracts
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

services: ## Install what the tests run beside the agent: mosquitto, PostgreSQL, Java, chromium and more
	@$(SERVICES) services

system: services $(CLIENTS) ## Run the system tests: the real daemon, broker and kill -9 (slow)
	@$(BIN)/pytest tests/system

bench: services $(CLIENTS) ## Measure latency and throughput
	@$(BIN)/python -m tests.bench

train: services $(VENV)/dev.stamp ## Train the model and export it to ONNX
	@$(BIN)/python -m models.training.train

DATA ?= ../shared/data
EVALUATE = $(BIN)/python -m models.training.evaluate
EVALUATION := models/evaluation

evaluate: services $(VENV)/dev.stamp ## Judge the models anew and write the card's figures (foreign sets in DATA)
	@mkdir -p $(EVALUATION)
	@for set in azure_pdm skab ai4i ev_sessions; do \
		echo "Judging on $$set"; $(EVALUATE) --dataset $$set --data $(DATA) > $(EVALUATION)/$$set.json; done
	@for world in simulator hard; do echo "Judging on the $$world world"; \
		$(EVALUATE) --dataset $$world --seed 7 --plots $(EVALUATION)/$$world > $(EVALUATION)/$$world.json; done
	@$(BIN)/python -m models.training.timing > $(EVALUATION)/timing.json
	@$(BIN)/python -m models.training.card

# dev first; run is held to dev's versions, so that the two agree.
lock: $(VENV)/dev.stamp ## Write the locks anew (UPGRADE=1 takes the newest versions)
	@$(LOCK) --all-extras $(if $(UPGRADE),--upgrade) --output-file $(LOCKS)/dev.lock
	@$(LOCK) --extra build --extra demo --constraint $(LOCKS)/dev.lock --upgrade --output-file $(LOCKS)/run.lock
	@$(LOCK) --constraint $(LOCKS)/dev.lock --upgrade --output-file $(LOCKS)/package.lock
	@$(LOCK) --extra build --extra central --constraint $(LOCKS)/dev.lock --upgrade --output-file $(LOCKS)/central.lock

check-arm64: $(VENV)/run.stamp ## Show that every run-time package has a hashed arm64 wheel for Python 3.11 and 3.13
	@wheels=$$(mktemp -d); trap 'rm -rf "$$wheels"' EXIT; \
	for version in 3.11 3.13; do \
		$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
			--only-binary=:all: --implementation cp --python-version $$version \
			--platform manylinux_2_28_aarch64 --platform manylinux_2_17_aarch64 \
			--dest "$$wheels/$$version" --requirement $(LOCKS)/run.lock; \
		echo "arm64, Python $$version: $$(find "$$wheels/$$version" -type f | wc -l) wheels"; \
	done

page: $(VENV)/page.stamp ## Make the libraries that the page loads anew
	@cd packaging/page && PATH="$(CURDIR)/$(BIN):$$PATH" node build.mjs

package: $(VENV)/dev.stamp ## Make the Debian packages into dist (options in PACKAGE="--suite 12 --arch arm64")
	@$(BIN)/python packaging/debian/build.py $(PACKAGE)

IMAGE_TOOL ?= $(firstword $(notdir $(wildcard /usr/bin/docker /usr/bin/buildah)) docker)

image: ## Make the image for ARM64 gateways (options in IMAGE="--build-arg BASE=...")
	@BUILDAH_FORMAT=docker $(IMAGE_TOOL) build --platform linux/arm64 --file Dockerfile.arm64 --tag edge-agent $(IMAGE) .

package-test: $(VENV)/dev.stamp ## Install the package in booted Debians without a network (root; more in PARTS="arm64 image release")
	@$(SERVICES) container
	@$(if $(filter arm64 image,$(PARTS)),$(SERVICES) arm64)
	@$(BIN)/python -m tests.package $(PARTS)

pictures: services $(VENV)/page.stamp ## Take the pictures of the page anew
	@$(BIN)/python -m tests.pictures

clean: ## Remove the environment and every cache
	@rm -rf $(VENV) tests/clients/node_modules packaging/page/node_modules packaging/typescript/node_modules packaging/typescript/dist tests/kafka/lib build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
