# Every target sets up what it needs by itself, as root or as an ordinary user; a repeat takes a moment.

PYTHON ?= python3
RUN := deploy/run
PORT ?= 8000
BIND ?= 127.0.0.1:$(PORT)
DEMO_ARGS ?=
PYTEST_ARGS ?=
CHANGED ?= .

# The modules that know no framework and no database: judging, deciding, policies, plans, canonical bytes, Merkle trees.
PURE_TESTS := tests/audits/test_criteria.py tests/audits/test_measurements.py tests/audits/test_plans.py \
	tests/governance/gates/test_gates.py tests/governance/policies/test_policies.py tests/registry/test_canonical.py \
	tests/registry/test_lineage.py tests/registry/test_merkle.py

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo test test-slow quick serve bench lint format types imports check clean

# Set-up speaks for itself; its line here would only repeat it.
setup:
	@$(PYTHON) -m deploy.bootstrap

setup-tests:
	@$(PYTHON) -m deploy.bootstrap --with-tests

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: setup ## The whole promise kept once on real data, then served at http://127.0.0.1:8000/ (DEMO_ARGS=--once: then exits)
	ASSAY_ENV=development $(RUN) python manage.py demo $(DEMO_ARGS)

test: setup-tests ## The tests on SQLite, then those with a database on PostgreSQL where one answers (PYTEST_ARGS=…)
	$(RUN) python -m pytest -n auto -m "not slow" $(PYTEST_ARGS)
	$(RUN) python -m deploy.postgres_tests -n auto $(PYTEST_ARGS)

test-slow: setup-tests ## Simulations, kills, floods and long reports: the rest of the tests, minutes
	$(RUN) python -m pytest -n auto -m slow $(PYTEST_ARGS)
	$(RUN) python -m deploy.postgres_tests --slow -n auto $(PYTEST_ARGS)

quick: setup-tests ## The tests of the pure rules alone, in seconds
	$(RUN) python -m pytest -m "not database and not slow" --hypothesis-profile=quick -p no:randomly $(PURE_TESTS) $(PYTEST_ARGS)

serve: setup ## As in production: gunicorn, worker and scheduler, by DATABASE_URL, CELERY_BROKER_URL, SECRET_KEY
	$(RUN) python manage.py check --deploy --database default --fail-level ERROR
	$(RUN) python manage.py migrate --noinput
	$(RUN) python -m deploy.supervise --bind $(BIND)

bench: setup-tests ## Our speed beside that of our peers, as a table of ratios
	$(RUN) python -m benchmarks

lint: setup-tests ## Ruff, rules and format, and what is written about law
	$(RUN) ruff check $(CHANGED)
	$(RUN) ruff format --check $(CHANGED)
	$(RUN) python -m audits.frameworks.lint

format: setup-tests ## Let ruff write what it can mend
	$(RUN) ruff check --fix-only $(CHANGED)
	$(RUN) ruff format $(CHANGED)

types: setup-tests ## mypy, strict
	ASSAY_ENV=development $(RUN) mypy

imports: setup-tests ## Which package may import which
	$(RUN) lint-imports

check: lint types imports ## Everything that needs no test: lint, types, imports, migrations, system checks
	ASSAY_ENV=development $(RUN) python manage.py makemigrations --check --dry-run
	ASSAY_ENV=development $(RUN) python manage.py check

clean: ## Remove what was set up and what tools left; the data in var/ stays
	rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
