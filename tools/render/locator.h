/* locator - what names a template: the argument of create and start, and the references inside templates.
 *
 *   (nothing)             the template of the name "default"
 *   NAME                  whatever is a valid instance name is one ("foo.img" too; the image is "./foo.img")
 *   template:NAME         looked up in the template folders
 *   PATH  file:///PATH    a file
 *   http://  https://     fetched (into the cache, through lima-fetch: this process never touches the network)
 *   -                     standard input
 *   X.img X.qcow2 X.raw X.iso X.ipsw, also with .gz .xz .bz2 .zst behind: an image; a small template is made up for it
 *   github:ORG[/REPO[/PATH]][@REF]  a file of a repository on GitHub, or what it links or redirects to there
 *   SCHEME:...            rewritten by the program limactl-url-SCHEME, when there is one
 *
 * The template folders are those of $LIMA_TEMPLATES_PATH (separated by ':') when that is not empty, else
 * $LIMA_HOME/_templates and <share>/templates. The first that has the file wins. A NAME stays beneath its folder:
 * neither ".." nor a backslash, a leading '/' or a symbolic link that leads outside is accepted. Everything read must
 * be a regular file of at most LOCATOR_TEXT_MAX bytes (standard input: a stream of at most that).
 */
#ifndef LIMA_LOCATOR_H
#define LIMA_LOCATOR_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

#define LOCATOR_TEXT_MAX (4u << 20)
#define LOCATOR_LIST_MAX 10000 /* templates in one listing */

enum locator_kind {
	LOCATOR_DEFAULT,  /* NULL or "" */
	LOCATOR_NAME,	  /* a valid instance name */
	LOCATOR_STDIN,	  /* "-" */
	LOCATOR_IMAGE,	  /* an image (path or URL) */
	LOCATOR_TEMPLATE, /* template:NAME, also the older template://NAME */
	LOCATOR_HTTP,
	LOCATOR_FILE, /* file://... */
	LOCATOR_GITHUB,
	LOCATOR_OTHER, /* another scheme */
	LOCATOR_PATH,
};

/* Where to look. Fill it with locator_ctx_init, or by hand in tests (all strings are then malloc'ed). */
struct locator_ctx {
	char *home;	   /* $LIMA_HOME, absolute */
	char *cwd;	   /* what relative paths start from */
	char *user_home;   /* for '~'; NULL = unknown */
	struct strv roots; /* the template folders, in order */
	char *fetch;	   /* the program lima-fetch */
	char *bin;	   /* searched for limactl-url-SCHEME before PATH; NULL = PATH only */
	void (*replaced)(const char *from, const char *to); /* told of each step of a rewriting; NULL = nobody */
};
int locator_ctx_init(struct locator_ctx *ctx, struct err *e);
void locator_ctx_free(struct locator_ctx *ctx);

/* A template that was read. locator_source_free afterwards. */
struct locator_source {
	struct buf text;
	char *locator;	  /* absolute: template:NAME, /PATH, https://..., or "-"; what relative references inside start
			     from */
	const char *file; /* for messages: the path or URL that the text came from (tree_intern) */
	char *path;	  /* the local file that was read; NULL for standard input and images */
	char *name;	  /* the instance name it suggests, valid; NULL = none can be derived */
	char *note;	  /* a warning for the user; NULL = none */
};
void locator_source_free(struct locator_source *s);

/* What programs limactl-url-SCHEME and the rules for github: make of a locator; others come back as they are. The caller frees it. */
char *locator_rewrite(const char *locator, const struct locator_ctx *ctx, struct err *e);

/* What an argument is, by its text alone. */
enum locator_kind locator_kind(const char *arg);

/* Reads the template that `locator` names. LOCATOR_DEFAULT and LOCATOR_NAME read template:default (an instance name
 * says nothing about its template: the caller, which knows whether that instance exists, decides before). *s is filled
 * on success only. Errors: EXIT_NO not found, EXIT_USAGE a malformed locator, EXIT_BADDATA refused content, else as the
 * reader's. */
int locator_read(const char *locator, const struct locator_ctx *ctx, struct locator_source *s, struct err *e);

/* The instance name for a locator without reading it; NULL and *e (EXIT_USAGE) when none can be derived. The caller
 * frees it. */
char *locator_name(const char *locator, struct err *e);

/* A reference `ref` found inside the template `from` (an absolute locator; "-" or NULL = the current directory) as an
 * absolute locator: schemes and absolute paths stay, "~" is expanded, others are relative to the folder of `from`.
 * Relative ones with a
 * "../" are refused. NULL and *e (EXIT_BADDATA) on error. The caller frees it. */
char *locator_absolute(const char *ref, const char *from, const struct locator_ctx *ctx, struct err *e);

/* All templates, each name once (the first folder wins), sorted by name. Names whose first character is '_' are parts
 * for other templates; `hidden` marks them. */
struct locator_entry {
	char *name, *path;
	bool hidden;
};
struct locator_list {
	struct locator_entry *v;
	size_t n;
};
int locator_list(const struct locator_ctx *ctx, struct locator_list *l, struct err *e);
void locator_list_free(struct locator_list *l);

#endif
