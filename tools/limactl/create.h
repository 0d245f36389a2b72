/* create - what `create` and `start` share: from their argument to an instance and the description of a new one. */
#ifndef LIMACTL_CREATE_H
#define LIMACTL_CREATE_H

#include "command.h"
#include "instance/instance.h"

/* --name, --list-templates, --list-drivers. */
extern const struct flag_spec create_flags[];

struct plan_for {
	struct instance in;
	bool existing;
	struct buf text; /* of a new one: the lima.yaml, complete */
};
/* --list-...: prints and returns true. */
bool create_listed(const struct ctl *c, int *status, struct err *e);
/* Reads the argument and the flags. `may_exist`: an existing instance is taken (start), and the flags applied to it. */
int create_plan(struct ctl *c, bool may_exist, struct plan_for *p, struct err *e);
void create_plan_free(struct plan_for *p);
/* The lock, the path lengths, the checks that belong to a new instance; then the build. */
int create_instance(struct plan_for *p, struct err *e);

#endif
