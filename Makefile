# The front door. Needs python3 (3.11 to 3.13) and make; everything else goes into .venv.

PYTHON ?= python3
PROFILE ?= quick
BIN := .venv/bin
INSTALLED := .venv/installed
PYTEST := $(BIN)/python -m pytest -n 2
WORKFLOW := $(BIN)/python workflow/run.py --quiet rules host --config

.DEFAULT_GOAL := help
.PHONY: help study plan status report share use verify pretrain smoke test test-slow test-slurm test-faults lint format notebooks figures answer lab clean data-medmnist data-ham10000 data-eyepacs data-chestxray14

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

study: $(INSTALLED)  ## Set up, and run the whole study on phantoms, offline; or PROFILE=params/mine.yaml, or with SEEDS=0,1,2
	@$(WORKFLOW) profile='$(PROFILE)' $(if $(SEEDS),seeds='$(SEEDS)')
ifeq ($(PROFILE)$(SEEDS),quick)
	@mkdir -p figures/quick results/quick
	@cp runs/quick/figures/*-seed* figures/quick/
	@cp runs/quick/figures/phantoms-* figures/
	@cd runs/quick/results && cp models.csv detection.csv *.csv.gz about.json ../../../results/quick/
	@$(BIN)/python -m helpers.show.answer
endif
	@echo "Done. Figures, results and executed notebooks are in the profile's folder in runs/ (make lab opens them)."

pretrain: $(INSTALLED)  ## Make weights/resnet50.npz anew: hours; a killed run goes on after its last epoch
	@HELPERS_PROGRESS_LINES=1 $(BIN)/python -m helpers.training.ship

plan: $(INSTALLED)  ## Print the models, jobs, time and disk space of PROFILE (with SEEDS); TIMINGS names a profile that ran
	@$(BIN)/python -m helpers.show.status --plan --profile '$(PROFILE)' $(if $(SEEDS),--seeds '$(SEEDS)') $(if $(TIMINGS),--timings '$(TIMINGS)')

status: $(INSTALLED)  ## Print how far the run of PROFILE (with SEEDS) is; WATCH=1 looks again every two seconds
	@$(BIN)/python -m helpers.show.status --profile '$(PROFILE)' $(if $(SEEDS),--seeds '$(SEEDS)') $(if $(WATCH),--watch)

report: $(INSTALLED)  ## Put figures, tables and timings of the finished run of PROFILE into one page, report.html in its folder
	@$(WORKFLOW) profile='$(PROFILE)' --report '$(CURDIR)/runs/$(basename $(notdir $(PROFILE)))/report.html'

share: $(INSTALLED)  ## Pack what notebooks 04, 06 and 07 need of RUN=runs/quick into one file; of one TASK; with MODELS=1, for 05, too
	@$(BIN)/python -m helpers.show.share '$(or $(RUN),runs/quick)' '$(notdir $(patsubst %/,%,$(or $(RUN),runs/quick))).zip' $(if $(TASK),--task '$(TASK)') $(if $(MODELS),--models)

use: $(INSTALLED)  ## Unpack the file of a shared run, RUN=quick.zip, into runs/
	@$(BIN)/python -m helpers.show.share --use '$(or $(RUN),quick.zip)'

verify: $(INSTALLED)  ## Compare the files of a finished run with its ro-crate-metadata.json; RUN=runs/quick
	@$(BIN)/python -m helpers.show.crate --verify '$(or $(RUN),runs/quick)'

smoke: $(INSTALLED)  ## Run the same path at its smallest (profile smoke); its numbers mean nothing
	@$(WORKFLOW) profile=smoke
	@echo "Done. Look at runs/smoke/."

test: $(INSTALLED)  ## Set up, and run the tests
	@$(PYTEST) -m "not slow and not slurm and not faults" --dist loadfile --no-loadscope-reorder

test-slow: $(INSTALLED)  ## Run the tests that train for minutes: what a small network learns from phantoms
	@$(PYTEST) -m slow --dist worksteal -o faulthandler_timeout=3600

test-slurm: $(INSTALLED)  ## Run a small study through Slurm, on a cluster of one node that the tests start; needs root
	@$(BIN)/python -m pytest -m slurm -n 0 -o faulthandler_timeout=3600

test-faults: $(INSTALLED)  ## Kill and disturb small runs, each fault at KILLS=10 moments, and see that the next one mends them
	@KILLS='$(KILLS)' $(PYTEST) -m faults --dist worksteal -o faulthandler_timeout=3600

lint: $(INSTALLED)  ## Check style and types of code and notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m mypy

format: $(INSTALLED)  ## Bring code and notebooks into style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

figures: $(INSTALLED)  ## Redraw figures/<profile> from the run of PROFILE; SO_FAR=1, if it goes on; of one SEED
	@$(BIN)/python -m helpers.show.figures --profile '$(PROFILE)' $(if $(SO_FAR),--so-far) $(if $(SEED),--seed '$(SEED)')

answer: $(INSTALLED)  ## Write the answer in README.md, figures/answer.png and summaries of results/, from RESULTS (folders in results/)
	@$(BIN)/python -m helpers.show.answer $(if $(RESULTS),--results $(RESULTS))

notebooks: $(INSTALLED)  ## Execute the notebooks in place with their defaults, as they are committed (after make study: minutes)
	@HELPERS_PROGRESS_LINES=0 $(BIN)/python -m jupyter nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.record_timing=False notebooks/*.ipynb

data-medmnist: $(INSTALLED)  ## Download DermaMNIST, RetinaMNIST and ChestMNIST to data/medmnist (SIZE=64, 128 or 224 pixels)
	@$(BIN)/python -m helpers.datasets.download medmnist --size $(or $(SIZE),64)

data-ham10000: $(INSTALLED)  ## Say how to get HAM10000, and whose terms to accept
	@$(BIN)/python -m helpers.datasets.download ham10000

data-eyepacs: $(INSTALLED)  ## Say how to get EyePACS, and whose terms to accept
	@$(BIN)/python -m helpers.datasets.download eyepacs

data-chestxray14: $(INSTALLED)  ## Say how to get ChestX-ray14, and whose terms to accept
	@$(BIN)/python -m helpers.datasets.download chestxray14

lab: $(INSTALLED)  ## Open the notebooks in JupyterLab
	@$(BIN)/python -m jupyter lab notebooks

clean:  ## Delete what make made: .venv, phantoms, runs of quick and smoke, caches
	rm -rf .venv runs/quick runs/smoke runs/_images .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("error: expected Python 3.11 to 3.13, which TensorFlow supports; %s is %d.%d. Name another: make PYTHON=python3.12 ..." % (sys.executable, *v))'
	@echo "Installing into .venv: about 3 GB and two minutes."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e .
	@touch $@
