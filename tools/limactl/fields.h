/* fields - the names that Go programs give to the values of an instance: .Name, .CPUs, .Config.SSH.LocalPort.
 *
 * The data (inspect.h) has the keys of JSON; templates that people have written have the names of Lima's Go structs. What Lima knows
 * and the data leaves out is empty, what neither knows is an error. Source: spec/cli.md sections 8.7 and 9.1.
 */
#ifndef LIMACTL_FIELDS_H
#define LIMACTL_FIELDS_H

#include "buf.h"
#include "err.h"
#include "tree.h"

/* Expands a template with the data of an instance (expand_named). */
int fields_expand(const char *text, const struct node *data, struct buf *out, struct err *e);
/* The names at the top that may be used, sorted by byte value; ends with NULL. */
extern const char *const field_names[];
/* The Go name of a key. The caller frees it. */
char *field_name(const char *key);

#endif
