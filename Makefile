# SPDX-License-Identifier: GPL-2.0
#
# The front end: scripts/tool does every target. scripts/bootstrap.sh builds it, and installs cargo first if there is none.

TARGETS := run test test-all matrix table try-next apply revert patches series-cut bisect-series kunit kunit-failing kcsan \
	   lockdep-test bench bench-binder bench-compare bench-baseline disasm codegen-check build-cost drivers stress fuzz selftests \
	   selftests-compare compile-fail bugs conformance coverage ledger model litmus lint doc shell gdb

.DEFAULT_GOAL := help
.PHONY: help clean htmldocs new-driver $(TARGETS)

# One run at a time, also under make -j: the tool starts as many jobs as there are processors.
.NOTPARALLEL:

options := $(if $(KDIR),'--kdir=$(KDIR)') $(if $(RUSTC),'--rustc=$(RUSTC)') $(if $(CONFIG),'--config=$(CONFIG)') \
	   $(if $(SEED),'--seed=$(SEED)') $(if $(OPERATIONS),'--operations=$(OPERATIONS)') $(if $(MINUTES),'--minutes=$(MINUTES)') \
	   $(if $(FILTER),'--filter=$(FILTER)') $(if $(CASE),'--case=$(CASE)') $(if $(FUNC),'--func=$(FUNC)') \
	   $(if $(PROGRAM),'--program=$(PROGRAM)') $(if $(MATRIX),'--matrix=$(MATRIX)') \
	   $(if $(RESULTS),'--results=$(RESULTS)') $(if $(SERIES),'--series=$(SERIES)') \
	   $(if $(BASELINE),'--baseline=$(BASELINE)') $(if $(filter-out 0,$(VERBOSE)),--verbose)

$(TARGETS):
	@sh '$(CURDIR)/scripts/bootstrap.sh' $(options) $@

# Fails for a warning about a document of ours. The kernel's other documents have some of their own.
htmldocs: apply
	@command -v sphinx-build >/dev/null || \
		{ echo 'error: sphinx-build is missing: as root, run: apt-get install python3-sphinx' >&2; exit 1; }
	@$(MAKE) -C '$(or $(KDIR),build/linux)' O='$(CURDIR)/build/htmldocs' SPHINXDIRS=mm htmldocs >build/logs/htmldocs.log 2>&1 || \
		{ tail -n 20 build/logs/htmldocs.log >&2; exit 1; }
	@! grep -E 'mm/(vma_rust|process_addrs_rust).*(WARNING|ERROR)' build/logs/htmldocs.log
	@echo 'documents: build/htmldocs/Documentation/output/mm/index.html'

new-driver:
	@sh '$(CURDIR)/scripts/new-driver.sh' '$(NAME)'

# By the tool, if it is built, because it knows whether another run uses build/.
clean:
	@if [ -x build/target/release/vma-tool ]; then \
		exec build/target/release/vma-tool --repo . --cargo cargo clean; \
	else \
		rm -rf build && echo 'build/ is gone'; \
	fi

