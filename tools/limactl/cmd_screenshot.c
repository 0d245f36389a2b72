/* screenshot - the picture on the machine's display, from its host agent. Source: spec/cli.md section 8.23. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "file.h"
#include "inspect.h"

#define TIMEOUT_MS 30000

/* "png" or "bmp" after the name of the file; NULL for others. */
static const char *format_of(const char *file)
{
	const char *slash = strrchr(file, '/'), *dot = strrchr(slash ? slash : file, '.');

	return !dot ? NULL : !strcmp(dot, ".png") ? "png" : !strcmp(dot, ".bmp") ? "bmp" : NULL;
}

static int fetch(const struct inspection *i, const char *format, struct buf *image, struct err *e)
{
	char *path = xasprintf("/v1/screenshot?format=%s", format), *reason;
	struct instance in;
	int status = instance_open(i->name, &in, e);

	if (status == 0) {
		status = agent_exchange(&in, "GET", path, NULL, TIMEOUT_MS, image, e);
		instance_close(&in);
	}
	free(path);
	if (status < 0)
		return -1;
	if (status / 100 == 2)
		return 0;
	reason = agent_reason(image);
	err_set(e, EXIT_NO, "failed to take a screenshot of instance %s: %s (HTTP status %d)", q(i->name), reason, status);
	free(reason);
	return -1;
}

static int save(const struct inspection *i, const char *file, struct err *e)
{
	const char *format = format_of(file);
	struct buf image = { 0 };
	int r;

	if (!format)
		return err_set(e, EXIT_NO, "unsupported extension of the file %s, must be .png or .bmp", q(file));
	if (strcmp(i->status, "Running") != 0)
		return err_set(e, EXIT_NO, "instance %s is not running (status: %s)", qq(i->name), i->status);
	r = fetch(i, format, &image, e);
	if (r == 0)
		r = file_write(file, buf_str(&image), image.len, 0644, e);
	if (r == 0)
		log_info("Screenshot saved to %s (%zu bytes)", qq(file), image.len);
	buf_free(&image);
	return r;
}

static int run(struct ctl *c, struct err *e)
{
	char *file;
	struct inspection i;
	int r;

	if (inspect_existing(c->args.v[0], &i, e) < 0)
		return -1;
	file = *flag_string(c->flags, "output") ? xstrdup(flag_string(c->flags, "output")) : xasprintf("%s-screenshot.png", i.name);
	r = save(&i, file, e);
	free(file);
	inspect_free(&i);
	return r;
}

static const struct flag_spec flags[] = {
	{ .name = "output", .letter = 'o', .type = FLAG_STRING, .arg = "FILE", .complete = COMPLETE_FILE,
	  .help = "the file, .png or .bmp (default: INSTANCE-screenshot.png)" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

const struct command cmd_screenshot = {
	.name = "screenshot",
	.group = GROUP_ADVANCED,
	.use = "[flags] INSTANCE",
	.summary = "Take a picture of the display of an instance",
	.min_args = 1,
	.max_args = 1,
	.flags = tables,
	.complete = COMPLETE_INSTANCE,
	.run = run,
};
