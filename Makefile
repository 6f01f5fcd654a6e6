# Every job of CI is one of these targets, so a red job is reproduced by one command.
#
# REHULL_CACHE     if set, cargo builds into $REHULL_CACHE/target instead of ./target
# REHULL_TOOLBOX   where the binaries of etcd and Kubernetes are (default: the toolbox in the user's cache)

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/rehull
export REHULL_TOOLBOX ?= $(cache)/toolbox
# A live test that finds no etcd must not pass by doing nothing.
export REHULL_REQUIRE_TOOLBOX := 1
export REHULL_MOTO_SERVER ?= $(cache)/moto/bin/moto_server
ifneq ($(REHULL_CACHE),)
export CARGO_TARGET_DIR := $(REHULL_CACHE)/target
endif

# CI must build exactly what was committed; a developer may be in the middle of changing a dependency.
locked := $(if $(CI),--locked)
cargo_deny := $(cache)/tools/bin/cargo-deny --log-level error $(locked)
deny := $(cargo_deny) check

# Live tests mostly wait: one per core leaves half of the cores idle. The soak runs four at once on two of them.
LIVE_AT_ONCE ?= $(shell echo $$(($$(nproc) * 3 / 2)))

# Always of the whole workspace: one package alone has other features, and everything would be built twice.
cargo_test := cargo test $(locked) --workspace
# No process of another program.
quick_tests := --lib --bins --test it --test tidy --test sim --test terraform --test fuzz

# Built for their lints; `make bench` builds them again, optimised.
benches := --bench leader_stall --bench path --bench simulate --bench tfplan

# $(call phase,name,command): says when it starts, how long it took, and which phase failed. No comma in the command.
define phase
@echo "==> $(1)"; $(2) || { code=$$?; echo "==> $(1): failed after $$SECONDS s"; exit $$code; }; echo "==> $(1): $$SECONDS s"
endef

SEEDS ?= 1000000

FUZZ_SECONDS ?= 300
FUZZ_TOOLCHAIN ?= nightly
fuzz_targets := $(or $(TARGET),$(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))))
cargo_fuzz := PATH=$(cache)/tools/bin:$$PATH cargo +$(FUZZ_TOOLCHAIN) fuzz

.PHONY: help setup demo test test-toolbox test-build test-clippy test-terraform test-control-plane check soak sim fuzz bench gen clean fmt clippy tidy shell deny

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what the demo and the tests need, and say what
	@tools/setup.sh test
	@tools/toolbox.sh etcd

demo: ## upgrade a real three-member etcd cluster on this machine, under load
	@tools/setup.sh
	@tools/toolbox.sh etcd 3.5.33 3.6.14
	@echo "building rehull; the first time takes about 8 minutes on two cores"
	@cargo build $(locked) --bin rehull
	@cargo run -q $(locked) --bin rehull -- sandbox demo

test: ## all default tests on real binaries, formatting, lints and licences
	$(call phase,setup,tools/setup.sh)
	@$(MAKE) test-toolbox & toolbox=$$!; $(MAKE) test-build || { code=$$?; kill $$toolbox 2>/dev/null || true; exit $$code; }; wait $$toolbox
	$(call phase,shell,$(MAKE) shell)
	$(call phase,tests,$(cargo_test) $(quick_tests))
	$(call phase,modules,tools/terraform.sh test)
	$(call phase,counterparts,RUST_TEST_THREADS=$(LIVE_AT_ONCE) $(cargo_test) --test counterparts)
	$(call phase,live,RUST_TEST_THREADS=$(LIVE_AT_ONCE) $(cargo_test) --test live)
	$(call phase,deny,$(MAKE) deny)

# `test` runs them side by side, for a machine that has neither: the AWS SDK's largest crate leaves a core idle for minutes.
# Not by `make -j`: its jobserver would count the toolbox against cargo's jobs.
test-toolbox:
	$(call phase,toolbox,tools/setup.sh test && tools/toolbox.sh etcd)

test-build:
	$(call phase,fmt,$(MAKE) fmt)
	@if [[ -z "$${RUSTC_WORKSPACE_WRAPPER:-}" ]]; then $(MAKE) test-clippy; fi
	$(call phase,build,$(cargo_test) --no-run $(quick_tests) --test counterparts --test live $(benches))

# Where clippy is the compiler already (see .ci/run) it has nothing left to say.
test-clippy:
	$(call phase,clippy,$(MAKE) clippy)

test-terraform: ## terraform/ with the real AWS provider, and environments/dev with it against the sandbox, where it can be installed
	$(call phase,modules,tools/terraform.sh real)

