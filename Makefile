# The commands a newcomer needs. Each sets up what is missing first.
#   make demo    a C++ master and a Python slave exchange messages both ways
#   make test    builds and runs all tests
#   make lint    formatting and lints
#   make bench   figures of this machine beside a baseline; a table, JSON and a plot
#   make instructions   the instructions of a write and a read, which no other load on the machine changes
#   make valgrind, make miri    the C programs and the lock-free parts under memory checkers
#   make models   the lock-free parts under a model checker
#   make capacity   the C tests at other capacities
#   make clean   removes what was built

export PATH := $(PATH):$(HOME)/.cargo/bin
BUILD := build
MAKEFLAGS += --no-print-directory

.PHONY: demo test lint bench instructions valgrind miri models capacity setup build clean

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
	python3 -m unittest discover -s py_compat/tests
	scripts/test_interop.sh

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet

bench: build
	python3 bench/run.py --build $(BUILD)
	ESHM_LOG=off ESHM_BENCH_OURS=$(CURDIR)/$(BUILD)/libeshm.so.1 ESHM_BENCH_BASELINE=$(CURDIR)/$(BUILD)/bench/baseline/libeshm.so.1 \
	    cargo bench --quiet --package eshm-bench --target-dir $(BUILD)/bench/rust

instructions: build
	scripts/count_instructions.sh $(BUILD)

valgrind: build
	scripts/check_valgrind.sh $(BUILD)

capacity: setup
	scripts/check_capacity.sh 1000 8192

miri:
	scripts/check_miri.sh

models:
	scripts/check_models.sh

clean:
	rm -rf $(BUILD) target
