# Tests. tests/unit/test_X.c are programs that print TAP (tests/lib/tap.h); tests/tool/*.bats drive the tools.
UNIT := $(patsubst tests/unit/%.c,$(O)/test/%,$(wildcard tests/unit/test_*.c))
LIBS_TEST := -lyaml -ljq -lcrypto -lcjson -levent_core -levent_extra -larchive

# A unit test links liblima.a and the modules of the tool that its first comment line names: "/* uses: render */".
test_modules = $(patsubst tools/%.c,$(O)/obj/%.o,$(foreach d,$(shell sed -n '1s|^/\* uses: \(.*\) \*/$$|\1|p' $(1)),$(wildcard tools/$(d)/*.c)))
define UNIT_RULE
$$(O)/test/$(1): tests/unit/$(1).c $$(call test_modules,tests/unit/$(1).c) $$(O)/liblima.a
	$$(Q_LD)mkdir -p $$(@D) && $$(CC) $$(CFLAGS_ALL) -Itests/lib -MMD -MP $$(LDFLAGS_ALL) -o $$@ $$(filter %.c %.o,$$^) $$(O)/liblima.a $$(LIBS_TEST) -lm
endef
$(foreach t,$(notdir $(UNIT)),$(eval $(call UNIT_RULE,$(t))))

.PHONY: check-unit
check-unit: $(UNIT)
	@for t in $(UNIT); do echo "# $$t"; "$$t" || exit 1; done
