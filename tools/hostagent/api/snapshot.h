/* snapshot - POST /v1/snapshot: snapshots of the running machine, made by QEMU in its disks.
 *
 * The body is {"action":"create"|"apply"|"delete","tag":TAG} or {"action":"list"}.
 *   200  {"output":TEXT}: what QEMU's monitor said; usually nothing, for "list" its table, "Error: ..." when it failed
 *   400  another body, or a tag that the monitor could not be given       404  there is no snapshot with this tag
 *   409  another one is being worked on        503  the machine is not up, or ended meanwhile        500  anything else
 */
#ifndef HOSTAGENT_SNAPSHOT_H
#define HOSTAGENT_SNAPSHOT_H

struct agent;
struct evhttp_request;

#define SNAPSHOT_TAG_MAX 128 /* bytes; QEMU keeps 255 */

void snapshot_take(struct agent *a, struct evhttp_request *req);
/* QEMU will not answer any more to what it was asked: the connection is over, or all ends. */
void snapshot_end(struct agent *a);

#endif
