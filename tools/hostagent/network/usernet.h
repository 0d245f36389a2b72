/* usernet - an instance on user-v2 networks: its addresses there, how it is reached by SSH, its names for the others.
 *
 * The first network is in the place of QEMU's own, so no port of the host leads to the guest. The network's daemon
 * (lima-usernet(8)) tells which address the guest was given; then it is asked to make a port of the host lead there. It answers
 * the guest's questions for names too, so it is told those of this instance. When the daemon goes away it is started again and
 * told all of that anew.
 */
#ifndef HOSTAGENT_USERNET_H
#define HOSTAGENT_USERNET_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct agent;

/* One network that the machine has a card on. */
struct usernet_card {
	struct agent *a;
	const char *name, *dir, *mac; /* of agent.conf */
	bool first;                   /* SSH goes by this one */
	bool lost;                    /* its daemon went away while the machine ran */
	char ip[16];                  /* "": not known yet */
	char *problem;
	struct ask *events, *step;
	struct request *queue; /* for the daemon, one after the other */
	struct event *retry;
	unsigned failures;     /* to reach the daemon, in a row */
};

struct usernet {
	struct usernet_card *card;
	size_t n;             /* 0: the machine is on no such network */
	char exposed[64];     /* where the daemon listens for SSH; "": nowhere */
	struct event *late;   /* the guest has that long to ask for an address */
	struct job *starting; /* of daemons */
};

/* Reads agent.conf. */
void usernet_init(struct agent *a);
/* Whether SSH goes by such a network. */
bool usernet_wanted(const struct agent *a);
/* The machine is up, or was taken over. agent_ssh_up follows when the port is known, boot_no_login when it never will be. */
void usernet_start(struct agent *a);
/* The machine has ended: its port of the host is given back. */
void usernet_end(struct agent *a);
void usernet_free(struct agent *a);
/* The very last thing: ends the networks that nobody needs any more. The instance's lock must not be held. */
void usernet_tidy(void);

void usernet_problems(const struct agent *a, struct strv *out);
/* [{"name","mac","address"}]; NULL when there is none. The caller frees it. */
cJSON *usernet_json(const struct agent *a);

#endif
