/* complete - what a shell offers behind TAB. The scripts of `limactl completion` ask `limactl __complete WORDS...`, which
 * prints one candidate a line, "NAME<TAB>DESCRIPTION", and at the end ":DIRECTIVE". Source: spec/cli.md section 1.5.
 */
#ifndef LIMACTL_COMPLETE_H
#define LIMACTL_COMPLETE_H

#include <stdbool.h>

/* `argv` are the words behind "limactl", the last one the unfinished word. Returns the exit status. */
int complete_main(const char *program, bool descriptions, int argc, char **argv);

#endif
