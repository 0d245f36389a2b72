/* print - data on standard output: tables, JSON, YAML, plain for programs and in colours for people. */
#ifndef LIMACTL_PRINT_H
#define LIMACTL_PRINT_H

#include <stdbool.h>

#include "buf.h"
#include "tree.h"

/* Whether indentation is wanted: standard output is a terminal, or $_LIMA_OUTPUT_IS_TTY is not empty. */
bool print_for_people(void);
/* And colours: the same, unless $NO_COLOR is not empty. */
bool print_colours(void);

/* One line of JSON, or indented by four blanks, or that in colours; with a newline. */
void print_json(const struct node *n, bool pretty, bool colours, struct buf *out);
/* A YAML document. Texts of several lines and such that could be read as something else are quoted as needed, so that it
 * converts to the same JSON. */
void print_yaml(const struct node *n, bool colours, struct buf *out);
/* The same for its text. */
void print_yaml_text(const char *text, bool colours, struct buf *out);
/* What an expression gave: a text as it is, everything else as JSON or YAML. */
void print_result(const struct node *n, bool yaml, bool pretty, bool colours, struct buf *out);

/* Rows of cells, each column as wide as its widest cell and four blanks, the last one as it is. `cell` has rows * columns texts. */
void print_table(const char *const *cell, size_t rows, size_t columns, struct buf *out);
/* The width of the terminal on standard output; 0 when it is none or does not say. */
int print_width(void);
/* DIR with the home directory in front as "~". The caller frees it. */
char *print_home(const char *dir);

#endif
