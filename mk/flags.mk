# Compiler flags, and a file that changes when they do, so that objects depend on them.
CSTD := -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
WARN := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wno-format-nonliteral
OPT ?= -O2 -g
HARDEN := -fstack-protector-strong $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2) -fPIE
SAN := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)
CFLAGS_ALL := $(CSTD) $(WARN) $(OPT) $(HARDEN) $(SAN) -Itools/lib -Itools -DLIMA_VERSION='"$(VERSION)"' $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)
MUSL_CFLAGS := $(CSTD) $(WARN) -Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fstack-protector-strong -Itools/lib -Itools -DLIMA_VERSION='"$(VERSION)"'

# The quotes of the values do not matter here: the text is only compared. The process number is in the name because several
# makes may run at once, here as in build.mk: each makes its files aside and moves them to their place whole.
$(O)/flags: FORCE | $(O)/ $(O)/deps.ok
	@printf '%s\n' '$(subst ','\'',$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(MUSL_CC) $(MUSL_CFLAGS))' >$@.$$$$; \
	cmp -s $@.$$$$ $@ && rm $@.$$$$ || mv $@.$$$$ $@
