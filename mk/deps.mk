# Packages. $(O)/deps.ok says that those for building and running were there once; the check itself takes a while, so it is
# done when the list changes and by `make deps`.
DEPS := hack/install-packages hack/packages.tsv

$(O)/deps.ok: $(DEPS)
	@hack/install-packages build run image
	@mkdir -p $(@D) && touch $@

$(O)/deps-check.ok: $(DEPS)
	@hack/install-packages build run image check
	@mkdir -p $(@D) && touch $@ $(O)/deps.ok

.PHONY: deps
## deps:       install the packages that building, running and testing need
deps:
	@rm -f $(O)/deps.ok $(O)/deps-check.ok
	@$(MAKE) --no-print-directory $(O)/deps-check.ok
