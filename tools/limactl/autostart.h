/* autostart - instances that systemd starts when the user logs in: the unit lima-vm@INST.service of the user's manager.
 *
 * The unit is a file of its own for each instance, $XDG_CONFIG_HOME/systemd/user/lima-vm@INST.service. While it is there,
 * start and stop go through `systemctl --user`, so that systemd's view of the machine stays right. Source: spec/cli.md
 * section 8.24.
 */
#ifndef LIMACTL_AUTOSTART_H
#define LIMACTL_AUTOSTART_H

#include <stdbool.h>

#include "err.h"
#include "instance/instance.h"

/* Whether the host runs systemd; EXIT_NO with "autostart is not supported on linux ..." when not. */
int autostart_supported(struct err *e);
/* Whether the instance has its unit. Cheap: one look at a file. */
bool autostart_registered(const char *inst);
/* Writes the unit and enables it; *existed tells whether there was one. */
int autostart_register(const char *inst, bool *existed, struct err *e);
/* Disables and removes it; none is fine. */
int autostart_unregister(const char *inst, struct err *e);
/* Lets systemd start it, and waits until its host agent answers. The instance's lock is released: the unit takes it. */
int autostart_launch(struct instance *in, struct err *e);
/* Whether systemd runs it now: an instance with a unit may have been started by hand before that. */
bool autostart_active(const char *inst);
/* The unit that started this very process, for the host agent that it becomes; NULL: none. The caller frees it. */
char *autostart_unit_of_this(const char *inst);
/* Lets systemd stop it, and waits; with `force` only tells systemd that it ends, so that it is not started again. */
int autostart_stop(const char *inst, bool force, struct err *e);

#endif
