/* settings - the options and make variables that change a lima.yaml. */
#ifndef LIMA_SETTINGS_H
#define LIMA_SETTINGS_H

#include <stdbool.h>

#include "buf.h"

struct setting {
	const char *flag; /* "mount-type", also of lima-render */
	const char *var;  /* of make: "MOUNT_TYPE" */
	bool alone;       /* the option alone means true */
};
/* Ended by an entry with flag NULL. */
extern const struct setting setting_table[];

/* Adds "--FLAG=VALUE" for each variable of the environment that is set and not empty. */
void settings_from_env(struct strv *settings);

#endif
