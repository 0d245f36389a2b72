/* host - what this machine contributes to a resolved lima.yaml. */
#ifndef LIMA_HOST_H
#define LIMA_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* All texts are malloc'ed by host_load; tests fill one by hand. */
struct host {
	char *user;     /* login name */
	char *comment;  /* full name: GECOS up to the first comma */
	char *home;     /* $HOME, else the account's */
	uint32_t uid;
	char *arch;     /* in the names of lima.yaml; "" when it has none */
	char *timezone; /* "Europe/Berlin"; "" when it cannot be told */
	unsigned cpus;  /* that this process may use */
	uint64_t memory; /* bytes */
	char *machine_id;
	char *tmpdir;
	bool virtiofsd; /* is installed */
};

/* The architecture of this machine in the names of lima.yaml, "" when it has none. The caller frees it. */
char *host_arch(void);
void host_load(struct host *h);
void host_free(struct host *h);

/* The name of a time zone as a localtime file links to it; NULL when it is none. `zoneinfo` is a path such as
 * /usr/share/zoneinfo/Europe/Berlin, symlinks resolved. */
const char *host_zone_name(const char *zoneinfo);

#endif
