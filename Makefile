# make video   renders the demo song with the demo model; SONG= CHECKPOINT= LYRICS= PROMPT= OUT= to use yours
# make check   lint, types and the fast tests: three minutes
# make test    runs everything that can run on this machine

PYTHON ?= python3
OUT ?= out/video.mp4
SONG ?= demo
VENV := .venv
RUN := $(VENV)/bin/python
# torch asks for new memory in every layer, and the kernel hands it out page by page: with glibc, keep it, in huge pages.
GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=100000000000
export GLIBC_TUNABLES
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --constraint headless/constraints.txt

.PHONY: video check lint types web fast test clean

video: $(VENV)/.headless
	$(RUN) -m headless render "$(SONG)" --out "$(OUT)" \
	  $(if $(CHECKPOINT),--checkpoint "$(CHECKPOINT)") $(if $(LYRICS),--lyrics "$(LYRICS)") \
	  $(if $(PROMPT),--prompt "$(PROMPT)") $(ARGS)

check: $(VENV)/.tests
	@$(MAKE) --no-print-directory -j 2 lint types web fast

lint: $(VENV)/.tests
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

# The clone's folder may have any name: the type checker finds the pack as `songreel` through a link.
types: $(VENV)/.tests
	@mkdir -p $(VENV)/link
	@ln -sfn "$(CURDIR)" $(VENV)/link/songreel
	cd $(VENV)/link && MYPYPATH=. ../bin/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache \
	  -p songreel.nodes -p songreel.headless

# package.json names ESLint and TypeScript, which are for development only.
web:
	@if command -v npm >/dev/null; then \
	  { test -d node_modules || npm ci --silent; } && npm run --silent check && echo "web/js: clean"; \
	else \
	  echo "*** NOT CHECKED: web/js, since there is no npm. Install Node.js 20.19 or newer. ***"; \
	fi

fast: $(VENV)/.tests
	$(RUN) -m pytest -q -m "not slow and not comfyui" $(ARGS)

test: lint
	$(RUN) -m pytest $(ARGS)

$(VENV)/.headless: requirements.txt requirements-faces.txt headless/requirements.txt headless/constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) else "Python 3.10 to 3.13 is needed, this is %d.%d; choose another with make PYTHON=python3.12" % v)'
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the headless host needs into $(VENV) (once, a few minutes) ..."
	$(PIP) -r headless/requirements.txt
	$(PIP) --no-deps -r requirements-faces.txt
	@touch $@

$(VENV)/.tests: $(VENV)/.headless tests/requirements.txt
	$(PIP) -r tests/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) out node_modules .mypy_cache
