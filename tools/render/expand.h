/* expand - the text/template language in the values of lima.yaml ("{{.Home}}/src", "{{if eq .Param.x "true"}}...").
 *
 * The language is that of Go's text/template without its `define`, `template`, `block`, `break`, `continue` and `call`:
 *
 *   {{- X -}}              the dashes eat white space, newlines too, before and behind
 *   {{PIPE}}               prints the value
 *   {{if PIPE}} A {{else if PIPE}} B {{else}} C {{end}}
 *   {{with PIPE}} A {{else}} B {{end}}                 A with "." set to the value, unless that is empty
 *   {{range $i, $v := PIPE}} A {{else}} B {{end}}      over lists, over maps (sorted by key), over a number
 *   {{$x := PIPE}}  {{$x = PIPE}}
 *
 * and comments in the manner of C directly inside the braces.
 * A PIPE is COMMAND | COMMAND ..., the result of each becomes the last argument of the next. Operands: . .A.B $ $x $x.A
 * "quoted" `raw` 'c' 12 0x1f 1.5 true false nil (PIPE) (PIPE).A . Functions: and or not eq ne lt le gt ge len index
 * slice print printf println html js urlquery, and json VALUE, yaml VALUE (behind a line "---"), indent [N] TEXT (N blanks, 2 when
 * left out), missing [MESSAGE] TEXT (MESSAGE, "<missing>" when left out, for an empty text). Empty values are false, 0, nil, "" and empty lists and maps; note that
 * the text "false" is true.
 *
 * Other than in Go, what does not exist is an error that says what does exist, where Go prints "<no value>".
 */
#ifndef LIMA_EXPAND_H
#define LIMA_EXPAND_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "tree.h"

/* Limits of one expansion; exceeding one is an error that names it. */
#define EXPAND_OUTPUT_MAX (4u << 20) /* bytes of output, and of any text in between */
#define EXPAND_DEPTH_MAX 64	     /* nesting of parentheses and blocks */
#define EXPAND_STEPS_MAX 1000000     /* actions, function calls and field accesses */

/* Expands `text` and appends the result to `out`; text without "{{" is copied. `vars` is the map that "." and "$" are
 * at the start; all kinds of nodes may be in it. A map that has the key "*" answers with that value where it lacks a
 * key, and chains of fields go on through it (put a null there for "unknown is empty"); without it an unknown key is an
 * error. Error: EXIT_BADDATA with "LINE:COLUMN: reason", counted from 1 within `text`; `out` is then as it was before.
 */
int expand_text(const char *text, const struct node *vars, struct buf *out, struct err *e);

/* Names of fields other than the keys of the maps. */
struct expand_names {
	/* The value that `name` stands for in `map`; `root`: it is the map that "." is at the start. NULL: there is none. */
	const struct node *(*find)(const struct node *map, const char *name, bool root);
	const char *type; /* what the root is called in messages */
};
/* The same with such names. What they do not know is told in Go's words: "can't evaluate field X in type TYPE". */
int expand_named(const char *text, const struct node *vars, const struct expand_names *names, struct buf *out,
		 struct err *e);

#endif
