# Tests. tests/unit/test_X.c are programs that print TAP (tests/lib/tap.h); tests/tool/*.bats drive the tools as a user does,
# tests/fault/*.bats break things under them, tests/vm/*.bats boot a real guest. tests/run runs them all and counts.
UNIT := $(patsubst tests/unit/%.c,$(O)/test/%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
LIBS_TEST := -lyaml -ljq -lcrypto -lcjson -levent_core -levent_extra -larchive -lz -lcurl -lslirp
ASAN := $(O)/asan
export PATH := $(abspath $(O))/bin:$(PATH)

# A unit test links liblima.a and the modules of the tools that its first line names: "/* uses: render */".
test_modules = $(patsubst tools/%.c,$(O)/obj/%.o,$(foreach d,$(shell sed -n '1s|^/\* uses: \(.*\) \*/$$|\1|p' $(1)),$(wildcard tools/$(d)/*.c tools/$(d)/*/*.c)))
define UNIT_RULE
$$(O)/test/$(1): tests/unit/$(1).c $$(call test_modules,tests/unit/$(1).c) $$(O)/liblima.a
	$$(Q_LD)mkdir -p $$(@D) && $$(CC) $$(CFLAGS_ALL) -Itests/lib -MMD -MP $$(LDFLAGS_ALL) -o $$@ $$(filter %.c %.o,$$^) $$(O)/liblima.a $$(LIBS_TEST) -lm
endef
# The rules cost a shell each, so only when tests are asked for.
ifneq (,$(filter check% unit asan,$(MAKECMDGOALS))$(findstring /test/,$(MAKECMDGOALS)))
$(foreach t,$(notdir $(UNIT)),$(eval $(call UNIT_RULE,$(t))))
endif

.PHONY: check check-unit check-tool check-fault check-vm check-quick check-templates check-chroot soak-kill unit bench fuzz
unit: $(UNIT) tools

## check:      all tests: linters, unit, tools, sanitizers, faults, real guests
TOOL_SUITES := $(wildcard tests/tool/*.bats)
check: $(O)/deps-check.ok
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory asan
	@tests/run --log $(O)/test-log tests/lint.bats $(UNIT) $(TOOL_SUITES) $(wildcard tests/fault/*.bats) $(wildcard tests/vm/*.bats) tests/vm/killer \
		tests/fuzz/ci \
		O=$(ASAN) $(UNIT:$(O)/%=$(ASAN)/%) ASAN_OPTIONS=detect_leaks=0 $(filter-out %/make.bats,$(TOOL_SUITES))
## check-quick: the same without faults and real guests
check-quick: $(O)/deps-check.ok unit
	@tests/run --log $(O)/test-log tests/lint.bats $(UNIT) $(wildcard tests/tool/*.bats)
## check-unit check-tool check-fault check-vm: one level alone
check-unit: unit
	@tests/run --log $(O)/test-log $(UNIT)
check-tool check-fault check-vm: check-%: $(O)/deps-check.ok unit
	@tests/run --log $(O)/test-log $(wildcard tests/$*/*.bats) $(filter tests/$*/killer,tests/vm/killer)
## check-templates: the catalogue: every template is valid and resolves for each architecture that it lists
check-templates: tools $(O)/deps-check.ok
	@tests/run --log $(O)/test-log tests/tool/templates.bats

## soak-kill:  kill parts of a real machine at random moments, N=100 times, and start it again each time
N ?= 100
soak-kill: tools $(O)/deps-check.ok
	@N=$(N) O=$(O) tests/run --log $(O)/test-log tests/vm/killer

# The unit and tool tests run once more on tools built with AddressSanitizer and UndefinedBehaviorSanitizer. Leaks are looked
# for in the unit tests: the leak checker cannot work in a program that is traced, as some tool tests do. make.bats builds.
.PHONY: asan
asan:
	@$(MAKE) --no-print-directory O=$(ASAN) SANITIZE=address,undefined unit

## check-chroot: the README's first command in a bare Debian system (root; `tests/chroot/run` has other systems, and all tests)
check-chroot:
	tests/chroot/run

## bench:      measure, as ratios against named peers in the same run
bench: tools $(O)/deps-check.ok
	tests/perf/run
## soak:       port forwarding that never rests, T=60 minutes; memory, descriptors and processes have to stay flat
.PHONY: soak
soak: tools $(O)/deps-check.ok
	tests/vm/soak $(T)
## fuzz:       run the fuzz targets, T=60 seconds each
T ?= 60
fuzz: $(O)/deps-check.ok
	tests/fuzz/run $(T)
