/* locator - where something is fetched from: a URL, a local file, or an image recipe. */
#ifndef LIMA_FETCH_LOCATOR_H
#define LIMA_FETCH_LOCATOR_H

#include "err.h"

enum locator_kind {
	LOCATOR_URL,    /* http:// or https:// */
	LOCATOR_FILE,   /* file:///PATH, /PATH, ~/PATH, or a relative path */
	LOCATOR_RECIPE, /* recipe:NAME */
};

struct locator {
	enum locator_kind kind;
	char *text;  /* as given */
	char *shown; /* for messages: without a password */
	char *path;  /* LOCATOR_FILE: absolute */
	char *host;  /* LOCATOR_URL: HOST or HOST:PORT in lower case */
	char *name;  /* LOCATOR_RECIPE */
};

#define LOCATOR_MAX 8192 /* bytes of a location */

/* Reads a location; locator_free afterwards. EXIT_BADDATA: another scheme, no host, blanks or control characters in
 * a URL, "~user", a recipe name that name_check refuses, or more than LOCATOR_MAX bytes. */
int locator_parse(const char *text, struct locator *l, struct err *e);
void locator_free(struct locator *l);

#endif
