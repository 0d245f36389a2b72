# The goals a user types. Each is one call of lima-instance, which does the work in C and runs mk/instance.mk; the settings
# travel in the environment (--env), so no text of the user is ever expanded by make or read by a shell.
#
# A line "## verb: text" is what `make help` prints.
VERBS := create start stop restart shell list status logs validate delete protect unprotect prune
## create:     make the instance: all that needs the network
## start:      make and start it, wait until it is usable
## stop:       shut it down (FORCE=1: kill)
## restart:    stop and start
## shell:      a shell in it, or CMD='...'
## list:       all instances
## status:     what it does and what is wrong
## logs:       the ends of its logs
## validate:   check TEMPLATE
## delete:     remove it (FORCE=1: also when running or protected)
## protect:    refuse to delete it; unprotect: allow it again
## prune:      remove what no instance needs from the cache (FORCE=1: everything)

# Take the text of each knob as it is, from wherever it came, and hand it on unexpanded: $(value) does not expand, and
# `override` also replaces what the command line set. An undefined knob stays undefined, an empty one empty.
$(foreach k,$(KNOBS),$(if $(filter undefined,$(origin $(k))),,$(eval override $(k) := $$(value $(k)))$(eval export $(k))))
# What make itself knows by other names.
export LIMA_MAKE := $(MAKE)
export LIMA_ACCEL = $(value ACCEL)
# Command-line variables stay ours: an inner make would expand them.
MAKEOVERRIDES :=

.PHONY: $(VERBS)
$(VERBS): ready
	@$(O)/bin/lima-instance $@ --env

# The tools; the packages that they need come first (mk/deps.mk). Nothing happens when all is there and unchanged.
.PHONY: ready
ready: tools
