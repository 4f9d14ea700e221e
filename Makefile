# The commands a newcomer needs. Each sets up what is missing first.
#   make demo    a C++ master and a Python slave exchange messages both ways
#   make test    builds and runs all tests
#   make lint    formatting and lints
#   make panics  the host survives a panic in any function and in the service thread
#   make bench   figures of this machine beside a baseline; a table, JSON and a plot
#   make instructions   the instructions of a write and a read, which no other load on the machine changes
#   make valgrind, make miri    the C programs and the lock-free parts under memory checkers
#   make models   the lock-free parts under a model checker
#   make torture  kills peers at every step and at random instants, TORTURE_KILLS of each side over all runs (2000)
#   make slaves   two slaves in two pid namespaces, SLAVE_KILLS killed (2000), then SLAVE_STOPS stopped (300); as root
#   make soak     mixed traffic with kills, stops and restarts for SOAK_SECONDS (1200)
#   make races   processes that start at the same instant, 300 rounds of each pairing
#   make fuzz    the fuzz targets for FUZZ_SECONDS each (60), with AddressSanitizer
#   make asan, make tsan    the two-process tests under sanitizers
#   make abi     writes abi/libeshm.so.1.txt anew, after something was added (abi/README.md)
#   make doxygen   the reference of the headers, in build/doxygen/html; an undocumented name fails
#   make packages   the Debian packages, installed and tried in a fresh system where there is debootstrap
#   make wheel   the Python wheel, installed and tried in a fresh virtual environment of every Python that is installed
#   make check   the checkers of threads, memory, kills and packages, and a little of what is random, in about ten minutes:
#                a line for each and a table; not wheel, doxygen and capacity
#                make check NAME=STEP runs one of them
#   make mutants   breaks the library in MUTANTS places (48, or "all"); tests must notice 85 % of them
#   make advisories   known faults, licences and sources of all dependencies
#   make capacity   the C tests at other capacities
#   make clean   removes what was built

export PATH := $(PATH):$(HOME)/.cargo/bin
BUILD := build
TORTURE_KILLS ?= 2000
SLAVE_KILLS ?= 2000
SLAVE_STOPS ?= 300
SOAK_SECONDS ?= 1200
FUZZ_SECONDS ?= 60
# The library with its failpoints is built beside the normal one, in target/failpoints.
WITH_FAILPOINTS := RUSTFLAGS="--cfg eshm_failpoints"
MAKEFLAGS += --no-print-directory

.PHONY: demo test panics lint bench instructions valgrind asan tsan miri models fuzz torture slaves soak races abi doxygen packages wheel check mutants advisories capacity setup build clean

setup:
	@scripts/setup.sh

build: setup
	@cmake -S . -B $(BUILD)
	@cmake --build $(BUILD) --parallel 2

demo: build
	@scripts/demo.sh $(BUILD)

test: build
	ctest --test-dir $(BUILD) --output-on-failure
	cargo test --workspace --no-fail-fast
	cargo test --package eshm --features serde --test records_serde
	$(WITH_FAILPOINTS) cargo test --package eshm-torture --target-dir target/failpoints
	$(WITH_FAILPOINTS) cargo test --package eshm-processes --test overlap --test stopped_writers --test stopped_masters \
	    --test killed_deciders --test paused_deciders --test stopped_inside --target-dir target/failpoints
	target/failpoints/debug/torture kills --kills=50 --rounds=20
	target/failpoints/debug/torture slaves --kills=40 --stops=20 --capacity=65536
	@$(MAKE) panics
	python3 -m unittest discover -s py_compat/tests
	scripts/test_interop.sh
	scripts/test_records.py $(BUILD)
	scripts/test_examples.py $(BUILD)

panics: setup
	scripts/check_panics.sh

lint: setup
	scripts/check_versions.sh
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package eshm --features serde --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet --features serde

bench: build
	python3 bench/run.py --build $(BUILD)
	python3 bench/records.py --build $(BUILD)
	python3 bench/large.py --build $(BUILD)
	python3 py_compat/benchmarks/run.py --build $(BUILD)
	cargo build --quiet --release --package eshmctl
	python3 bench/onlookers.py --build $(BUILD)
	ESHM_LOG=off ESHM_BENCH_OURS=$(CURDIR)/$(BUILD)/libeshm.so.1 ESHM_BENCH_BASELINE=$(CURDIR)/$(BUILD)/bench/baseline/libeshm.so.1 \
	    cargo bench --quiet --package eshm-bench --target-dir $(BUILD)/bench/rust

instructions: build
	scripts/count_instructions.sh $(BUILD)

valgrind: build
	scripts/check_valgrind.sh $(BUILD)

asan: build
	scripts/check_asan.sh $(BUILD)

tsan: setup
	scripts/check_tsan.sh

check: setup
	@scripts/check.sh $(if $(filter command,$(word 1,$(origin NAME))),$(NAME))

mutants: setup
	scripts/check_mutants.py

advisories:
	scripts/check_advisories.sh

abi: build
	scripts/dump_abi.py $(BUILD)/libeshm.so.1 include >$(BUILD)/abi.txt
	mv $(BUILD)/abi.txt abi/libeshm.so.1.txt

doxygen: setup
	@cmake -S . -B $(BUILD) >/dev/null
	scripts/check_doxygen.sh $(BUILD)

wheel: build
	scripts/check_wheel.sh $(BUILD)

packages: setup
	scripts/check_packages.sh

capacity: setup
	scripts/check_capacity.sh 1000 8192

torture: setup
	$(WITH_FAILPOINTS) cargo build --quiet --release --package eshm-torture --target-dir target/failpoints
	target/failpoints/release/torture kills --kills=$(TORTURE_KILLS) --state=$(BUILD)/torture.json

slaves: setup
	cargo build --quiet --release --package eshm-torture
	target/release/torture slaves --kills=$(SLAVE_KILLS) --stops=$(SLAVE_STOPS)

soak: setup
	cargo build --quiet --release --package eshm-torture
	target/release/torture soak --seconds=$(SOAK_SECONDS)

races: setup
	ESHM_RACE_ROUNDS=300 cargo test --quiet --package eshm-processes --test start_races -- --nocapture

miri:
	scripts/check_miri.sh

models:
	scripts/check_models.sh

fuzz:
	scripts/check_fuzz.sh $(FUZZ_SECONDS)

clean:
	rm -rf $(BUILD) target
