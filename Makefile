# A Linux machine as a build product. `make help` lists goals and variables; README.md tells the rest.
#
#   mk/config.mk    the knobs             mk/literal.mk   their values, never expanded
#   mk/flags.mk     compiler flags        mk/build.mk     how the tools are made
#   mk/deps.mk      packages              mk/check.mk     tests, linters
#   mk/verbs.mk     start, stop, shell, ...
#   mk/instance.mk  the rules of one instance, run inside its directory
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
CC = cc
AR = ar
VERSION := 0.1.0

include mk/config.mk
-include config.mak
include mk/literal.mk
Q_CC = $(if $(filter 1,$(V)),,@echo "  CC      $@";)
Q_LD = $(if $(filter 1,$(V)),,@echo "  LD      $@";)
Q_AR = $(if $(filter 1,$(V)),,@echo "  AR      $@";)
include mk/deps.mk mk/flags.mk mk/build.mk mk/check.mk mk/install.mk mk/verbs.mk mk/help.mk

.PHONY: FORCE all clean
FORCE:
## all:        build the tools
all: tools
## clean:      remove the build folder
clean:
	rm -rf $(O)
