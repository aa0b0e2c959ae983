# Two commands are enough: `make demo` and `make test`. Each step below leaves a stamp and runs again only when its
# inputs changed, so every target may be called at any time, also on a fresh clone.

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: bench build check clean conformance debug demo distclean fuzz help peers quality sanitize sanitized serve
.PHONY: test torture tsan

PYTHON ?= python3
ARGS ?=
# Operations per property tape under the slow builds; `make test` runs the full default of tests/conftest.py.
SLOW_TAPE ?= 20000

VENV := .venv
RUN := $(VENV)/bin/python
PYTEST := $(RUN) -m pytest -q --durations=10

DEPENDENCIES := $(VENV)/.dependencies
PROTOCOL := src/fairlead/v1/__init__.py
EXTENSION := build/release/.built
PACKAGE := $(VENV)/.package
HINTS := build/.hints

EXT_SOURCES := $(shell find ext -name '*.pyx' -o -name '*.pxd' -o -name '*.h')
PROTO_SOURCES := $(shell find proto -name '*.proto')

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "ARGS=\"..\" is handed on by demo, serve, bench, peers, test, conformance, debug, sanitize, fuzz and tsan; PYTHON=python3.12 chooses the interpreter."

demo: build ## play a day of conversations through a real daemon and print what came of it
	$(VENV)/bin/fairlead demo $(ARGS)

test: build ## all tests
	$(PYTEST) $(ARGS)

torture: build ## crash tests in full: every byte, every bit, every call that can fail, 100 kills; prints "0 of N"
	$(PYTEST) -s --torture tests/crash $(ARGS)
	$(RUN) build_tools/planted_bugs.py

quality: build ## the simulator against every known answer (a table), A/A 400 times, a second opinion; hours, or with ARGS="--most-jobs 6000000" half of one
	$(PYTEST) -s --quality tests/simulation/test_fairness_of_comparison.py tests/simulation/test_second_opinion.py
	$(RUN) -m tests.simulation.quality $(ARGS)

conformance: build ## what other projects have to test gRPC, HTTP/2 and Connect; needs go, cargo, java, mvn, node, nghttpd
	$(RUN) -m tests.conformance $(ARGS)

build: $(PROTOCOL) $(EXTENSION) $(PACKAGE) ## .venv, the protobuf code, the compiled modules

serve: build ## the daemon, with its default configuration unless ARGS names one
	$(VENV)/bin/fairlead serve $(ARGS)

check: build $(HINTS) ## lint, format, types, contract, tidy tests, Cython performance hints
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/buf lint proto
	$(RUN) -m pytest -q tests/tidy

bench: build ## the engine's benchmark
	$(RUN) -m benchmarks.engine $(ARGS)

debug: build ## unit, property and contract tests on a build with bounds checks and assertions
	FAIRLEAD_BUILD=debug $(RUN) setup.py -q build --build-base=build/debug --build-lib=build/debug/lib
	FAIRLEAD_BUILD=debug PYTHONPATH=build/debug/lib \
	    $(PYTEST) --tape-length=$(SLOW_TAPE) $(wildcard tests/unit tests/property tests/contract) $(ARGS)

peers: build ## fairlead beside Redis, PostgreSQL and services in Go, Rust and Python; ARGS="--growth --write docs"
	$(RUN) -m benchmarks.peers $(ARGS)

SANITIZED := FAIRLEAD_BUILD=sanitize PYTHONPATH=build/sanitize/lib PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 \
    UBSAN_OPTIONS=print_stacktrace=1 LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so.6)"

# Captured at the level of Python only: a sanitizer writes its report to the process and ends it.
sanitize: sanitized ## the tests on a build with the address and undefined-behaviour sanitizers
	$(SANITIZED) $(PYTEST) --capture=sys --tape-length=$(SLOW_TAPE) \
	    $(wildcard tests/unit tests/property tests/contract tests/conformance tests/crash) $(ARGS)

sanitized: build
	FAIRLEAD_BUILD=sanitize $(RUN) setup.py -q build --build-base=build/sanitize --build-lib=build/sanitize/lib

fuzz: sanitized ## an hour of decoder, encoder and socket on the sanitized build; ARGS="--seconds 600 --seed 7", or targets
	$(SANITIZED) nice $(RUN) -m tests.fuzz $(ARGS)

tsan: build ## a loaded daemon under the thread sanitizer; ARGS="--seconds 300"
	FAIRLEAD_BUILD=thread $(RUN) setup.py -q build --build-base=build/thread --build-lib=build/thread/lib
	$(RUN) -m tests.races --modules build/thread/lib $(ARGS)

clean: ## remove what was built; .venv stays
	rm -rf build dist src/fairlead/v1 src/fairlead.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f $(PACKAGE)
	find $(wildcard src ext tests benchmarks build_tools) -name '*.so' -delete -o -name '*.pyc' -delete

distclean: clean ## remove .venv too
	rm -rf $(VENV)

$(RUN):
	build_tools/bootstrap.sh $(PYTHON) $(VENV)

$(DEPENDENCIES): pyproject.toml build_tools/requirements.py | $(RUN)
	@mkdir -p build
	$(RUN) build_tools/requirements.py > build/requirements.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -r build/requirements.txt
	@touch $@

$(PROTOCOL): $(PROTO_SOURCES) $(DEPENDENCIES)
	$(RUN) setup.py -q protocol

$(EXTENSION): $(EXT_SOURCES) setup.py $(DEPENDENCIES) | $(PROTOCOL)
	$(RUN) setup.py -q build_ext --inplace
	@touch $@

# An editable install: `import fairlead` and the command `fairlead` work from .venv and follow the sources.
$(PACKAGE): pyproject.toml setup.py $(DEPENDENCIES) | $(EXTENSION)
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(HINTS): $(EXT_SOURCES) setup.py build_tools/performance_hints.py $(DEPENDENCIES)
	$(RUN) build_tools/performance_hints.py
	@touch $@
