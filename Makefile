# aiotrace. `make help` lists the targets; all results are below build/.
#
#   V=1                     show the commands
#   SAN=address,undefined   C++ under sanitizers, in a build directory of its own
#   WERROR=0 or 1           do warnings stop the build? Default: only those of GCC 12, with which it is developed
#   JOBS=N                  parallel jobs (default: one for each core)
#   ARGS='…'                for check and test: names or tags of the test cases to run; for bench and accuracy: options

CXX ?= g++
CC ?= gcc
ifeq ($(origin CXX),default)
CXX := g++
endif
ifeq ($(origin CC),default)
CC := gcc
endif
BPF_CLANG ?= clang
PYTHON ?= python3
PREFIX ?= /usr/local
DESTDIR ?=
# A newer compiler has more warnings, some of them false: they must not prevent a build.
WERROR ?= $(if $(filter 12 12.%,$(shell $(CXX) -dumpversion 2>/dev/null)),1,0)
SAN ?=
V ?= 0
ARGS ?=

JOBS ?= $(shell nproc 2>/dev/null || echo 1)
ifeq ($(MAKELEVEL)$(filter -j% --jobs%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

comma := ,
BUILD := build
OUT := $(BUILD)$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))

ifeq ($(V),1)
Q :=
msg = @:
else
Q := @
msg = @printf '  %-8s %s\n' '$(1)' '$(2)'
endif

# ---- Sources ----------------------------------------------------------------------------------------------------------

LIB_SOURCES := $(filter-out user/main.cpp,$(sort $(shell find user -name '*.cpp' 2>/dev/null)))
LIB_OBJECTS := $(LIB_SOURCES:%.cpp=$(OUT)/obj/%.o)
MAIN_OBJECT := $(OUT)/obj/user/main.o

TIERS := unit native fuzz root
# The root tier has helpers of its own beside it; libFuzzer has a main of its own.
tier_sources = $(filter-out %/libfuzzer.cpp,$(sort $(shell find tests/$(1) $(if $(filter root,$(1)),tests/support) -name '*.cpp' -o -name '*.c' 2>/dev/null)))
tier_objects = $(addprefix $(OUT)/obj/,$(addsuffix .o,$(basename $(call tier_sources,$(1)))))
TEST_BINARIES := $(TIERS:%=$(OUT)/tests/%)
CATCH_MAIN := $(OUT)/obj/tests/catch_main.o
# Loads what each clang made, in the tier vm.
LOADER := $(OUT)/tests/loader
LOADER_OBJECT := $(OUT)/obj/tests/vm/loader.o

