# SPDX-License-Identifier: GPL-2.0
#
# The front end: every target is done by scripts/tool, which scripts/bootstrap.sh builds first, on a machine without
# cargo after installing that.

TARGETS := run test apply revert patches kunit kcsan misorder bench bench-compare bench-baseline asm code build-cost \
	   drivers stress fuzz neighbours compile-fail conformance ledger model lint doc shell

.DEFAULT_GOAL := help
.PHONY: help clean new-driver $(TARGETS)

# One run at a time, also under make -j: the tool starts as many jobs as there are processors.
.NOTPARALLEL:

options := $(if $(KDIR),'--kdir=$(KDIR)') $(if $(RUSTC),'--rustc=$(RUSTC)') $(if $(CONFIG),'--config=$(CONFIG)') \
	   $(if $(SEED),'--seed=$(SEED)') $(if $(OPERATIONS),'--operations=$(OPERATIONS)') $(if $(MINUTES),'--minutes=$(MINUTES)') \
	   $(if $(FILTER),'--filter=$(FILTER)') $(if $(CASE),'--case=$(CASE)') $(if $(FUNC),'--func=$(FUNC)') \
	   $(if $(BASELINE),'--baseline=$(BASELINE)') $(if $(filter-out 0,$(VERBOSE)),--verbose)

$(TARGETS):
	@sh '$(CURDIR)/scripts/bootstrap.sh' $(options) $@

new-driver:
	@sh '$(CURDIR)/scripts/new-driver.sh' '$(NAME)'

# Through the tool if it is there, because that sees whether another run is at work.
clean:
	@if [ -x build/target/release/vma-tool ]; then \
		exec build/target/release/vma-tool --repo . --cargo cargo clean; \
	else \
		rm -rf build && echo 'build/ is gone'; \
	fi

help:
	@echo 'Targets (each ends in a line that scripts can read, and fails when it falls short):'
	@echo '  run           everything from a bare machine to the demo in a booted kernel'
	@echo '  test          every test there is, on x86_64, x86_64-debug, um and the two kernels of bench'
	@echo '  kunit         the KUnit suites on one kernel         [CONFIG=, FILTER=suite.test with * and ?]'
	@echo '  drivers       the sample drivers from user space     [CONFIG=, without it x86_64-debug, CASE=part of a name]'
	@echo '  stress        everything at once, for a million operations [CONFIG=, SEED=, OPERATIONS=]'
	@echo '  fuzz          random programs of safe calls, run in the kernel that watches [SEED=, MINUTES=]'
	@echo '  neighbours    Rust Binder and the mm: their own tests from the kernel tree, in a guest'
	@echo '  kcsan         the data race on the flags of a VMA, seen and avoided'
	@echo '  misorder      locks in the wrong order, reported     [CASE=part of a name]'
	@echo '  bench         the same work on VMAs in C and in Rust: instructions, and readers beside a writer'
	@echo '  bench-compare the primitives of make bench against those that were stored [BASELINE=]'
	@echo '  bench-baseline stores what they take now             [BASELINE=]'
	@echo '  asm           a function as it was compiled, in C and in Rust [CONFIG=, FUNC=primitive or part of a name]'
	@echo '  code          what Rust calls that C does not, what can panic, its stack and its size [CONFIG=]'
	@echo '  build-cost    what rustc takes for the kernel crate, with the overlay and without'
	@echo '  compile-fail  misuse that must not compile           [CONFIG=, CASE=part of a name]'
	@echo '  conformance   the lock tables of the kernel document against ours, cell by cell'
	@echo '  ledger        every unsafe with its argument and its tests, and the rules of the safe API'
	@echo '  model         the locking of several VMAs at once, in every order of steps, by spin'
	@echo '  lint          formatting, checkpatch, clippy, licence lines'
	@echo '  new-driver    a driver of your own in samples/rust/vma [NAME=]'
	@echo '  doc           the Rust documentation of the kernel crate'
	@echo '  shell         a shell in the booted kernel, with the demo at hand'
	@echo '  apply         puts the overlay into the tree'
	@echo '  revert        takes it out again, byte for byte'
	@echo '  patches       writes it as a series for git am into build/patches'
	@echo '  clean         removes build/, not the cache'
	@echo
	@echo 'Variables:'
	@echo '  KDIR=dir      a kernel tree of your own in place of the source package'
	@echo '  BASELINE=file what is compared with or stored; the default is scripts/bench/baseline.toml'
	@echo '  CONFIG=name   x86_64 (the default), x86_64-debug or um'
	@echo '  SEED=n        of the random numbers of make stress and make fuzz; the default is 1'
	@echo '  MINUTES=n     how long make fuzz goes on; the default is 30'
	@echo '  OPERATIONS=n  how much make stress does; the default is 1000000'
	@echo '  RUSTC=file    the rustc that builds the kernel; needs its rust-src'
	@echo '  NAME=name     of the driver that make new-driver creates'
	@echo '  VERBOSE=1     shows what the tools print'
	@echo '  VMA_CACHE=dir where downloads and compiler caches are kept, shared by all clones'
