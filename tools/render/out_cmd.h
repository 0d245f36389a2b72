/* out_cmd - what lima-render does, one function for each form of its command line. All return the exit status, after
 * printing what there is to say. */
#ifndef LIMA_OUT_CMD_H
#define LIMA_OUT_CMD_H

#include <stddef.h>

#include "out_source.h"

/* Prints the self-contained lima.yaml of a template, once it is known to be valid. */
int cmd_embed(const char *template, const struct edits *edits);
/* Prints the resolved document as JSON. */
int cmd_json(const char *source, const struct edits *edits);
/* Prints everything that is wrong with each of them. */
int cmd_check(char *const *source, size_t n, const struct edits *edits);
/* Writes the derived files of the instance in `dir`. */
int cmd_instance(const char *dir);
/* Prints what DIR/lima.yaml, or a template and edits in its place, would change. */
int cmd_plan(const char *dir, const char *template, const struct edits *edits);
/* Prints the JSON Schema of lima.yaml. */
int cmd_schema(void);
/* Prints the names of the templates, a line each. */
int cmd_list_templates(void);

#endif