help:
	@echo 'Targets (the last line of each is for scripts; the exit code is not 0 on a failure):'
	@echo '  run            installs and builds everything, then boots the demo'
	@echo '  test           what a change needs, on one kernel; unchanged suites are not repeated'
	@echo '  test-all       every suite on every kernel; TESTING.md lists them [MATRIX=]'
	@echo '  matrix         these suites as JSON, each with its tier and kernel [MATRIX=]'
	@echo '  table          adds results to the table of README.md [RESULTS=]'
	@echo '  kunit          KUnit suites on one kernel            [CONFIG=, FILTER=suite.test with * and ?]'
	@echo '  kunit-failing  KUnit suites with allocations that fail [CONFIG=, FILTER=, SEED=]'
	@echo '  drivers        sample drivers, tested from user space [CONFIG=, default x86_64-debug; CASE=]'
	@echo '  stress         all operations concurrently           [CONFIG=, SEED=, OPERATIONS=]'
	@echo '  fuzz           random programs of safe calls         [SEED=, MINUTES=]'
	@echo '  selftests      the kernel tree'"'"'s own tests of Rust Binder and the mm, in a guest'
	@echo '  selftests-compare  the same on a kernel without the overlay, test by test'
	@echo '  lockdep-test   lock orders that lockdep must report  [CASE=]'
	@echo '  kcsan          data races of Rust code, on a kernel that instruments it'
	@echo '  compile-fail   misuse that must not compile          [CONFIG=, CASE=]'
	@echo '  bugs           known bugs: what rustc, lockdep, KASAN, Clang and upstream'"'"'s API say to each'
	@echo '  conformance    the lock tables of process_addrs.rst compared with ours [CONFIG=]'
	@echo '  coverage       the C calls of drivers that have a safe call in Rust'
	@echo '  ledger         every unsafe with its argument and its tests'
	@echo '  model          interleavings of VMA locks, and of the calls of guards, explored by spin'
	@echo '  litmus         memory order of the VMA locks, by herd7 with the kernel'"'"'s model'
	@echo '  lint           formatting, checkpatch, clippy, licence lines'
	@echo '  bench          cost of each primitive, in C and in Rust; readers concurrent with a writer'
	@echo '  bench-binder   instructions of Rust Binder'"'"'s transactions, with typed VMAs and without'
	@echo '  bench-compare  primitives compared with the stored baseline [BASELINE=]'
	@echo '  bench-baseline stores the baseline                   [BASELINE=]'
	@echo '  codegen-check  calls, panics, stack and size of compiled code [CONFIG=]'
	@echo '  disasm         a function disassembled, in C and in Rust [CONFIG=, FUNC=primitive or part of a name]'
	@echo '  build-cost     the time that rustc takes for the kernel crate'
	@echo '  new-driver     creates a driver in samples/rust/vma  [NAME=]'
	@echo '  doc            the Rust documentation of the kernel crate'
	@echo '  htmldocs       the documents in Documentation/mm, built by Sphinx'
	@echo '  shell          a shell in a guest, or PROGRAM= run in it [CONFIG=, PROGRAM=static program or script]'
	@echo '  gdb            a kernel in gdb, which runs KUnit or a program [CONFIG=, default x86_64-debug; FILTER=, PROGRAM=]'
	@echo '  try-next       what breaks on the newest kernel of the archive, or of SERIES='
	@echo '  apply          applies the overlay to the tree'
	@echo '  revert         removes it, byte for byte'
	@echo '  patches        writes it as a series for git am --empty=drop to build/patches'
	@echo '  series-cut     finds out what of a file comes in a later patch, for patches; of SERIES=, what it cannot have'
	@echo '  bisect-series  builds and tests the kernel after each patch [CASE=part of its name, MATRIX=]'
	@echo '  clean          removes build/, but not the cache'
	@echo
	@echo 'Variables (a target refuses those that it does not take):'
	@echo '  CONFIG=name    x86_64 (default), x86_64-debug, um, arm64, ..., or a file: options that are added to x86_64, or a whole'
	@echo '                 .config of your own'
	@echo '  CASE=text      only tests whose name contains it'
	@echo '  SEED=n         seed of random numbers; default 1'
	@echo '  OPERATIONS=n   operations of make stress; default 1000000'
	@echo '  MINUTES=n      duration of make fuzz; default 30'
	@echo '  MATRIX=i/n     the i-th of n parts of the suites, or of the patches'
	@echo '  RESULTS=files  JSON of build/results, of any host and kernel'
	@echo '  NAME=name      name of the driver that make new-driver creates'
	@echo '  BASELINE=file  default scripts/bench/baseline.toml'
	@echo 'Variables of every target:'
	@echo '  KDIR=dir       a kernel tree of your own instead of the source package'
	@echo '  SERIES=n.n     another series of kernels of the archive, built in build/n.n'
	@echo '  RUSTC=file     the rustc that builds the kernel; it needs its rust-src'
	@echo '  VERBOSE=1      shows what the tools print'
	@echo '  VMA_CACHE=dir  downloads and compiler caches, shared by all clones'