# Loaded on their own, when they are needed.
ALONE := off_since origin steps
BPF_SOURCES := $(filter-out $(ALONE:%=bpf/%.bpf.c),$(sort $(wildcard bpf/*.bpf.c)))
# The file that defines the maps comes first: libbpf 1.1 links externs met earlier to offset 0.
BPF_OBJECTS := $(sort $(BPF_SOURCES:%.bpf.c=$(BUILD)/%.bpf.o))
BPF_OBJECTS := $(filter %/maps.bpf.o,$(BPF_OBJECTS)) $(filter-out %/maps.bpf.o,$(BPF_OBJECTS))
SKELETONS := $(BUILD)/gen/aiotrace.skel.h $(foreach x,$(ALONE),$(if $(wildcard bpf/$(x).bpf.c),$(BUILD)/gen/$(x).skel.h))

# ---- Flags ------------------------------------------------------------------------------------------------------------

MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPFTOOL ?= $(shell tools/find_bpftool.sh)
WERROR_FLAG := $(if $(filter 1,$(WERROR)),-Werror)

INCLUDES := -I user -I bpf -I $(BUILD)/gen
CPPFLAGS ?=
CXXFLAGS ?= -O2 -g
CFLAGS ?= -O2 -g
LDFLAGS ?=
# GCC 12 reports false overlaps in std::string's operator+ (its bug 105329).
WARNINGS := -Wall -Wextra -Wshadow -Wno-restrict $(WERROR_FLAG)
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
# aiotrace runs with rights next to programs of strangers, so it uses all protections of the compiler against exploits.
# Not in quick builds without optimisation, which _FORTIFY_SOURCE needs. tools/check_hardening.py checks the result.
HARDEN := $(if $(findstring -O0,$(CXXFLAGS)),,-fPIE -fstack-protector-strong -fcf-protection \
  $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
HARDEN_LINK := -Wl,-z,relro,-z,now,-z,noexecstack
# fmt is taken from its headers: the program then runs where another version of libfmt.so is installed, or none.
ALL_CPPFLAGS = $(INCLUDES) -DFMT_HEADER_ONLY -MMD -MP $(CPPFLAGS)
ALL_CXXFLAGS = -std=c++23 $(WARNINGS) $(SAN_FLAGS) $(HARDEN) $(CXXFLAGS)
# The C code also runs as BPF, whose loads need no alignment.
ALL_CFLAGS = -std=gnu11 -Wall -Wextra $(WERROR_FLAG) $(SAN_FLAGS) $(if $(SAN),-fno-sanitize=alignment) $(CFLAGS)
# Tests are compiled often and run briefly; CHECK is easier to debug without optimisation.
TEST_CXXFLAGS ?= -O1 -g
# Under ASan GCC 12 takes what is in std::regex for uninitialized (its bug 105562).
TEST_WARNINGS := $(if $(findstring address,$(SAN)),-Wno-maybe-uninitialized)
LDLIBS ?= -lbpf -ldw -lelf -lz -lzstd -llzma -lseccomp -lncursesw -ltinfo -levent_extra -levent_core
TEST_LDLIBS ?= $(if $(wildcard /usr/include/catch2/catch_all.hpp /usr/local/include/catch2/catch_all.hpp),-lCatch2)

BPF_CPU ?= v3
BPF_ARCH := x86# the one that bpf/lib/arch.bpf.h knows
BPF_FLAGS := -target bpf -mcpu=$(BPF_CPU) -g -O2 -D__TARGET_ARCH_$(BPF_ARCH) -Wall $(WERROR_FLAG) -fdebug-prefix-map=$(CURDIR)=. \
  -I bpf $(if $(MULTIARCH),-idirafter /usr/include/$(MULTIARCH))

# ---- What to make -----------------------------------------------------------------------------------------------------

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: all help gen bpf tests setup check check-vm soak services check-deb deb wheel check-wheel fuzz test test-all test-fresh noise-test demo bench accuracy lint format install clean static

all: $(OUT)/aiotrace ## build build/aiotrace (the default)

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@awk '/^#   [A-Z]+=/ { sub(/^#   /, ""); printf "  %s\n", $$0 }' $(firstword $(MAKEFILE_LIST))

# A change of flags or of the list of files rebuilds the files that depend on it. The files below are written only when
# their content changes, so a second make finds nothing to do.
STAMPED := cxx bpf
STAMP_cxx := $(CXX) $(CC) $(ALL_CPPFLAGS) $(ALL_CXXFLAGS) $(ALL_CFLAGS) $(TEST_CXXFLAGS) $(LDFLAGS) $(LDLIBS) $(TEST_LDLIBS)
STAMP_bpf := $(BPF_CLANG) $(BPF_FLAGS)
ifneq ($(filter-out help clean setup format,$(or $(MAKECMDGOALS),all)),)
define stamp
ifneq ($$(file <$(1)),$(2))
$$(shell mkdir -p $(dir $(1)))
$$(file >$(1),$(2))
endif
endef
$(eval $(call stamp,$(OUT)/stamps/cxx,$$(strip $$(STAMP_cxx))))
$(eval $(call stamp,$(BUILD)/stamps/bpf,$$(strip $$(STAMP_bpf))))
$(eval $(call stamp,$(BUILD)/stamps/syscalls,from: $$(CC)))
$(eval $(call stamp,$(OUT)/stamps/lib,from: $$(LIB_OBJECTS)))
$(eval $(call stamp,$(BUILD)/stamps/bpf_objects,from: $$(BPF_OBJECTS)))
$(foreach t,$(TIERS),$(eval $(call stamp,$(OUT)/stamps/$(t),from: $(call tier_objects,$(t)))))
endif

# Reports in one line what is missing, before a compiler reports it in a hundred.
$(BUILD)/stamps/setup: tools/packages.txt
	@mkdir -p $(@D)
	@tools/setup.sh --check build
	@touch $@

DIRS := $(sort $(dir $(LIB_OBJECTS) $(MAIN_OBJECT) $(CATCH_MAIN) $(LOADER_OBJECT) $(TEST_BINARIES) $(BPF_OBJECTS) $(SKELETONS) \
  $(foreach t,$(TIERS),$(call tier_objects,$(t)))) $(BUILD)/bpf/)
$(DIRS):
	@mkdir -p $@

# ---- BPF --------------------------------------------------------------------------------------------------------------

# What to do about a stall: a table that anyone can extend, and its examples for the tests.
ADVICE := $(BUILD)/gen/advice_rules.gen.h $(BUILD)/gen/advice_examples.gen.h

# The pages of --html: markup, style and scripts become one header.
PAGE := $(BUILD)/gen/page.gen.h

# Names and numbers of the system calls, of the machine that is compiled for.
SYSCALLS := $(BUILD)/gen/syscalls.gen.h

gen: $(SKELETONS) $(ADVICE) $(PAGE) $(SYSCALLS)

bpf: $(BUILD)/bpf/aiotrace.linked.o $(ALONE:%=$(BUILD)/bpf/%.bpf.o)

$(PAGE): $(wildcard user/output/page/web/*) bpf/abi/causes.def tools/gen_page.py tools/causes.py | $(BUILD)/gen/
	$(call msg,GEN,$@)
	$(Q)$(PYTHON) tools/gen_page.py user/output/page/web $@

$(SYSCALLS): tools/gen_syscalls.py $(BUILD)/stamps/syscalls | $(BUILD)/gen/ $(BUILD)/stamps/setup
	$(call msg,GEN,$@)
	$(Q)$(PYTHON) tools/gen_syscalls.py $@ $(CC)

$(ADVICE) &: user/model/advice.table bpf/abi/causes.def tools/gen_advice.py tools/causes.py | $(BUILD)/gen/
	$(call msg,GEN,$(ADVICE))
	$(Q)$(PYTHON) tools/gen_advice.py $< $(ADVICE)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(BUILD)/stamps/bpf | $(BUILD)/bpf/ $(BUILD)/stamps/setup
	$(call msg,BPF,$@)
	$(Q)$(BPF_CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/bpf/aiotrace.linked.o: $(BPF_OBJECTS) $(BUILD)/stamps/bpf_objects
	$(call msg,BPF-LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $(BPF_OBJECTS)

$(BUILD)/gen/aiotrace.skel.h: $(BUILD)/bpf/aiotrace.linked.o | $(BUILD)/gen/
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name aiotrace_bpf > $@

$(ALONE:%=$(BUILD)/gen/%.skel.h): $(BUILD)/gen/%.skel.h: $(BUILD)/bpf/%.bpf.o | $(BUILD)/gen/
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# ---- C++ --------------------------------------------------------------------------------------------------------------

$(OUT)/obj/user/%.o: user/%.cpp $(OUT)/stamps/cxx | $(DIRS) $(BUILD)/stamps/setup
	$(call msg,CXX,$@)
	$(Q)$(CXX) $(ALL_CPPFLAGS) $(ALL_CXXFLAGS) -c $< -o $@

# Order only: once they are there, the .d files know which of them is really included.
$(filter $(OUT)/obj/user/probe/%,$(LIB_OBJECTS)): | $(SKELETONS)
$(OUT)/obj/user/model/advice.o $(OUT)/obj/tests/unit/advice_test.o: | $(ADVICE)
$(OUT)/obj/user/output/page/page.o: | $(PAGE)
$(OUT)/obj/user/machine/here.o: | $(SYSCALLS)

$(OUT)/libaiotrace.a: $(LIB_OBJECTS) $(OUT)/stamps/lib
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(LIB_OBJECTS)

$(OUT)/aiotrace: $(MAIN_OBJECT) $(OUT)/libaiotrace.a
	$(call msg,LINK,$@)
	$(Q)$(CXX) $(SAN_FLAGS) -pie $(HARDEN_LINK) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Libraries that the static libelf and libdw need. The same objects without debug information, which build/aiotrace has.
LIBEU := $(OUT)/static/libeu.a
STATIC_LDLIBS ?= -lbpf -ldw $(LIBEU) -lelf -lz -llzma -lbz2 -lzstd -lseccomp -lncursesw -ltinfo -levent_extra -levent_core

static: ## build build/static/aiotrace, one stripped file that needs no shared library
	@tools/setup.sh build static
	@$(MAKE) $(OUT)/static/aiotrace

$(LIBEU): tools/static/eu_search.c | $(BUILD)/stamps/setup
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra $(WERROR_FLAG) -c $< -o $(@D)/eu_search.o && rm -f $@ && ar rcs $@ $(@D)/eu_search.o

$(OUT)/static/aiotrace: $(MAIN_OBJECT) $(OUT)/libaiotrace.a $(LIBEU)
	$(call msg,LINK,$@)
	$(Q)$(CXX) -static-pie -s $(HARDEN_LINK) $(LDFLAGS) -o $@ $^ $(STATIC_LDLIBS)

# ---- Tests ------------------------------------------------------------------------------------------------------------

# Targets in C: for the root tier.
PROGRAMS := $(patsubst tests/programs/%.c,$(BUILD)/programs/%,$(wildcard tests/programs/*.c))

tests: $(TEST_BINARIES) $(LOADER) $(PROGRAMS)

$(BUILD)/programs/%: tests/programs/%.c | $(BUILD)/stamps/setup
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -g -Wall -Wextra $(WERROR_FLAG) -pthread $< -o $@

# Catch2 is the largest part of every test file: compiled once, and included first everywhere, since GCC takes X.gch for X
# only before the first declaration.
CATCH_PCH := $(OUT)/pch/tests/catch.h.gch
CATCH_FIRST = -include $(OUT)/pch/tests/catch.h
$(CATCH_MAIN): CATCH_FIRST :=  # it sets Catch2's switches before it includes it

$(CATCH_PCH): tests/catch.h $(OUT)/stamps/cxx | $(BUILD)/stamps/setup
	$(call msg,PCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(ALL_CPPFLAGS) -I . $(ALL_CXXFLAGS) $(TEST_CXXFLAGS) $(TEST_WARNINGS) -x c++-header $< -o $@

$(OUT)/obj/tests/%.o: tests/%.cpp $(CATCH_PCH) $(OUT)/stamps/cxx | $(DIRS) $(BUILD)/stamps/setup
	$(call msg,CXX,$@)
	$(Q)$(CXX) $(CATCH_FIRST) $(ALL_CPPFLAGS) -I . $(ALL_CXXFLAGS) $(TEST_CXXFLAGS) $(TEST_WARNINGS) -c $< -o $@

$(OUT)/obj/tests/%.o: tests/%.c $(OUT)/stamps/cxx | $(DIRS) $(BUILD)/stamps/setup
	$(call msg,CC,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) -I . $(ALL_CFLAGS) -c $< -o $@

define tier_rule
$(OUT)/tests/$(1): $(call tier_objects,$(1)) $(CATCH_MAIN) $(OUT)/libaiotrace.a $(OUT)/stamps/$(1) | $(OUT)/tests/
	$$(call msg,LINK,$$@)
	$$(Q)$$(CXX) $$(SAN_FLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) $$(LDLIBS) $$(TEST_LDLIBS)
endef
$(foreach t,$(TIERS),$(eval $(call tier_rule,$(t))))

$(LOADER): $(LOADER_OBJECT) $(OUT)/libaiotrace.a | $(OUT)/tests/
	$(call msg,LINK,$@)
	$(Q)$(CXX) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)

# The root tier starts the program itself.
$(OUT)/tests/root: | $(OUT)/aiotrace $(PROGRAMS)

# Sanitizers make the program some times slower.
RUN_TESTS = $(if $(SAN),AIOTRACE_TIER_TIMEOUT=$${AIOTRACE_TIER_TIMEOUT:-7200} )AIOTRACE_BINARY=$(OUT)/aiotrace V=$(V) $(PYTHON) tools/run_tests.py

check: $(OUT)/aiotrace $(OUT)/tests/unit $(OUT)/tests/native $(OUT)/tests/fuzz ## run the tests that need no root
	@$(RUN_TESTS) tools=tools/run_unittests.py $(foreach t,unit native fuzz,$(t)=$(OUT)/tests/$(t)) -- $(ARGS)

# One recipe, so that the set-up comes before its results are used. test-all differs by the variables that it sets: each
# tier has a short form.
test test-all: BEGAN := $(shell date +%s)
test-all: export AIOTRACE_TEST_ALL := 1
test-all: TEST_FUZZ_SECONDS := 60
FRESH_TIERS := fresh=tests/fresh/run wheel=tests/fresh/wheel
test-all: MORE_TIERS := $(if $(SAN),,$(FRESH_TIERS))
test: ## set up, build, run every test that this machine can run; what does not depend on the Python, on four of them
test-all: ## the same with every test on every Python, and longer
test test-all:
	@tools/setup.sh build test
	@tools/setup.sh vm || echo "make $@: without the tier vm"
	@tools/setup.sh fuzz || echo "make $@: without the tier libfuzzer"
	@tools/get_pythons.sh
	@tools/get_free_threaded.sh
	@tools/get_venvs.sh $(if $(AIOTRACE_TEST_ALL),--services)
	@tools/get_kernels.sh
	@tools/get_clangs.sh $(if $(AIOTRACE_TEST_ALL),--all)
	@$(MAKE) all tests
	@! command -v $(FUZZ_CXX) >/dev/null || $(MAKE) $(BUILD)/fuzz/aiotrace-fuzz
	@[ -z "$(MORE_TIERS)" ] || { tools/setup.sh fresh && $(MAKE) wheel; } || echo "make $@: without the tiers fresh and wheel"
	@AIOTRACE_TEST_BEGAN=$(BEGAN) FUZZ_SECONDS=$(TEST_FUZZ_SECONDS) $(RUN_TESTS) tools=tools/run_unittests.py $(foreach t,$(TIERS),$(t)=$(OUT)/tests/$(t)) libfuzzer=tests/fuzz/run accuracy=tools/accuracy/run soak=tests/soak/run services=tests/services/run vm=tests/vm/run $(MORE_TIERS) -- $(ARGS)

# Takes CPU time in a timer interrupt while a command runs: a test's result must not depend on the load of the machine.
NOISE := $(BUILD)/noise/noise
NOISE_ROUNDS ?= 1
noise-test: ## set up, build, run the root tier while CPU time is taken at random, NOISE_ROUNDS (1) times
	@tools/setup.sh build test
	@$(MAKE) $(NOISE) $(OUT)/tests/root
	@status=0; for round in $$(seq $(NOISE_ROUNDS)); do \
	  AIOTRACE_TIER_TIMEOUT=$${AIOTRACE_TIER_TIMEOUT:-10800} $(NOISE) env $(RUN_TESTS) root=$(OUT)/tests/root -- $(ARGS) || status=1; \
	done; exit $$status

$(BUILD)/noise/noise.bpf.o: tests/noise/noise.bpf.c $(BUILD)/stamps/bpf | $(BUILD)/stamps/setup
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/gen/noise.skel.h: $(BUILD)/noise/noise.bpf.o | $(BUILD)/gen/
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name noise_bpf > $@

$(NOISE): tests/noise/noise.cpp $(BUILD)/gen/noise.skel.h $(OUT)/libaiotrace.a
	$(call msg,CXX,$@)
	$(Q)$(CXX) $(ALL_CPPFLAGS) -MF $@.d $(ALL_CXXFLAGS) $(LDFLAGS) -o $@ $< $(OUT)/libaiotrace.a $(LDLIBS)

check-vm: ## set up, build, run the core on Debian's kernels 5.10, 6.1, 6.12 and sid's under qemu, with each clang's BPF
	@tools/setup.sh build vm
	@tools/get_pythons.sh
	@tools/get_kernels.sh
	@tools/get_clangs.sh --all
	@$(MAKE) static $(LOADER)
	@AIOTRACE_TEST_ALL=1 tests/vm/run $(ARGS)

soak: ## attach, trace and detach for an hour (ARGS="--seconds N"), over processes that come and go
	@tools/setup.sh build
	@$(MAKE) all
	@AIOTRACE_BINARY=$(OUT)/aiotrace tests/soak/run $(ARGS)

services: ## set up, build, install real services below .cache/, and run each healthy and with faults from outside (ARGS=dask)
	@tools/setup.sh build test
	@tools/setup.sh services || echo "make $@: without redis"
	@tools/get_venvs.sh --services
	@$(MAKE) all
	@AIOTRACE_TEST_ALL=1 $(RUN_TESTS) services=tests/services/run -- $(ARGS)

# What reads bytes of a target or of a file, over input that lies: under libFuzzer, which is clang's (std::expected needs
# clang 19), with sanitizers. The tier `fuzz` runs the same targets without it for a moment.
FUZZ_CXX ?= clang++-19
FUZZ_SECONDS ?= 60
# In `make test`.
TEST_FUZZ_SECONDS ?= 5
FUZZ_SOURCES := $(filter user/util/% user/machine/% user/proc/% user/python/% user/decode/% user/symbolize/% user/model/% \
  user/output/% user/recording/% user/fleet/% user/app/daemon/event_loop.cpp user/app/daemon/http_listener.cpp,\
  $(LIB_SOURCES)) $(filter-out %_test.cpp,$(wildcard tests/fuzz/*.cpp))
FUZZ_OBJECTS := $(FUZZ_SOURCES:%.cpp=$(BUILD)/fuzz/obj/%.o)
# libstdc++ 12 uses functions that it declares deprecated.
FUZZ_FLAGS := -std=c++23 -O1 -g -Wall -Wextra -Wno-deprecated-declarations $(WERROR_FLAG) \
  -fsanitize=address,undefined -fno-sanitize-recover=all

fuzz: ## set up, build, and run the fuzz targets, FUZZ_SECONDS (60) each; ARGS names some of them
	@tools/setup.sh build fuzz
	@$(MAKE) $(BUILD)/fuzz/aiotrace-fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(ARGS)

$(BUILD)/fuzz/obj/%.o: %.cpp | $(ADVICE) $(PAGE) $(SYSCALLS)
	$(call msg,FUZZ-CXX,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CXX) $(ALL_CPPFLAGS) -I . $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(BUILD)/fuzz/aiotrace-fuzz: $(FUZZ_OBJECTS)
	$(call msg,LINK,$@)
	$(Q)$(FUZZ_CXX) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ -ldw -lelf -lz -lzstd -llzma -levent_extra -levent_core

# ---- The rest ---------------------------------------------------------------------------------------------------------

setup: ## install what building and testing need
	@tools/setup.sh build test

demo: ## check the rights, set up, build, and watch a service that stalls (the same as tools/demo.sh)
	+@tools/demo.sh

bench: ## set up, build, and measure what tracing costs and finds
	@tools/setup.sh build test bench
	@tools/get_pythons.sh
	@tools/get_venvs.sh --bench
	@$(MAKE) all
	@tools/bench/run $(ARGS)

accuracy: ## set up, build, and compare injected with reported causes and culprits
	@tools/setup.sh build test
	@tools/get_pythons.sh
	@tools/get_free_threaded.sh
	@tools/get_venvs.sh
	@$(MAKE) all
	@AIOTRACE_BINARY=$(OUT)/aiotrace tools/accuracy/run $(ARGS)

lint: ## format, clang-tidy, include directions, generated files
	@tools/setup.sh build lint
	@$(MAKE) -s lint-inputs
	@JOBS=$(JOBS) tools/lint.sh

format: ## reformat the C and C++ sources
	@tools/lint.sh --format

$(BUILD)/compile_commands.json: Makefile $(OUT)/stamps/lib $(OUT)/stamps/cxx
	@mkdir -p $(@D)
	@$(PYTHON) tools/compile_commands.py --directory $(CURDIR) \
	  --command '$(CXX) -I user -I bpf -isystem $(BUILD)/gen $(CPPFLAGS) -std=c++23 -Wall -Wextra -Wshadow' $(LIB_SOURCES) \
	  $(wildcard user/main.cpp) > $@

# clang-tidy takes seconds for a file: only for what has been compiled since it last found nothing. Started by lint.sh.
CLANG_TIDY ?= clang-tidy-19
.PHONY: tidy lint-inputs
lint-inputs: $(LIB_OBJECTS) $(MAIN_OBJECT) $(BUILD)/compile_commands.json
tidy: $(patsubst user/%.cpp,$(BUILD)/tidy/%.ok,$(LIB_SOURCES) $(wildcard user/main.cpp))

$(BUILD)/tidy/%.ok: user/%.cpp $(BUILD)/obj/user/%.o .clang-tidy | $(BUILD)/compile_commands.json
	$(call msg,TIDY,$<)
	@mkdir -p $(@D)
	@if $(CLANG_TIDY) -p $(BUILD) --quiet $< >$@.log 2>&1; then mv $@.log $@; \
	else grep -v 'warnings generated' $@.log >&2; exit 1; fi

# What is installed and packed; `make wheel` takes the static one.
PROGRAM ?= $(OUT)/aiotrace

# The man pages are written in user/doc; scdoc, which only this needs, makes roff of them. The completion is what --help says.
# Moved into place, since `make deb wheel` makes them twice at a time.
SCDOC ?= scdoc
MAN_PAGES := $(patsubst user/doc/%.md,$(OUT)/doc/%,$(wildcard user/doc/*.[1-8].md))
COMPLETION := $(OUT)/doc/aiotrace.bash
SCHEMA := user/doc/aiotrace.schema.json

$(OUT)/doc/%: user/doc/%.md
	$(call msg,MAN,$@)
	@mkdir -p $(@D)
	$(Q)$(SCDOC) < $< > $@.$$PPID
	$(Q)mv $@.$$PPID $@

$(COMPLETION): $(PROGRAM) tools/gen_docs.py
	$(call msg,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/gen_docs.py $< $@.$$PPID
	$(Q)mv $@.$$PPID $@

# Without scdoc everything else is installed, and a line says so.
HAVE_SCDOC := $(shell command -v $(SCDOC) 2>/dev/null)
# Stripped: $(PROGRAM) keeps the debug information, some hundred megabytes.
STRIP ?= strip
install: $(PROGRAM) $(COMPLETION) $(if $(HAVE_SCDOC),$(MAN_PAGES)) ## install the program (stripped), man pages, completion and JSON Schema below $(DESTDIR)$(PREFIX)
	install -D -s --strip-program=$(STRIP) -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/aiotrace
	install -D -m 644 $(COMPLETION) $(DESTDIR)$(PREFIX)/share/bash-completion/completions/aiotrace
	install -D -m 644 $(SCHEMA) $(DESTDIR)$(PREFIX)/share/aiotrace/$(notdir $(SCHEMA))
	$(foreach page,$(if $(HAVE_SCDOC),$(MAN_PAGES)),install -D -m 644 $(page) $(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)) &&) :
	$(if $(HAVE_SCDOC),,@echo "make install: without the man pages: no $(SCDOC) (tools/setup.sh deb installs it)" >&2)

DEB := $(BUILD)/aiotrace.deb
deb: ## set up, build build/aiotrace.deb, for the release that it is built on and later ones
	@tools/setup.sh build deb
	@$(MAKE) all
	$(call msg,DEB,$(DEB))
	+@tools/make_deb.sh $(OUT)/aiotrace $(DEB)

check-deb: deb ## install, run and remove it in fresh roots of Debian 12, 13 and Ubuntu 24.04
	@tools/setup.sh fresh
	@tests/fresh/run --only deb --deb $(DEB) $(ARGS)

wheel: static ## build build/wheel/aiotrace-….whl: the static program for pip, pipx and uvx, of every Python
	@tools/setup.sh wheel
	$(call msg,WHEEL,$(BUILD)/wheel)
	+@tools/make_wheel.sh $(OUT)/static/aiotrace $(BUILD)/wheel

check-wheel: wheel ## install and run it in fresh environments of Python 3.8 and 3.15
	@tools/get_pythons.sh
	@tests/fresh/wheel

test-fresh: ## set up, then the README's first command, package, static file and wheel where aiotrace has never been
	@tools/setup.sh fresh
	@tools/get_pythons.sh
	@$(MAKE) wheel
	@$(RUN_TESTS) $(FRESH_TIERS) -- $(ARGS)

clean: ## remove build/
	rm -rf $(BUILD)

-include $(LIB_OBJECTS:.o=.d) $(MAIN_OBJECT:.o=.d) $(CATCH_MAIN:.o=.d) $(LOADER_OBJECT:.o=.d) $(CATCH_PCH:.gch=.d) $(BPF_OBJECTS:.o=.d)
-include $(ALONE:%=$(BUILD)/bpf/%.bpf.d) $(foreach t,$(TIERS),$(patsubst %.o,%.d,$(call tier_objects,$(t))))
-include $(FUZZ_OBJECTS:.o=.d) $(BUILD)/noise/noise.bpf.d $(NOISE).d
