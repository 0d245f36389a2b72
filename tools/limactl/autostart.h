/* autostart - instances that systemd starts when the user logs in: the unit lima-vm@INST.service of the user's manager.
 *
 * The unit is a file of its own for each instance, $XDG_CONFIG_HOME/systemd/user/lima-vm@INST.service. While it is there, start and stop
 * go through `systemctl --user`, so that systemd's view of the machine stays right. Source: spec/cli.md section 8.24.
 */
#ifndef LIMACTL_AUTOSTART_H
#define LIMACTL_AUTOSTART_H

#include <stdbool.h>

#include "err.h"

/* Whether the host runs systemd; EXIT_NO with "autostart is not supported on linux ..." when not. */
int autostart_supported(struct err *e);
/* Whether the instance has its unit. Cheap: one look at a file. */
bool autostart_registered(const char *inst);
/* Writes the unit and enables it; *existed tells whether there was one. */
int autostart_register(const char *inst, bool *existed, struct err *e);
/* Disables and removes it; none is fine. */
int autostart_unregister(const char *inst, struct err *e);
/* systemctl --user VERB UNIT. */
int autostart_systemctl(const char *verb, const char *inst, struct err *e);

#endif
