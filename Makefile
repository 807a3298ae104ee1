# make demo: watch a model call stream, without key and network. make test: everything that CI runs.

VENV ?= .venv
# The first Python that runs and is new enough; a pyenv shim may stand for a version that does not run.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# Tests run in so many processes.
WORKERS ?= 2

# An install happens again when one of these has changed.
DISTRIBUTION := pyproject.toml setup.py

# pyright is in its Python package; without this it asks the registry on each run whether there is a newer one.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

# Codecs, framers, pump, policy and redaction: every branch of them is run by a test.
COVERED := $(wildcard $(patsubst %,adapters/%.py,anthropic* azure* bedrock* google_genai* huggingface* ollama* \
	openai* compatible* reasoning json_text content left_out status_errors eventstream ndjson sse sse_alike sigv4 \
	aws_* secrets redaction addresses rate_limit_headers reported_cost) \
	$(patsubst %,runtime/%.py,admission allowance attempt brakes bucket call failures fallbacks policy retrying token_queue tries))
comma := ,
space := $(subst ,, )

.PHONY: demo test audit check lint links types format docs bench bench-peers pytest covered further clean

demo: $(VENV)/.installed
	@$(VENV)/bin/python -m tidewire demo $(if $(MODEL),--model '$(MODEL)')

test: check covered further

check: lint types

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

# The rooms laid out as the package, for the tools that do not run the import hook of an editable install.
links:
	@rm -rf .links && mkdir -p .links/tidewire && cd .links/tidewire && ln -s ../../runtime/* ../../events ../../adapters .

types: $(VENV)/.installed-dev links
	@command -v node >/dev/null || sh tests/tooling/debian_install.sh nodejs
	$(VENV)/bin/mypy -p tidewire -p tests $(if $(wildcard benchmarks/*.py),-p benchmarks)
	$(VENV)/bin/pyright

format: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check --fix-only
	$(VENV)/bin/ruff format

docs: $(VENV)/.installed-dev
	$(VENV)/bin/pytest tests/test_docs.py

bench: $(VENV)/.installed-dev
	$(VENV)/bin/python benchmarks/run.py $(ARGS)

# The other libraries besides, each in an environment of its own under benchmarks/.envs.
bench-peers: $(VENV)/.installed-dev
	benchmarks/peer_environments.sh $(VENV)/bin/python
	$(VENV)/bin/python benchmarks/run.py --peers $(ARGS)

pytest: $(VENV)/.installed-dev
	$(VENV)/bin/pytest -n $(WORKERS) $(ARGS)

covered: $(VENV)/.installed-dev
	$(VENV)/bin/pytest -n $(WORKERS) --cov --cov-report=term
	@$(if $(COVERED),echo "every branch of these is to be run:" && $(VENV)/bin/coverage report --fail-under=100 \
		--include=$(subst $(space),$(comma),$(strip $(COVERED))))

# Every other Python that tidewire supports and the machine has, each in an environment of its own. There the tests run
# that may come out otherwise on another Python: of what runs, of types that are read, of event loops and sockets, of
# the docs. `make further FURTHER=tests` runs all of them.
FURTHER ?= tests/events tests/runtime tests/adapters/test_host.py $(wildcard tests/adapters/test_*transport*.py tests/test_*.py)

further: $(VENV)/.installed-dev
	@set -e; tested=$$($(VENV)/bin/python -c 'import platform; print(platform.python_version())'); \
	for found in $$($(VENV)/bin/python tests/tooling/find_pythons.py); do \
		$(MAKE) --no-print-directory pytest ARGS="--hypothesis-profile=small $(FURTHER)" \
			PYTHON="$${found#*=}" VENV=".venv-$${found%%=*}"; \
		tested="$$tested, $$(.venv-$${found%%=*}/bin/python -c 'import platform; print(platform.python_version())')"; \
	done; \
	echo "tested on Python $$tested (of 3.11 to 3.13)"

# Known holes in what is installed; what cannot be looked up fails it. It asks a database on the network, so CI does not; in an environment of its own.
audit: $(VENV)/.installed-dev
	@test -x .venv-audit/bin/pip || $(VENV)/bin/python -m venv --clear .venv-audit
	.venv-audit/bin/python -m pip install -qq --upgrade 'pip>=25.1'
	.venv-audit/bin/python -m pip install -qq --group audit
	$(VENV)/bin/python -m pip freeze --exclude-editable > .venv-audit/installed.txt
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip --requirement .venv-audit/installed.txt

clean:
	rm -rf .venv .venv-3.* .venv-audit .links .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	find adapters benchmarks events runtime tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.installed: $(DISTRIBUTION)
	@test -n "$(PYTHON)" || { echo "tidewire needs Python 3.11 or newer; none was found" >&2; exit 1; }
	@test -x $(VENV)/bin/pip || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| sh tests/tooling/debian_install.sh "$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install -qq --upgrade 'pip>=25.1'
	$(VENV)/bin/python -m pip install -qq --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(VENV)/bin/python -m pip install -qq --group dev
	@touch $@
