# Installation: everything that `make start` uses, none of the sources.
MAN := $(wildcard tools/man/*.[1-8])

# Where bash, zsh and fish look for completions of installed programs.
COMPLETION_bash := share/bash-completion/completions/limactl
COMPLETION_zsh := share/zsh/site-functions/_limactl
COMPLETION_fish := share/fish/vendor_completions.d/limactl.fish
SHELLS := bash zsh fish

.PHONY: install uninstall
## install:    to DESTDIR and PREFIX
install: tools
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/lima/mk"
	install -m 755 $(BIN) "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 $(addprefix tools/wrappers/,$(WRAPPERS)) "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 $(GUESTAGENT) "$(DESTDIR)$(PREFIX)/share/lima"
	install -m 644 mk/instance.mk mk/lima.mk "$(DESTDIR)$(PREFIX)/share/lima/mk"
	cp -R templates boot "$(DESTDIR)$(PREFIX)/share/lima"
	set -e; for m in $(MAN); do d="$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}"; \
		install -d "$$d"; install -m 644 "$$m" "$$d"; done
	set -e; $(foreach s,$(SHELLS),install -d "$(DESTDIR)$(PREFIX)/$(dir $(COMPLETION_$(s)))"; \
		$(O)/bin/limactl completion $(s) >"$(DESTDIR)$(PREFIX)/$(COMPLETION_$(s))"; )
## uninstall:  what install put there
uninstall:
	rm -f $(addprefix "$(DESTDIR)$(PREFIX)"/bin/,$(TOOLS) $(WRAPPERS))
	rm -f $(foreach s,$(SHELLS),"$(DESTDIR)$(PREFIX)/$(COMPLETION_$(s))")
	rm -f $(foreach m,$(MAN),"$(DESTDIR)$(PREFIX)"/share/man/man$(lastword $(subst ., ,$(m)))/$(notdir $(m)))
	rm -rf "$(DESTDIR)$(PREFIX)"/share/lima
