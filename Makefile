# A Linux machine as a build product. `make help` lists goals and variables; README.md tells the rest.
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
CC = cc
AR = ar
VERSION := 0.1.0

include mk/config.mk
-include config.mak
Q_CC = $(if $(filter 1,$(V)),,@echo "  CC      $@";)
Q_LD = $(if $(filter 1,$(V)),,@echo "  LD      $@";)
Q_AR = $(if $(filter 1,$(V)),,@echo "  AR      $@";)
include mk/flags.mk
include mk/build.mk
include mk/check.mk

.PHONY: FORCE all clean
FORCE:
all: tools
clean:
	rm -rf $(O)
