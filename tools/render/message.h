/* message - the text that is shown when the machine is ready, with its templates expanded.
 *
 * They see the fields that Lima gives them: Name Hostname Status Dir VMType Arch CPUs Memory Disk Message AdditionalDisks
 * Networks SSHLocalPort SSHConfigFile HostAgentPID DriverPID Errors Config SSHAddress Protected LimaVersion Param
 * AutoStartedIdentifier HostOS HostArch LimaHome IdentityFile, and all of them once more beneath Instance. Config is the
 * document, by its own keys and by Lima's names for them (".Config.SSH.LocalPort").
 *
 * What only a running machine has (SSHLocalPort unless it is fixed, HostAgentPID, DriverPID) stands in the result as
 * "{{.SSHLocalPort}}" and so on; who shows the text puts it in. Such a value can be printed, not computed with. Status is
 * "Running" and Errors is empty: that is when the text is shown.
 */
#ifndef LIMA_MESSAGE_H
#define LIMA_MESSAGE_H

#include "buf.h"
#include "diag.h"
#include "tree.h"

struct message_in {
	const struct node *doc; /* resolved */
	const char *name, *hostname;
	const char *dir, *home; /* absolute: of the instance, LIMA_HOME */
};

/* Appends the text to `out`; what is wrong becomes an error of the key message in `d`, and nothing is appended. */
void message_text(const struct message_in *in, struct buf *out, struct diag *d);

#endif
