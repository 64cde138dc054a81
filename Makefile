# Every target does its own set-up: only Python >= 3.11, make and git need to be there.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: help demo test installed lint servers lock artifact man sbom dist picture bench soak fuzz mutants coverage audit container clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(STAMP) ## poll a sample mailbox for real and show what was found and why
	@$(BIN)/inbox-worker demo

test: $(STAMP) servers ## lint, then every test (fast ones first), on real servers
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -n 2 --dist loadgroup

installed: $(STAMP) servers ## every test against the wheel in a new environment, without the sources (a quarter of an hour)
	@./tests/run-installed $(TESTS)

lint: $(STAMP) ## ruff, mypy, import order, Dockerfile
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/hadolint --failure-threshold warning Dockerfile tests/container/*/Dockerfile

servers: ## Dovecot, PostgreSQL, Cyrus, Chromium, iproute2 and promtool from Debian, for the tests
	@./tests/install-servers

artifact: $(STAMP) ## build the default reply classifier from the corpus
	@$(BIN)/inbox-worker train --base default --out classifier/default.artifact

lock: $(STAMP) ## resolve the dependencies anew, with hashes
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra all pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -c requirements.lock -o requirements-dev.lock
	@echo hatchling | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements-dev.lock - -o requirements-build.lock

man: $(STAMP) ## write the manual page, docs/inbox-worker.1
	@PYTHONPATH=. $(BIN)/python docs/man.py

sbom: $(STAMP) ## what an installation consists of, as CycloneDX: dist/inbox-worker.cdx.json
	@mkdir -p dist
	@$(BIN)/python docs/sbom.py >dist/inbox-worker.cdx.json

dist: $(STAMP) sbom ## wheel, source archive, bill of materials and their SHA-256, into dist/
	@rm -f dist/*.whl dist/*.tar.gz
	@$(BIN)/hatchling build -d dist >/dev/null
	@cd dist && sha256sum -- *.whl *.tar.gz *.json >SHA256SUMS && cat SHA256SUMS

picture: $(STAMP) servers ## draw the architecture, docs/demo.svg, the pictures of the console and the dashboard anew
	@$(BIN)/python -m docs.architecture
	@$(BIN)/python docs/picture.py
	@$(BIN)/python docs/dashboard.py
	@$(BIN)/python -m docs.console_pictures

bench: $(STAMP) servers ## measure understanding, the classifier, the whole path and polling (bench/*.json)
	@$(BIN)/python -m bench.understand
	@$(BIN)/python -m bench.classify
	@$(BIN)/python -m bench.pipeline
	@$(BIN)/python -m bench.polls
	@$(BIN)/python -m bench.idle

soak: $(STAMP) servers ## every fault in its long form, then a thousand mailboxes for ten minutes (hours in all)
	@INBOX_SOAK=1 $(BIN)/pytest -n 2 --dist loadgroup tests/journey/test_faults_*.py tests/worker/test_odd_servers.py
	@$(BIN)/python -m bench.soak

fuzz: $(STAMP) ## throw damaged mail at parse and judge for a minute (SECONDS=600 for ten)
	@$(BIN)/python -W ignore -m tests.fuzzing --seconds $(or $(SECONDS),60)

mutants: $(STAMP) ## break the rules of statuses, gate and matching in every small way; which breaks do the tests miss?
	@$(BIN)/python -m tests.mutants

coverage: $(STAMP) servers ## every test once more, and which lines and branches none of them reaches (half as long again as `make test`)
	@rm -rf .coverage
	@$(BIN)/coverage run -m pytest -n 2 --dist loadgroup
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
	@$(BIN)/python -m tests.reached

audit: $(STAMP) ## security rules, and known holes in what we install (OSV_URL=... asks a mirror of the advisories)
	@echo "Exceptions to the security rules, each explained on its line:"
	@$(BIN)/ruff check --quiet --select S --ignore-noqa --exit-zero --output-format concise config models classifier worker console
	@echo "Everything else:"
	@$(BIN)/ruff check --select S .
	@errors=$$(mktemp); trap 'rm -f "$$errors"' EXIT; \
	$(BIN)/pip-audit --requirement requirements.lock --disable-pip --require-hashes --progress-spinner off \
		--vulnerability-service osv $(if $(OSV_URL),--osv-url $(OSV_URL)) 2>"$$errors"; status=$$?; \
	if grep -q Traceback "$$errors"; then \
		tail -n 1 "$$errors"; \
		echo "NOT AUDITED: no source of advisories answered, so nothing is known of what we install; try again online"; \
		exit 1; \
	fi; \
	cat "$$errors"; exit $$status

container: $(STAMP) servers ## build the image for real and run it, alone and by compose.yaml (as root; minutes)
	@./tests/container/install-engine
	@$(BIN)/pytest -n 0 -q tests/container/image_checks.py tests/container/compose_checks.py

clean: ## remove the virtual environment and every cache
	rm -rf .venv .cache/container .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage dist mutants

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("inbox-worker needs Python 3.11 or newer; run: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	@echo "Installing into .venv (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
