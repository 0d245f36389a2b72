/* err - one error, carried up from where it happened to the main that prints it.
 *
 * Library functions that can fail take a `struct err *` as their last parameter and return -1 (or NULL)
 * after filling it; on success they leave it alone. Nothing in the library prints. A `struct err` owns no
 * memory: put one on the stack, zeroed (`struct err e = { 0 };`).
 *
 * A message is one line, lower case, without a full stop: what failed, on what (path, file:line:key),
 * why, and after a semicolon what to do about it. Callers add context with err_wrap.
 */
#ifndef LIMA_ERR_H
#define LIMA_ERR_H

/* Exit statuses, an interface of every tool (the numbers from 65 on are those of sysexits.h). */
enum {
	EXIT_NO = 1,           /* the answer is no; the thing asked about does not exist or failed */
	EXIT_USAGE = 2,        /* the command line is wrong */
	EXIT_BADDATA = 65,     /* an input file or value is wrong */
	EXIT_UNAVAIL = 69,     /* something needed is missing: a program, the network, the guest */
	EXIT_INTERNAL = 70,    /* a bug here */
	EXIT_CANTCREATE = 73,  /* an output cannot be created */
	EXIT_IOERR = 74,       /* reading or writing failed half-way */
	EXIT_TRYAGAIN = 75,    /* somebody else holds it, or a time-out: the same call may succeed later */
};

#define ERR_MAX 2048

struct err {
	int code;          /* one of EXIT_*; 0 = no error */
	char msg[ERR_MAX]; /* the message, cut (with "...") when longer */
};

/* What the next three are worth, as an expression that may also be ignored. */
static inline int err_minus_one(void)
{
	return -1;
}

/* Sets *e to the formatted message. The value is -1, so that `return err_set(...)` reads well (a macro, so that compilers and
 * analysers see that it is). */
void err_set_(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define err_set(...) (err_set_(__VA_ARGS__), err_minus_one())

/* The same, with ": " and the text of errno added. ENOSPC, EDQUOT and EFBIG turn the code into
 * EXIT_IOERR, whatever the caller gave. */
void err_sys_(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define err_sys(...) (err_sys_(__VA_ARGS__), err_minus_one())

/* Puts "context: " in front of the message of *e. The value is -1. */
void err_wrap_(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define err_wrap(...) (err_wrap_(__VA_ARGS__), err_minus_one())

/* Prints "PROGRAM: MESSAGE" on stderr, control characters replaced by '?', and returns e->code (or
 * EXIT_INTERNAL when none was set): `return err_report(&e);` ends a main. */
int err_report(const struct err *e);

/* Prints "PROGRAM: " and the message on stderr in the same way, for notes that are not errors. */
void warn_msg(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints a usage error with a pointer to --help on stderr and exits with EXIT_USAGE. */
void usage_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The name that the functions above print; set from argv[0] by main. Default "lima". */
void err_program(const char *argv0);
const char *err_program_name(void);

#endif
