/* flags - options of a command line in the manner of pflag, which is what people and scripts know from limactl.
 *
 *   --name=value  --name value  -nvalue  -n value  -abc (flags that are true or false)  -- (ends them)
 *
 * A flag that is true or false never takes the next word. The last one of a flag given twice counts, except for lists,
 * which grow: a FLAG_SLICE takes one CSV record each time, a FLAG_ARRAY one value as it is.
 * Source: spec/cli.md section 1.3 (rules and the texts of the errors).
 */
#ifndef LIMACTL_FLAGS_H
#define LIMACTL_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

enum flag_type {
	FLAG_BOOL,
	FLAG_STRING,
	FLAG_INT,
	FLAG_UINT16,
	FLAG_FLOAT,    /* float32, as --memory takes */
	FLAG_DURATION, /* 10m0s */
	FLAG_SLICE,
	FLAG_IPS,      /* a FLAG_SLICE of addresses */
	FLAG_ARRAY,
};

/* What a flag's value, or an argument, may be completed with. */
enum complete {
	COMPLETE_NONE,
	COMPLETE_FILE,
	COMPLETE_INSTANCE,
	COMPLETE_TEMPLATE, /* template:NAME */
	COMPLETE_DISK,
	COMPLETE_NETWORK,
	COMPLETE_WORDS, /* flag_spec.words */
	COMPLETE_COMMAND,
	COMPLETE_PATH, /* of a key in lima.yaml, for an expression: .ssh.localPort */
};

struct flag_spec {
	const char *name; /* without the dashes; NULL ends a table */
	char letter;      /* 0: none */
	enum flag_type type;
	const char *value;    /* the default as text; NULL: false, 0, empty */
	const char *arg;      /* for help: the name of the value; NULL: after the type */
	const char *help;
	const char *words;    /* blank separated candidates */
	enum complete complete;
	bool hidden, required;
};

struct flags;

/* Flags of all `tables` (NULL-ended list of tables; an earlier table hides a name in a later one). */
struct flags *flags_new(const struct flag_spec *const *tables);
void flags_free(struct flags *f);
/* Parses argv[0..n-1]; what is no flag is added to *args. With `stop_at_first` parsing ends at the first such word.
 * EXIT_NO (limactl knows only 1) with pflag's text. */
int flags_parse(struct flags *f, char *const *argv, size_t n, bool stop_at_first, struct strv *args, struct err *e);
/* EXIT_NO with `required flag(s) "size" not set` when one of those was not given. */
int flags_check_required(const struct flags *f, struct err *e);

/* Values, by name. Asking for a name that is in no table, or for another type, is a bug and aborts. */
bool flag_given(const struct flags *f, const char *name);
bool flag_bool(const struct flags *f, const char *name);
int64_t flag_int(const struct flags *f, const char *name);      /* FLAG_INT, FLAG_UINT16 */
int64_t flag_seconds(const struct flags *f, const char *name);  /* FLAG_DURATION, rounded up */
const char *flag_string(const struct flags *f, const char *name); /* FLAG_STRING, or the text of any scalar as given; never NULL */
const struct strv *flag_list(const struct flags *f, const char *name);
/* The tables, for help and completion. */
const struct flag_spec *const *flags_tables(const struct flags *f);

/* A flag by its name, or by its letter; NULL when no table has it. */
const struct flag_spec *flags_find(const struct flags *f, const char *name, size_t n);
const struct flag_spec *flags_letter(const struct flags *f, char letter);

/* The value of one flag, worked out from its text (flags_value.c); lists grow. EXIT_NO with Go's reason, such as
 * `strconv.ParseBool: parsing "maybe": invalid syntax`. */
struct flag_value {
	const struct flag_spec *spec;
	bool given, b;
	char *text;        /* of the last time; NULL = never */
	int64_t i;         /* whole numbers; nanoseconds of a duration */
	struct strv list;
};
int flag_set(struct flag_value *v, const char *text, struct err *e);

#endif
