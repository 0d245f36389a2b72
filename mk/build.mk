# How the tools are made: tools/lima-X.c (its main) + tools/X/*.c (its modules) + liblima.a (tools/lib/*.c).
# Adding a module is adding a file. A tool's external libraries stand in LIBS_lima-X.
TOOLS := $(patsubst tools/%.c,%,$(filter-out tools/lima-guestagent.c,$(wildcard tools/lima*.c)))
BIN := $(addprefix $(O)/bin/,$(TOOLS))
GUEST_ARCH := $(shell uname -m)
GUESTAGENT := $(O)/share/lima/lima-guestagent.Linux-$(GUEST_ARCH)

LIBS_lima-render := -lyaml -ljq -lcrypto
LIBS_lima-fetch := -lcurl -lcrypto -larchive -lz
LIBS_lima-mkiso := -lisofs
LIBS_lima-probe :=
LIBS_lima-qemu-argv :=
LIBS_lima-hostagent := -levent_core -levent_extra -lcjson
LIBS_lima-usernet := -lslirp -levent_core -levent_extra -lcjson
LIBS_lima-instance := -lcjson
LIBS_limactl := -lcjson $(LIBS_lima-render)
# Modules that a tool shares with others: limactl is a front door to two tools, dns/ and loop/ are the daemons'.
USES_limactl := instance render
USES_lima-hostagent := dns loop
USES_lima-usernet := dns loop

LIB_OBJ := $(patsubst tools/%.c,$(O)/obj/%.o,$(wildcard tools/lib/*.c))
GUEST_OBJ := $(patsubst tools/%.c,$(O)/musl/%.o,tools/lima-guestagent.c $(wildcard tools/guestagent/*.c) \
	$(addprefix tools/lib/,err.c buf.c kv.c file.c wire.c))

# The object and its dependencies, first aside (flags.mk says why).
compile = -MMD -MP -MT $@ -MF $(@:.o=.d).$$$$ -c -o $@.$$$$ $< && mv $(@:.o=.d).$$$$ $(@:.o=.d) && mv $@.$$$$ $@

$(O)/liblima.a: $(LIB_OBJ)
	$(Q_AR)rm -f $@.$$$$ && $(AR) rcs $@.$$$$ $^ && mv $@.$$$$ $@

$(O)/obj/%.o: tools/%.c $(O)/flags
	$(Q_CC)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(compile)

$(O)/musl/%.o: tools/%.c $(O)/flags
	$(Q_CC)mkdir -p $(@D) && $(MUSL_CC) $(MUSL_CFLAGS) $(compile)

# One link rule for each tool; $(1) is its name, $(2) its short name.
define TOOL_RULE
OBJ_$(1) := $$(O)/obj/$(1).o $$(patsubst tools/%.c,$$(O)/obj/%.o,$$(foreach d,$(2) $$(USES_$(1)),$$(wildcard tools/$$(d)/*.c tools/$$(d)/*/*.c)))
$$(O)/bin/$(1): $$(OBJ_$(1)) $$(O)/liblima.a | $$(O)/bin/
	$$(Q_LD)$$(CC) $$(LDFLAGS_ALL) -o $$@.$$$$$$$$ $$(OBJ_$(1)) $$(O)/liblima.a $$(LIBS_$(1)) -lm && mv $$@.$$$$$$$$ $$@
endef
$(foreach t,$(TOOLS),$(eval $(call TOOL_RULE,$(t),$(t:lima-%=%))))

$(GUESTAGENT): $(GUEST_OBJ) | $(O)/share/lima/
	$(Q_LD)$(MUSL_CC) -static -s -Wl,--gc-sections -o $@.$$$$ $(GUEST_OBJ) && mv $@.$$$$ $@

# The build folder looks like an installation: bin/, share/lima/. What is not built is a symbolic link into the sources.
SHARE_LINKS := $(addprefix $(O)/share/lima/,templates boot mk)
$(SHARE_LINKS): $(O)/share/lima/%: | $(O)/share/lima/
	@ln -sfn $(CURDIR)/$* $@

# lima, docker.lima, ...: shell scripts over limactl.
WRAPPERS := $(notdir $(wildcard tools/wrappers/*))
WRAPPER_LINKS := $(addprefix $(O)/bin/,$(WRAPPERS))
$(WRAPPER_LINKS): $(O)/bin/%: | $(O)/bin/
	@ln -sfn $(CURDIR)/tools/wrappers/$* $@

$(O)/ $(O)/bin/ $(O)/share/lima/:
	@mkdir -p $@

.PHONY: tools
tools: $(BIN) $(if $(wildcard tools/lima-guestagent.c),$(GUESTAGENT)) $(SHARE_LINKS) $(WRAPPER_LINKS)

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(GUEST_OBJ) $(foreach t,$(TOOLS),$(OBJ_$(t))))
