/* screenshot - pictures of the machine's display for GET /v1/screenshot, taken by QEMU.
 *
 *   200  image/png (what is asked for without format=), image/bmp, image/x-portable-pixmap
 *   400  another format          422  the machine has no display          501  this QEMU cannot write the format
 *   503  it is not up, or too many are being taken          504  QEMU does not answer          500  anything else
 */
#ifndef HOSTAGENT_SCREENSHOT_H
#define HOSTAGENT_SCREENSHOT_H

struct agent;
struct evhttp_request;
struct event;

#define SCREENSHOTS_MAX 4            /* at once */
#define SCREENSHOT_BYTES_MAX (64u << 20)

struct shot {
	struct agent *a;
	struct evhttp_request *req; /* NULL: its answer was given already */
	const struct shot_format *format;
	char *path; /* NULL: the slot is free */
	struct event *timer;
};

struct screenshots {
	struct shot shot[SCREENSHOTS_MAX];
	unsigned count;
};

void screenshot_take(struct agent *a, struct evhttp_request *req);
/* QEMU will not answer any more to what it was asked: the connection is over, or all ends. */
void screenshots_end(struct agent *a);

#endif
