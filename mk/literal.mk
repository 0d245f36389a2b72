# What the user wrote is taken as it is and handed on unexpanded: $(value) does not expand, and `override` also replaces what
# the command line set. That goes for every variable of the command line, since make exports them all, and for the knobs from
# wherever they came. An undefined knob stays undefined, an empty one empty.
#
# This comes before the first $(shell) of all files: GNU make 4.4 expands what it exports for those too.
literal = $(eval override $(1) := $$(value $(1)))
$(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(v)))),$(call literal,$(v))))
$(foreach k,$(KNOBS),$(if $(filter undefined,$(origin $(k))),,$(call literal,$(k))$(eval export $(k))))
$(foreach k,$(EDIT_KNOBS),$(if $(filter override command file,$(firstword $(origin $(k)))),$(call literal,$(k))$(eval export $(k)),$(eval unexport $(k))))
# What make itself knows by other names.
export LIMA_MAKE := $(MAKE)
export LIMA_ACCEL = $(value ACCEL)
# Command-line variables stay ours: an inner make would expand them.
MAKEOVERRIDES :=
