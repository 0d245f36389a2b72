/* name - what an instance, disk or network may be called. */
#ifndef LIMA_NAME_H
#define LIMA_NAME_H

#include "err.h"

#define NAME_MAX_LEN 76
/* Length that a UNIX socket path must stay under (sun_path with its terminator). */
#ifdef __linux__
#define SOCKET_PATH_MAX 108
#else
#define SOCKET_PATH_MAX 104
#endif

/* An identifier: 1..76 bytes, ^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$. `what` names it in the message. */
int name_check(const char *name, const char *what, struct err *e);
/* An instance name: an identifier that does not end in .yml or .yaml (any case). */
int name_check_instance(const char *name, struct err *e);
/* The longest socket path below the instance directory `dir` (ssh adds 17 characters to ssh.sock while it makes
 * it) must stay under SOCKET_PATH_MAX; the message has the numbers. */
int name_check_socket_path(const char *dir, struct err *e);
/* "lima-" + name with '.' and '_' as '-'. The caller frees it. */
char *name_hostname(const char *name);

#endif
