/* dirs - where things are: LIMA_HOME, an instance, the cache, and what was installed with the tools. */
#ifndef LIMA_DIRS_H
#define LIMA_DIRS_H

#include "err.h"

/* $LIMA_HOME, else $HOME/.lima; symlinks resolved when it exists. Refused (EXIT_USAGE): relative, empty or unset
 * HOME, control characters, '"', '\\' or "${" in it (ssh_config cannot carry them), and a path that is too long for
 * the sockets of any instance. The caller frees it. */
char *dirs_home(struct err *e);

/* HOME/NAME after name_check_instance and name_check_socket_path. Does not look whether it exists. */
char *dirs_instance(const char *name, struct err *e);

/* The cache: $XDG_CACHE_HOME/lima when that is absolute, else $HOME/.cache/lima; ~/Library/Caches/lima on macOS. */
char *dirs_cache(struct err *e);

/* The folder of this program's file, symlinks resolved: where its sibling tools are. */
char *dirs_bin(struct err *e);

/* What is installed beside the tools: $LIMA_SHARE, else <bin>/../share/lima. Holds templates/, boot/, mk/ and
 * lima-guestagent.Linux-<arch>. */
char *dirs_share(struct err *e);

#endif
