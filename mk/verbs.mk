# The goals a user types. Each is one call of lima-instance, which does the work in C and runs mk/instance.mk; the settings
# travel in the environment (--env), so no text of the user is ever expanded by make or read by a shell.
#
# A line "## verb: text" is what `make help` prints.
VERBS := create start stop restart shell list status logs plan diff validate delete protect unprotect prune
## create:     make the instance: all that needs the network
## start:      make and start it, wait until it is usable
## stop:       shut it down (FORCE=1: kill)
## restart:    stop and start
## shell:      a shell in it, or CMD='...'
## list:       all instances
## status:     what it does and what is wrong
## logs:       the ends of its logs
## plan:       what start would change after an edit of lima.yaml (or with SET, CPUS, TEMPLATE, ...) and its cost; also: diff
## validate:   check TEMPLATE
## delete:     remove it (FORCE=1: also when running or protected)
## protect:    refuse to delete it; unprotect: allow it again
## prune:      remove what no instance needs from the cache (FORCE=1: everything)

# What the user wrote is taken as it is and handed on unexpanded: $(value) does not expand, and `override` also replaces what
# the command line set. That goes for every variable of the command line, since make exports them all, and for the knobs from
# wherever they came. An undefined knob stays undefined, an empty one empty.
literal = $(eval override $(1) := $$(value $(1)))
$(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(v)))),$(call literal,$(v))))
$(foreach k,$(KNOBS),$(if $(filter undefined,$(origin $(k))),,$(call literal,$(k))$(eval export $(k))))
$(foreach k,$(EDIT_KNOBS),$(if $(filter override command file,$(firstword $(origin $(k)))),$(call literal,$(k))$(eval export $(k)),$(eval unexport $(k))))
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
