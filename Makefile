# keywatch: `make demo` shows it at work, `make test` runs the whole suite; both set up what they need.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

RUNTIME := fast aws charts console google otel registry
EXTRAS := embedded docs test $(RUNTIME)
LOCK := --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-annotate --no-header

.PHONY: demo test lint docs bench bench-console evaluation streams lock kafka registry tools clean

demo: $(READY)  ## a stolen key found and suspended, on an embedded broker and store
	$(BIN)/keywatch demo

test: $(READY)  ## the whole suite; says which real servers it missed
	$(BIN)/pytest -n 2 --dist loadfile

lint: $(READY)  ## style, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)  ## the documentation site into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(READY)  ## events a second beside the ceiling and a naive loop
	$(BIN)/python -m benchmarks.throughput

bench-console: $(READY)  ## pages and API on a million keys and ten thousand cases; 2.3 GB of memory
	$(BIN)/python -m benchmarks.console

evaluation: $(READY)  ## recall, false alerts and peers; writes docs/evaluation.md, docs/figures, .evaluation/
	$(BIN)/pip install -q --disable-pip-version-check -r requirements-peers.lock
	$(BIN)/python -m benchmarks.evaluation

streams: $(READY)  ## write sample_streams/ again; the same bytes unless the generator changed
	$(BIN)/python -m sample_streams.generate

kafka:  ## Apache Kafka's jars, from Maven Central, for the tests that need the real one
	tests/get_kafka.sh

registry:  ## a real schema registry, from Maven Central, for the tests of its contract
	tests/get_registry.sh

tools:  ## helm, promtool and compose-spec, built with Go, for the tests of the chart
	tests/get_tools.sh

lock:
	uv pip compile pyproject.toml $(addprefix --extra ,$(EXTRAS)) $(LOCK) --upgrade -o requirements.lock
	uv pip compile pyproject.toml --extra peers -c requirements.lock $(LOCK) -o requirements-peers.lock
	uv pip compile pyproject.toml $(addprefix --extra ,$(RUNTIME)) -c requirements.lock $(LOCK) -o deploy/image/runtime.lock

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "keywatch needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $(READY)

clean:
	rm -rf $(VENV) dist build site .pytest_cache .mypy_cache .ruff_cache .hypothesis
