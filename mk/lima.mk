# For other projects' Makefiles: a machine as a prerequisite like any other.
#
#   include /usr/local/share/lima/mk/lima.mk
#   $(eval $(call lima_instance,ci,debian-12,--cpus 2 --memory 2GiB))
#
#   test: lima-ci                      # started (made, if need be) before this runs
#   	$(LIMA_ci) make -C src check      # runs in the guest
#
#   clean: lima-ci-delete              # also: lima-ci-stop
#
# The arguments: instance name, template, options of lima-instance create.
LIMA_INSTANCE_TOOL ?= lima-instance

define lima_instance
.PHONY: lima-$(1) lima-$(1)-stop lima-$(1)-delete
lima-$(1):
	@$$(LIMA_INSTANCE_TOOL) start --quiet --template '$(2)' $(3) $(1)
lima-$(1)-stop:
	@$$(LIMA_INSTANCE_TOOL) stop $(1)
lima-$(1)-delete:
	@$$(LIMA_INSTANCE_TOOL) delete --force $(1)
LIMA_$(1) = $$(LIMA_INSTANCE_TOOL) shell $(1) --
endef