test-control-plane: ## three real apiservers behind a load balancer, rolled under load; builds Kubernetes the first time, 10 to 20 minutes on two cores
	$(call phase,setup,tools/setup.sh test)
	$(call phase,toolbox,tools/toolbox.sh etcd && tools/toolbox.sh kubernetes)
	$(call phase,live,RUST_TEST_THREADS=1 $(cargo_test) --test live -- --ignored --nocapture control_plane::)

check: ## formatting, lints, walls, licences: no test that starts a process
	$(call phase,setup,tools/setup.sh check)
	$(call phase,fmt,$(MAKE) fmt)
	$(call phase,shell,$(MAKE) shell)
	$(call phase,clippy,$(MAKE) clippy)
	$(call phase,tidy,$(MAKE) tidy)
	$(call phase,deny,$(MAKE) deny)

soak: ## trouble at every simulated request; then the live matrix: version pairs, strategies, sizes, kills, sleepers (LEGS=part-of-a-name)
	$(call phase,setup,tools/setup.sh test)
	$(call phase,toolbox,tools/toolbox.sh etcd)
	$(call phase,simulated,$(cargo_test) --lib -- --ignored $(LEGS))
	$(call phase,soak,tools/soak.sh $(locked) -- $(LEGS))

sim: ## the stories of the release build, bad days in the simulator on all cores, every crash of every scenario, and what that touched (SEEDS=1000000, LEGS=part-of-a-name, SCENARIO=part-of-a-name)
	@cargo test --release $(locked) -p rehull-core --test sim -- every_scenario_tells_its_story the_same_seed_tells
	@REHULL_SIM_SEEDS=$(SEEDS) REHULL_SIM_SCENARIO=$(SCENARIO) cargo test --release $(locked) -p rehull-core --test sim -- --ignored --nocapture --test-threads 1 \
	  --skip tell_the_stories --skip what_is_open --skip a_seed_is_told $(LEGS)

fuzz: ## libFuzzer on everything that reads what others write; wants a nightly Rust (TARGET=name, FUZZ_SECONDS=300 for each)
	@tools/setup.sh fuzz
	@for target in $(fuzz_targets); do mkdir -p fuzz/corpus/$$target; $(cargo_fuzz) run $$target fuzz/corpus/$$target fuzz/seeds/$$target \
	  -- -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1; done

bench: ## simulated rollouts and ticks per second, small clusters and a large one; a Terraform plan of 100 MB; the ways of 150 clusters; replace the leader again and again, against the naive way; start-up and memory; about 15 minutes
	@tools/setup.sh
	@tools/toolbox.sh etcd 3.5.33 3.6.14
	@cargo bench $(locked) -p rehull-core --bench simulate
	@cargo bench $(locked) -p rehull-core --bench tfplan
	@cargo bench $(locked) -p rehull-core --bench path
	@cargo bench $(locked) --bench leader_stall

gen: ## write the generated references again (docs/reference, terraform/modules/*/README.md)
	@mkdir -p docs/reference
	@cargo run -q $(locked) --bin rehull -- schema > docs/reference/.cluster.schema.json
	@mv docs/reference/.cluster.schema.json docs/reference/cluster.schema.json
	@REHULL_GEN=1 cargo test -q $(locked) -p rehull-core --test terraform -- every_modules_readme the_rendered_file

clean: ## remove what was built here; the cache with the toolbox stays
	@cargo clean

# The parts of `check`, for when only one is wanted.

fmt:
	@cargo fmt --all --check
	@tools/terraform.sh fmt
	@rustfmt --check --config skip_children=true fuzz/src/lib.rs fuzz/fuzz_targets/*.rs

clippy:
	@cargo clippy $(locked) --workspace --all-targets -- -D warnings

tidy:
	@cargo test -q $(locked) --test tidy

# Shellcheck is on the hosted runners and a nicety elsewhere.
shell:
	@if command -v shellcheck >/dev/null; then shellcheck tools/*.sh .ci/run; else echo "shellcheck is not here: skipped"; fi

# Advisories need the database of today; without a network that is no reason for red, but it is said.
deny:
	@$(deny) licenses bans sources
	@$(cargo_deny) --manifest-path fuzz/Cargo.toml --config deny.toml check licenses bans sources
	@if timeout 60 $(cache)/tools/bin/cargo-deny --log-level off fetch db; then $(deny) --disable-fetch advisories; \
	else echo "advisories: skipped, the advisory database cannot be fetched from here"; fi
