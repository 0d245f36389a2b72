/* complete_names - the names of things that exist, as candidates behind TAB. What cannot be read is left out, silently. */
#ifndef LIMACTL_COMPLETE_NAMES_H
#define LIMACTL_COMPLETE_NAMES_H

#include "buf.h"

void complete_instances(struct strv *names);
/* template:NAME; those whose last part begins with '_' only when `typed` has that. */
void complete_templates(const char *typed, struct strv *names);
void complete_disks(struct strv *names);
/* With a text before each name. */
void complete_networks(const char *prefix, struct strv *names);
/* The keys of lima.yaml: ".ssh.localPort", ".mounts[].writable". */
void complete_paths(struct strv *names);
void complete_plugins(const char *program, struct strv *names);

#endif
