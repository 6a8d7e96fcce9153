# `make` lists the targets. Nothing outside this folder is written but cargo's own caches.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-faults reliability soak check bench bench-kafka kafka kafka-3 kafka-down run-kafka clean tools

CARGO := cargo
# Warnings of ours fail the tests; the sources of others are not ours to mend.
STRICT := -D warnings
# `PROFILE=test make run` takes what `make test` has built.
PROFILE ?= release

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools:
	@missing() { echo "$$1 is missing; this installs it: $$2" >&2; exit 1; }; \
	command -v git >/dev/null || missing git "sudo apt-get install -y git"; \
	command -v cc >/dev/null && command -v c++ >/dev/null || missing "a C and C++ compiler" "sudo apt-get install -y build-essential"; \
	command -v perl >/dev/null || missing perl "sudo apt-get install -y perl"; \
	command -v $(CARGO) >/dev/null || missing Rust "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env"; \
	[ -z "$(filter test check,$(MAKECMDGOALS))" ] || $(CARGO) fmt --version >/dev/null 2>&1 || missing rustfmt "rustup component add rustfmt"; \
	[ -z "$(filter test check,$(MAKECMDGOALS))" ] || $(CARGO) clippy --version >/dev/null 2>&1 || missing clippy "rustup component add clippy"

run: tools ## builds, feeds the bundled sample, shows what is probably rerouted, runs until Ctrl-C
	@$(CARGO) build --profile $(PROFILE) --locked
	@exec $(CARGO) run --profile $(PROFILE) --locked --quiet -- run --sample

run-kafka: tools kafka ## what `run` does, on a real Kafka that it starts
	@$(CARGO) build --profile $(PROFILE) --locked
	@exec $(CARGO) run --profile $(PROFILE) --locked --quiet -- --set log.kind=kafka --set topics.replication_factor=1 \
	  --set log.kafka.bootstrap_servers=$$(scripts/kafka facts dev | sed 's/.*"bootstrap":"\([^"]*\)".*/\1/') run --sample

test: tools ## everything: format, lints, tests, documentation
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- $(STRICT)
	$(CARGO) test --locked -- --test-threads 4
	RUSTDOCFLAGS="$(STRICT)" $(CARGO) doc --locked --no-deps --document-private-items
	@for script in $(wildcard scripts/test-*); do echo "$$script"; "$$script" || exit 1; done

test-faults: tools ## half an hour of faults: services, brokers and feed killed and stopped; writes docs/reliability.md
	scripts/python scripts/reliability run faults

reliability: tools ## the same and those tests of the fault matrix that `make test` runs too
	scripts/python scripts/reliability run quick faults

soak: tools ## an hour at half load with faults now and then; draws docs/soak.svg, writes docs/reliability.md
	scripts/python scripts/reliability run soak; held=$$?; scripts/soak-plot; exit $$held

check: tools ## the quick loop: format, lints, unit tests
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- $(STRICT)
	$(CARGO) test --locked --lib

bench: tools ## speed, as ratios within one run
	$(CARGO) bench --locked --bench speed

bench-kafka: tools ## the same on a real Kafka that it starts: beside a bare loop of librdkafka, and beside Kafka Streams
	$(CARGO) bench --locked --bench kafka

kafka: ## starts an Apache Kafka for trying things: one node on a free loopback port, in the background
	@scripts/kafka say dev

kafka-3: ## the same with three nodes
	@scripts/kafka say dev-3 --brokers 3

kafka-down: ## ends what `make kafka` and `make kafka-3` started, and removes its data
	@scripts/kafka down dev
	@scripts/kafka down dev-3

clean: kafka-down ## removes what was built, and the embedded log of `make run`
	$(CARGO) clean
	rm -rf var
