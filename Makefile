# aiotrace. `make help` lists the targets; everything that is made lies below build/.
#
#   V=1                     show the commands
#   SAN=address,undefined   C++ under sanitizers, in a build directory of its own
#   WERROR=0                warnings do not stop the build
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
WERROR ?= 1
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

# features.bpf.c is loaded on its own, program by program, to see what the kernel grants; origin.bpf.c and steps.bpf.c with their commands.
ALONE := features origin steps
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
# GCC 12 sees overlaps in std::string's operator+ that are not there (its bug 105329).
WARNINGS := -Wall -Wextra -Wshadow -Wno-restrict $(WERROR_FLAG)
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ALL_CPPFLAGS = $(INCLUDES) -MMD -MP $(CPPFLAGS)
ALL_CXXFLAGS = -std=c++23 $(WARNINGS) $(SAN_FLAGS) $(CXXFLAGS)
# C is what runs as BPF too, whose loads need no alignment.
ALL_CFLAGS = -std=gnu11 -Wall -Wextra $(WERROR_FLAG) $(SAN_FLAGS) $(if $(SAN),-fno-sanitize=alignment) $(CFLAGS)
# Tests are compiled often and run briefly; CHECK reads better without optimisation.
TEST_CXXFLAGS ?= -O1 -g
# Under ASan GCC 12 takes what is in std::regex for uninitialized (its bug 105562).
TEST_WARNINGS := $(if $(findstring address,$(SAN)),-Wno-maybe-uninitialized)
LDLIBS ?= -lbpf -ldw -lelf -lz -lzstd -llzma -lfmt
TEST_LDLIBS ?= $(if $(wildcard /usr/include/catch2/catch_all.hpp /usr/local/include/catch2/catch_all.hpp),-lCatch2)

BPF_CPU ?= v3
BPF_FLAGS := -target bpf -mcpu=$(BPF_CPU) -g -O2 -D__TARGET_ARCH_x86 -Wall $(WERROR_FLAG) -fdebug-prefix-map=$(CURDIR)=. \
  -I bpf $(if $(MULTIARCH),-idirafter /usr/include/$(MULTIARCH))

# ---- What to make -----------------------------------------------------------------------------------------------------

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: all help gen tests setup check check-vm soak check-deb deb fuzz test demo bench accuracy lint format install clean static

all: $(OUT)/aiotrace ## build build/aiotrace (the default)

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@awk '/^#   [A-Z]+=/ { sub(/^#   /, ""); printf "  %s\n", $$0 }' $(firstword $(MAKEFILE_LIST))

# A change of flags or of the list of files makes anew what depends on it. The files below are written only when their
# content changes, so a second make finds nothing to do.
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
$(eval $(call stamp,$(OUT)/stamps/lib,from: $$(LIB_OBJECTS)))
$(eval $(call stamp,$(BUILD)/stamps/bpf_objects,from: $$(BPF_OBJECTS)))
$(foreach t,$(TIERS),$(eval $(call stamp,$(OUT)/stamps/$(t),from: $(call tier_objects,$(t)))))
endif

# Says in one line what is missing, before a compiler says it in a hundred.
$(BUILD)/stamps/setup: tools/packages.txt
	@mkdir -p $(@D)
	@tools/setup.sh --check build
	@touch $@

DIRS := $(sort $(dir $(LIB_OBJECTS) $(MAIN_OBJECT) $(CATCH_MAIN) $(TEST_BINARIES) $(BPF_OBJECTS) $(SKELETONS) \
  $(foreach t,$(TIERS),$(call tier_objects,$(t)))) $(BUILD)/bpf/)
$(DIRS):
	@mkdir -p $@

# ---- BPF --------------------------------------------------------------------------------------------------------------

# What to do about a stall: a table that anyone can extend, and its examples for the tests.
ADVICE := $(BUILD)/gen/advice_rules.gen.h $(BUILD)/gen/advice_examples.gen.h

# The pages of --html: markup, style and scripts become one header.
PAGE := $(BUILD)/gen/page.gen.h

gen: $(SKELETONS) $(ADVICE) $(PAGE)

