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

.PHONY: $(VERBS)
$(VERBS): ready
	@$(O)/bin/lima-instance $@ --env

# The tools; the packages that they need come first (mk/deps.mk). Nothing happens when all is there and unchanged.
.PHONY: ready
ready: tools
