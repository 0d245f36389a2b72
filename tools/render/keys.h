/* keys - the ssh keys of an instance: the user's identity, the guest's host key, and the user's own ~/.ssh/NAME.pub.
 *
 * $LIMA_HOME/_config/user{,.pub} lets the user into every guest; DIR/ssh_host_ed25519_key{,.pub} is what the guest
 * proves itself with. Both pairs are ed25519 without a passphrase, made by ssh-keygen when missing and never
 * replaced.
 */
#ifndef LIMA_KEYS_H
#define LIMA_KEYS_H

#include <stdbool.h>

#include "buf.h"
#include "diag.h"
#include "err.h"

struct keys {
	char *host_private;     /* the text of the guest's private key */
	char *host_public;      /* "ssh-ed25519 BASE64 COMMENT", no newline */
	struct strv authorized; /* public keys that may log in, each one printable line; the instance's own first */
	struct strv identities; /* absolute paths of private keys to offer, in the same order */
};

/* Makes what is missing and reads all. `home` is LIMA_HOME, `dir` the instance directory (both exist), `hostname` the
 * comment of the host key. With `dot_ssh` every valid ~/.ssh/NAME.pub is taken too; what looks wrong there is a warning
 * in `d`. Private keys end up 0600, public ones 0644, _config 0700. EXIT_UNAVAIL without ssh-keygen. keys_free
 * afterwards, also after an error. */
int keys_load(const char *home, const char *dir, const char *hostname, bool dot_ssh, struct keys *k, struct diag *d,
	      struct err *e);
void keys_free(struct keys *k);

/* Whether a line is a public key as sshd reads them: "TYPE BASE64[ COMMENT]" where the blob begins with TYPE, both
 * strictly checked. *ret_len, when given, is the length of "TYPE BASE64". */
bool key_is_public(const char *line, size_t *ret_len);

#endif
