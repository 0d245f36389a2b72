/* validate - what must hold for a resolved document; resolve.c calls it. */
#ifndef LIMA_VALIDATE_H
#define LIMA_VALIDATE_H

#include "diag.h"
#include "resolve.h"
#include "schema.h"
#include "tree.h"

/* All rules over the filled document; every finding goes to *d. */
void validate(const struct node *doc, const struct resolve_in *in, const struct host *host, struct diag *d);
/* Each key of `param` of lima.yaml (typed, not filled) must be used by something. */
void validate_params_used(const struct node *yaml, struct diag *d);

/* --- for the parts (validate_*.c) --- */

struct check {
	const struct node *doc;
	const struct resolve_in *in;
	const struct host *host;
	struct diag *diag;
};

/* An error at `n`, or where `map` begins when n is NULL; the key is a printf format. Nothing when this key, one above or
 * one below has an error already: what follows from it does not help. */
void check_error(struct check *c, const struct node *n, const struct node *map, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void check_warn(struct check *c, const struct node *n, const struct node *map, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Whether there is an error for this key, one above or one below. */
bool check_has_error(const struct check *c, const char *key);
/* "images[0].digest": valid until the next call but one. */
const char *check_key(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whether a text is one line without control characters (a tab is none). */
bool check_printable(const char *s);
/* Whether it is an absolute path. */
bool check_absolute(const char *path);

void validate_schema(struct check *c);   /* words, ranges, sizes of the table */
void validate_system(struct check *c);   /* os, arch, cpus, memory, user, ... */
void validate_files(struct check *c);    /* images, firmware, archives, disks */
void validate_mounts(struct check *c);
void validate_scripts(struct check *c);  /* provision, probes */
void validate_ports(struct check *c);    /* portForwards, copyToHost */
void validate_networks(struct check *c); /* networks, dns, param */

#endif
