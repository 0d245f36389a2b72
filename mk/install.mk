# Installation: everything that `make start` uses, none of the sources.
MAN := $(wildcard tools/man/*.[1-8])

.PHONY: install uninstall
## install:    to DESTDIR and PREFIX
install: tools
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/lima/mk"
	install -m 755 $(BIN) "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 $(GUESTAGENT) "$(DESTDIR)$(PREFIX)/share/lima"
	install -m 644 mk/instance.mk mk/lima.mk "$(DESTDIR)$(PREFIX)/share/lima/mk"
	cp -R templates boot "$(DESTDIR)$(PREFIX)/share/lima"
	set -e; for m in $(MAN); do d="$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}"; \
		install -d "$$d"; install -m 644 "$$m" "$$d"; done
## uninstall:  what install put there
uninstall:
	rm -f $(addprefix "$(DESTDIR)$(PREFIX)"/bin/,$(TOOLS))
	rm -f $(foreach m,$(MAN),"$(DESTDIR)$(PREFIX)"/share/man/man$(lastword $(subst ., ,$(m)))/$(notdir $(m)))
	rm -rf "$(DESTDIR)$(PREFIX)"/share/lima
