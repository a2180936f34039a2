# What can be made. `make demo` and `make test` each do everything from a fresh clone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHARED ?= ../shared
SOURCES := setup.cfg pyproject.toml README.md $(shell find agent central models -type f -not -name '*.pyc')

DEMO_PACKAGES := mosquitto
TEST_PACKAGES := $(DEMO_PACKAGES) mosquitto-clients gpsd openssl systemd fiu-utils iproute2 \
	gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good python3-gi

.DEFAULT_GOAL := help
.PHONY: help demo test check unit integration faults power v4l2 wheel format translations bench train evaluate clean demo-packages test-packages

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: demo-packages $(VENV)/.installed ## Drive a patrol on this machine; ARGS="--images DIR --track FILE"
	$(BIN)/fidamia demo $(ARGS)

test: test-packages $(VENV)/.developed check ## Everything: lint, types, contracts, unit and integration tests
	$(BIN)/pytest

check: $(VENV)/.developed ## Lint, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.developed ## Unit tests
	$(BIN)/pytest tests/unit

integration: test-packages $(VENV)/.developed ## Tests against real programs
	$(BIN)/pytest tests/integration

faults: test-packages $(VENV)/.developed ## Cut everything at random, and count what is lost; CUTS=1000 SEED=1
	$(BIN)/python -m tests.system $(or $(CUTS),1000) $(or $(SEED),1)

power: .guest/initrd.gz $(VENV)/.developed ## Cut the power of a vehicle in a machine of its own; CUTS=20 SEED=1
	$(BIN)/python -m tests.system.power $(or $(CUTS),20) $(or $(SEED),1)

.guest/initrd.gz:
	@$(MAKE) --no-print-directory packages WANTED="qemu-system-x86 qemu-system-common busybox-static kmod openssl"
	mkdir -p .guest && cd .guest && sh ../tests/system/guest.sh linux-image-cloud-amd64

v4l2: .guest/v4l2/initrd.gz $(VENV)/.developed ## Read, unplug and plug in a V4L2 camera in a machine of its own
	$(BIN)/python -m tests.system.v4l2

.guest/v4l2/initrd.gz:
	@$(MAKE) --no-print-directory packages WANTED="qemu-system-x86 qemu-system-common busybox-static kmod"
	mkdir -p .guest/v4l2 && cd .guest/v4l2 && sh ../../tests/system/guest.sh linux-image-amd64 vivid

wheel: $(VENV)/.developed ## dist/fidamia_agent-*.whl
	rm -rf build dist *.egg-info
	$(BIN)/python -m build

format: $(VENV)/.developed ## Put the code in its common form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

translations: $(VENV)/.developed ## Collect new messages, and compile the French ones
	$(BIN)/pybabel -q extract -w 120 --no-location --sort-output --omit-header -k _ -k ngettext:1,2 -o agent/locale/fidamia.pot agent central
	$(BIN)/pybabel -q update -w 120 --no-fuzzy-matching --ignore-obsolete -D fidamia -i agent/locale/fidamia.pot -d agent/locale -l fr
	$(BIN)/pybabel -q compile -D fidamia -d agent/locale
	rm agent/locale/fidamia.pot

bench: demo-packages $(VENV)/.developed ## Measure; results in benchmarks/results/latest.json
	$(BIN)/python -m benchmarks

train: $(VENV)/.training ## Make models/defects from $(SHARED)/photos
	$(BIN)/python -m training train --photos $(SHARED)/photos --out models/defects

evaluate: $(VENV)/.developed ## Judge models/defects by what training left; ARGS="--photos DIR": by your streets
	$(BIN)/python -m training evaluate models/defects $(or $(ARGS),--predictions docs/model/defects/predictions.csv)

clean: ## Remove what was made
	rm -rf $(VENV) build dist *.egg-info .training .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# As a user would install it: a copy, which the developers' installation replaces and the other way round.
$(VENV)/.installed: $(SOURCES) | $(VENV)/bin/pip
	rm -rf build *.egg-info  # what was deleted since must not be installed again
	$(BIN)/pip install --quiet .
	rm -f $(VENV)/.developed
	touch $@

$(VENV)/.developed: setup.cfg pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	rm -f $(VENV)/.installed
	touch $@

$(VENV)/.training: setup.cfg | $(VENV)/.developed
	$(BIN)/pip install --quiet --editable '.[dev,train]'
	touch $@

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory packages WANTED=python3-venv
	$(PYTHON) -m venv $(VENV)

demo-packages:
	@$(MAKE) --no-print-directory packages WANTED="$(DEMO_PACKAGES)"

test-packages:
	@$(MAKE) --no-print-directory packages WANTED="$(TEST_PACKAGES)"

# Debian packages that are missing: with root or sudo they are installed, without they are named.
.PHONY: packages
packages:
	@missing=""; for package in $(WANTED); do \
		dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ]; then sudo=""; elif command -v sudo >/dev/null; then sudo=sudo; else \
		echo "These Debian packages are missing, and installing them needs root:$$missing"; exit 1; fi; \
	echo "Installing$$missing"; \
	$$sudo apt-get update -qq && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null