$(PAGE): $(wildcard user/output/page/*) tools/gen_page.py | $(BUILD)/gen/
	$(call msg,GEN,$@)
	$(Q)$(PYTHON) tools/gen_page.py user/output/page $@

$(ADVICE) &: user/model/advice.table tools/gen_advice.py | $(BUILD)/gen/
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
$(OUT)/obj/user/output/page.o: | $(PAGE)

$(OUT)/libaiotrace.a: $(LIB_OBJECTS) $(OUT)/stamps/lib
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(LIB_OBJECTS)

$(OUT)/aiotrace: $(MAIN_OBJECT) $(OUT)/libaiotrace.a
	$(call msg,LINK,$@)
	$(Q)$(CXX) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# What the static libelf and libdw need themselves. fmt is taken from its headers: Debian has no static one.
STATIC_LDLIBS ?= -lbpf -ldw -lelf -lz -llzma -lbz2 -lzstd

static: ## build build/static/aiotrace, one file without shared libraries
	$(Q)$(MAKE) BUILD_STATIC=1 $(BUILD)/static/aiotrace

ifeq ($(BUILD_STATIC),1)
$(BUILD)/static/obj/user/%.o: user/%.cpp $(OUT)/stamps/cxx | $(SKELETONS) $(ADVICE) $(PAGE) $(BUILD)/stamps/setup
	$(call msg,CXX,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(ALL_CPPFLAGS) -DFMT_HEADER_ONLY $(ALL_CXXFLAGS) -c $< -o $@

STATIC_OBJECTS := $(patsubst $(OUT)/obj/%,$(BUILD)/static/obj/%,$(LIB_OBJECTS) $(MAIN_OBJECT))
$(BUILD)/static/aiotrace: $(STATIC_OBJECTS)
	$(call msg,LINK,$@)
	$(Q)$(CXX) -static $(LDFLAGS) -o $@ $^ $(STATIC_LDLIBS)
-include $(STATIC_OBJECTS:.o=.d)
endif

# ---- Tests ------------------------------------------------------------------------------------------------------------

# Targets in C: for the root tier.
PROGRAMS := $(patsubst tests/programs/%.c,$(BUILD)/programs/%,$(wildcard tests/programs/*.c))

tests: $(TEST_BINARIES) $(PROGRAMS)

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

# The root tier starts the program itself.
$(OUT)/tests/root: | $(OUT)/aiotrace $(PROGRAMS)

# Sanitizers make the program some times slower.
RUN_TESTS = $(if $(SAN),AIOTRACE_TIER_TIMEOUT=$${AIOTRACE_TIER_TIMEOUT:-7200} )AIOTRACE_BINARY=$(OUT)/aiotrace V=$(V) $(PYTHON) tools/run_tests.py

check: $(OUT)/tests/unit $(OUT)/tests/native $(OUT)/tests/fuzz ## run the tests that need no root
	@$(RUN_TESTS) tools=tools/run_unittests.py $(foreach t,unit native fuzz,$(t)=$(OUT)/tests/$(t)) -- $(ARGS)

# One recipe, so that the set-up comes before anything that it installs is looked for.
test: ## set up, build, run every test that this machine can run
	@tools/setup.sh build test
	@tools/setup.sh vm || echo "make test: without the tier vm"
	@tools/setup.sh fuzz || echo "make test: without the tier libfuzzer"
	@tools/get_pythons.sh
	@tools/get_free_threaded.sh
	@tools/get_venvs.sh
	@tools/get_kernels.sh
	@$(MAKE) all tests
	@! command -v $(FUZZ_CXX) >/dev/null || $(MAKE) $(BUILD)/fuzz/aiotrace-fuzz
	@FUZZ_SECONDS=$(TEST_FUZZ_SECONDS) $(RUN_TESTS) tools=tools/run_unittests.py $(foreach t,$(TIERS),$(t)=$(OUT)/tests/$(t)) libfuzzer=tests/fuzz/run accuracy=tools/accuracy/run soak=tests/soak/run vm=tests/vm/run -- $(ARGS)

check-vm: ## set up, build, run the core on Debian's kernels 5.10, 6.1, 6.12 and sid's under qemu
	@tools/setup.sh build vm
	@tools/get_pythons.sh
	@tools/get_kernels.sh
	@$(MAKE) static
	@tests/vm/run $(ARGS)

soak: ## attach, trace and detach for an hour (ARGS="--seconds N"), over processes that come and go
	@tools/setup.sh build
	@$(MAKE) all
	@AIOTRACE_BINARY=$(OUT)/aiotrace tests/soak/run $(ARGS)

# What reads bytes of a target or of a file, over input that lies: under libFuzzer, which is clang's (std::expected needs
# clang 19), with sanitizers. The tier `fuzz` runs the same targets without it for a moment.
FUZZ_CXX ?= clang++-19
FUZZ_SECONDS ?= 60
# In `make test`.
TEST_FUZZ_SECONDS ?= 5
FUZZ_SOURCES := $(filter user/util/% user/proc/% user/python/% user/decode/% user/symbolize/% user/model/% \
  user/output/%,$(LIB_SOURCES)) $(filter-out %_test.cpp,$(wildcard tests/fuzz/*.cpp))
FUZZ_OBJECTS := $(FUZZ_SOURCES:%.cpp=$(BUILD)/fuzz/obj/%.o)
# libstdc++ 12 uses what it calls deprecated itself; Debian's fmt is GCC's.
FUZZ_FLAGS := -std=c++23 -O1 -g -Wall -Wextra -Wno-deprecated-declarations $(WERROR_FLAG) -DFMT_HEADER_ONLY \
  -fsanitize=address,undefined -fno-sanitize-recover=all

fuzz: ## set up, build, and run the fuzz targets, FUZZ_SECONDS (60) each; ARGS names some of them
	@tools/setup.sh build fuzz
	@$(MAKE) $(BUILD)/fuzz/aiotrace-fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(ARGS)

$(BUILD)/fuzz/obj/%.o: %.cpp | $(ADVICE) $(PAGE)
	$(call msg,FUZZ-CXX,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CXX) $(ALL_CPPFLAGS) -I . $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(BUILD)/fuzz/aiotrace-fuzz: $(FUZZ_OBJECTS)
	$(call msg,LINK,$@)
	$(Q)$(FUZZ_CXX) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ -ldw -lelf -lz -lzstd -llzma

# ---- The rest ---------------------------------------------------------------------------------------------------------

setup: ## install what building and testing need
	@tools/setup.sh build test

demo: ## set up, build, and watch a service that stalls
	@tools/setup.sh build
	@$(MAKE) all
	@tools/demo.sh

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

# The man page and the completion are what --help says.
DOCS := $(OUT)/doc/aiotrace.8 $(OUT)/doc/aiotrace.bash
$(DOCS) &: $(OUT)/aiotrace tools/gen_docs.py
	$(call msg,GEN,$(DOCS))
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/gen_docs.py $< $(DOCS)

install: $(OUT)/aiotrace $(DOCS) ## install program, man page and completion below $(DESTDIR)$(PREFIX)
	install -D -m 755 $(OUT)/aiotrace $(DESTDIR)$(PREFIX)/bin/aiotrace
	install -D -m 644 $(OUT)/doc/aiotrace.8 $(DESTDIR)$(PREFIX)/share/man/man8/aiotrace.8
	install -D -m 644 $(OUT)/doc/aiotrace.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/aiotrace

DEB := $(BUILD)/aiotrace.deb
deb: ## set up, build build/aiotrace.deb; check-deb installs, runs and removes it in a fresh root
	@tools/setup.sh build deb
	@$(MAKE) all
	$(call msg,DEB,$(DEB))
	+@tools/make_deb.sh $(OUT)/aiotrace $(DEB)

check-deb: deb
	@tests/package/run $(DEB)

clean: ## remove build/
	rm -rf $(BUILD)

-include $(LIB_OBJECTS:.o=.d) $(MAIN_OBJECT:.o=.d) $(CATCH_MAIN:.o=.d) $(CATCH_PCH:.gch=.d) $(BPF_OBJECTS:.o=.d)
-include $(ALONE:%=$(BUILD)/bpf/%.bpf.d) $(foreach t,$(TIERS),$(patsubst %.o,%.d,$(call tier_objects,$(t))))
-include $(FUZZ_OBJECTS:.o=.d)
