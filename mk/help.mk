# `make help` prints the documentation lines of the make files themselves.
## help:       this text
.PHONY: help
help:
	@echo "A Linux machine as a build product. Goals:"
	@sed -n 's/^## \([a-z][a-z -]*:.*\)/  \1/p' $(MAKEFILE_LIST)
	@echo; echo "Variables (make VAR=value goal):"
	@sed -n 's/^## \(.*\)/  \1/p' mk/config.mk
	@echo; echo "The quick start is in README.md; man pages: man -l tools/man/lima-render.1 and its neighbours."
