/* vnc - the display of an instance with `video.display: vnc`: its password, and where it is.
 *
 * QEMU lets nobody in before it was given a password. Each start makes a new one and hands it over by QMP, so it is in no
 * command line; for the user it is in vncpassword, and vncdisplay tells the display as viewers want it, "127.0.0.1:0". Both
 * are 0600 and go with the machine.
 */
#ifndef HOSTAGENT_VNC_H
#define HOSTAGENT_VNC_H

#include <cjson/cJSON.h>

struct agent;

#define VNC_PASSWORD_LEN 8 /* the protocol knows no longer ones */

struct vnc {
	char password[VNC_PASSWORD_LEN + 1]; /* until it is in its file */
	char *display;                       /* HOST:N; NULL: not known */
	int port;                            /* 0: none, as with a unix socket */
	char *problem;
};

/* The machine answers on QMP. One that was taken over keeps its password when the two files are there. */
void vnc_start(struct agent *a);
/* The machine has ended. */
void vnc_end(struct agent *a);
/* {"display":"127.0.0.1:0","port":5900,"passwordFile":PATH}; NULL when there is none. The caller frees it. */
cJSON *vnc_json(const struct agent *a);

#endif
