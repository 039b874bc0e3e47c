# Two commands: `make all` builds the whole study, `make test` checks it. `make help` lists the rest.
# PRESET, ONLY and PARAMS choose what runs: make chapters ONLY=05_probing PRESET=ynat PARAMS="-p k 64"

PRESET ?= default
ONLY ?=
SAE ?=
PARAMS ?=
PYTHON ?=
RUN := .venv/bin/python

# What a goal would silently leave out is refused before anything runs.
GOAL := $(firstword $(filter all site pdf pages reference verify plan,$(MAKECMDGOALS)))
ifneq ($(filter all site pdf pages reference,$(GOAL)),)
  ifneq ($(filter -p%,$(PARAMS)),)
    $(error KoSAE: make $(GOAL) takes the parameters of a preset, not of PARAMS: put them into a file and say PRESET=/path/to/mine.yaml, or run make chapters)
  endif
endif
ifeq ($(GOAL),verify)
  ifneq ($(strip $(PARAMS)),)
    $(error KoSAE: make verify runs a preset as it was when its reference was made: leave out PARAMS)
  endif
endif
ifeq ($(GOAL),plan)
  ifneq ($(strip $(ONLY)),)
    $(error KoSAE: make plan is made for all chapters of a preset: leave out ONLY)
  endif
endif

.DEFAULT_GOAL := help
.PHONY: help all env chapters plan pages book site pdf test test-all lint verify reference claims explorer serve data bench lock clean clean-env

help: ## this list
	@awk -F ':.*## ' '/^[a-z -]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  PRESET=smoke|default|full|full10|full20|ynat|keat|hate|ud|exaone|exaone_early|gpt2|phi3|mistral  ONLY=05_probing  PARAMS="-p k 64"  PYTHON=python3.12'

all: pages ## environment, chapters, both sites, both PDFs, the explorer
	@$(RUN) -m pipeline.build --preset "$(PRESET)" && $(RUN) -m explorer.build --book --preset "$(PRESET)"

# PYTHON, else the environment's own, else the first Python that is new enough, else python3, which will complain.
env:
	@python="$(PYTHON)"; \
	if [ -z "$$python" ] && [ -f .venv/kosae-stamp ] && [ -x .venv/bin/python ]; then python=.venv/bin/python; fi; \
	if [ -z "$$python" ]; then \
	  for python in python3 python3.14 python3.13 python3.12 python3.11 python python3; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && break; \
	  done; \
	fi; \
	command -v "$$python" >/dev/null 2>&1 || { echo "KoSAE: there is no $$python; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3." >&2; exit 1; }; \
	"$$python" pipeline/bootstrap.py

chapters: env ## execute the chapters that changed
	@$(RUN) -m pipeline.execute --preset "$(PRESET)" $(if $(ONLY),--only "$(ONLY)") $(PARAMS)

plan: env ## what a preset would need in memory, disk and time; runs nothing
	@$(RUN) -m pipeline.plan --preset "$(PRESET)" $(PARAMS)

pages: chapters
	@$(RUN) -m pipeline.weave --preset "$(PRESET)"

site pdf: all ## the same as all; what did not change is not built again

test: env ## all tests but a few that take minutes
	@$(RUN) -m pytest

test-all: env ## those too
	@KOSAE_SLOW=1 $(RUN) -m pytest

lint: env ## ruff, on everything
	@$(RUN) -m ruff check . && $(RUN) -m ruff format --check .

verify: env ## run everything again and compare with the reference numbers
	@$(RUN) -m pipeline.verify --preset "$(PRESET)" $(if $(ONLY),--only "$(ONLY)")

reference: chapters ## make this run's numbers the reference
	@$(RUN) -m pipeline.verify --preset "$(PRESET)" --reference $(if $(ONLY),--only "$(ONLY)") && $(RUN) -m pipeline.readme

claims: env ## hold what the earlier studies found against the reference numbers
	@$(RUN) -m pipeline.claims

explorer: env ## the features of another SAE: make explorer SAE=gated-b3.resid-post-... (a minute; then kept)
	@$(RUN) -m explorer.build --preset "$(PRESET)" $(if $(SAE),--sae "$(SAE)") $(PARAMS)

serve: env ## the book and the live explorer at http://127.0.0.1:8000
	@$(RUN) -m explorer.serve --preset "$(PRESET)" $(PARAMS)

data: env ## fetch a corpus: make data CORPUS=keat
	@$(RUN) -m pipeline.fetch_data $(CORPUS)

bench: env ## run the measurements of benchmarks/
	@for file in benchmarks/*.py; do echo "$$file"; $(RUN) "$$file" || exit 1; done

lock: env ## write requirements.lock from .venv
	@$(RUN) -m pipeline.lock

clean: ## remove what was built (not .venv, fetched corpora, or what an LLM answered)
	rm -rf pages-ko pages-en _site
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name store ! -name corpora -exec rm -rf {} +; fi
	@if [ -d build/store ]; then find build/store -mindepth 1 -maxdepth 1 ! -name 'answers.sqlite*' -exec rm -rf {} +; fi

clean-env: ## remove .venv
	rm -rf .venv
