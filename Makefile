# The two commands of the README are `make demo` and `make test`; the rest are their parts.
# Everything is installed by package name: Debian's packages, crates.io, PyPI.

CARGO ?= cargo
TOOLS := .tools
VENV  := .venv
DEMO_DIR ?= data/demo
PAGE  := dashboards/web
export PATH := $(CURDIR)/$(TOOLS)/bin:$(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: page page-check recordings test-packages demo demo-check test test-long fuzz check fmt clippy alone unit clients bench tools system-packages broker clean help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: system-packages $(VENV)/.ready ## build, start one node, create a small region and play a hospital into it
	$(CARGO) build --locked -p ajisai
	target/debug/ajisai demo --dir $(DEMO_DIR)

demo-check: system-packages $(VENV)/.ready ## play the region for a few seconds, run the printed commands, fail on a wrong answer
	test -x target/debug/ajisai || $(CARGO) build --locked -p ajisai
	directory=$$(mktemp -d) && target/debug/ajisai demo --dir $$directory/demo --check && rm -rf $$directory

# The demonstration comes last: it runs the binary that the tests built.
test: tools ## everything CI runs
	$(MAKE) check
	$(MAKE) unit
	$(MAKE) demo-check

check: fmt clippy alone page-check ## formatting, lints, each light room alone

fmt:
	$(CARGO) fmt --all --check

clippy: system-packages
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

# A workspace build unifies features and can hide an arrow that should not be there: each light room is checked alone.
alone: system-packages
	for room in model wire hl7v2 consent-filter ledger clinical fhirpath fhir-form; do $(CARGO) check --locked -p $$room || exit 1; done

unit: tools
	$(CARGO) test --workspace --locked
	$(CARGO) test --locked -p consent-filter --features planted --test planted

# `AJISAI_SEED`, `AJISAI_WORLDS` and `AJISAI_EVENTS` say from which seed on and how much; CONTRIBUTING.md how long it takes.
test-long: system-packages ## 10,000 worlds and a million events against the slow reference, every planted bug in them; HL7 and paths broken at length
	$(CARGO) test --release --locked -p consent-filter --test proof -- --ignored --nocapture the_long_run
	$(CARGO) test --release --locked -p consent-filter --features planted --test planted -- --ignored
	PROPTEST_CASES=20000 $(CARGO) test --release --locked -p hl7v2
	PROPTEST_CASES=20000 $(CARGO) test --locked -p ingest --lib ss_mix2::tests::laws
	PROPTEST_CASES=20000 $(CARGO) test --locked -p ingest --lib fhir::tests::laws
	PROPTEST_CASES=20000 $(CARGO) test --locked -p ingest --lib hl7::tests::a_message_with_broken_bytes
	$(MAKE) fuzz
	$(CARGO) test --workspace --locked --lib -- --ignored --nocapture the_long_rows

# `AJISAI_CTG_TRUE_SPEED=1` plays one more beside them at true speed, which takes its hour.
recordings: system-packages ## all forty recordings at once, each called what the analysis of its file calls it; twenty at sixty times
	AJISAI_CTG_ALL=1 $(CARGO) test --workspace --locked --test perinatal -- --nocapture recordings_played
	$(CARGO) test --workspace --locked --test perinatal -- --ignored --nocapture the_long_play

# Fuzzing needs a nightly toolchain and `cargo install cargo-fuzz --locked`. The property tests above ask the same of the same
# functions and run without them.
FUZZ_SECONDS ?= 60
fuzz: ## six fuzz targets for FUZZ_SECONDS each, where nightly and cargo-fuzz are installed; else it says that nothing was fuzzed
	@if $(CARGO) +nightly fuzz --version >/dev/null 2>&1; then \
		$(MAKE) -C ingest/hl7v2/fuzz run SECONDS=$(FUZZ_SECONDS) && $(MAKE) -C ingest/fuzz run SECONDS=$(FUZZ_SECONDS); \
	else \
		echo "NOTHING WAS FUZZED: it needs a nightly toolchain and cargo-fuzz (cargo install cargo-fuzz --locked)"; \
	fi

bench: system-packages ## optimised build, then the figures of docs/benchmarks.md
	$(CARGO) build --release --locked -p ajisai
	target/release/ajisai bench

tools: test-packages broker $(VENV)/.ready $(PAGE)/node_modules/.ready ## what only tests need: a Kafka-protocol broker, the Python clients, a browser

test-packages:
	@deploy/install-packages tests

system-packages:
	@deploy/install-packages

broker: $(TOOLS)/bin/nisshi

# A real Kafka-protocol broker for the log's contract suite. Debug build: a third of the optimised one's time.
$(TOOLS)/bin/nisshi: | system-packages
	CARGO_TARGET_DIR=$(TOOLS)/target $(CARGO) install nisshi --version 0.8.1 --locked --ignore-rust-version \
		--no-default-features --features dynostore,libsql --debug --root $(TOOLS)
	rm -rf $(TOOLS)/target

$(VENV)/.ready: tests/clients/requirements.txt | system-packages
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
	touch $@

$(PAGE)/node_modules/.ready: $(PAGE)/package.json $(PAGE)/package-lock.json | test-packages
	cd $(PAGE) && npm ci --no-audit --no-fund --loglevel=error
	touch $@

page: $(PAGE)/node_modules/.ready ## build the page that the binary carries (dashboards/web/dist, checked in)
	cd $(PAGE) && npm run --silent build

# The page is carried as it was checked in: is it what its sources give? Vite needs Node.js 20.19, which Debian 12 has not.
page-check: $(PAGE)/node_modules/.ready ## fail where the page that is checked in is not what its sources give
	@if node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'; then \
		directory=$$(mktemp -d) && cd $(PAGE) && npm run --silent build -- --outDir $$directory --emptyOutDir --logLevel error && \
			diff -r $$directory dist && rm -rf $$directory; \
	else \
		echo "THE PAGE WAS NOT BUILT AND COMPARED: it needs Node.js 20.19 or later, this is $$(node --version)"; \
	fi

clean: ## everything built or installed here
	rm -rf target $(TOOLS) $(VENV) $(PAGE)/node_modules data
