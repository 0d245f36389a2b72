/* relay - lines of the host agent's log as ours. Source: spec/cli.md section 2.4. */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "instance_files.h"
#include "life.h"
#include "oswatch.h"

#define RELAY_LINE_MAX (1u << 20)

void relay_open(struct relay *r, const struct instance *in, bool from_start)
{
	char *path = instance_path(in, F_HA_STDERR);

	*r = (struct relay){ .watch = -1, .path = path };
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd >= 0)
		r->watch = file_watch(path);
	if (r->fd >= 0 && !from_start)
		lseek(r->fd, 0, SEEK_END);
}

/* A fatal line ends the host agent, not us. */
static void relay_line(const char *line)
{
	cJSON *o = cJSON_Parse(line);
	const char *msg = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "msg"));
	const char *level = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "level"));
	int parsed = level ? log_level_parse(level) : LOG_INFO;

	if (parsed == LOG_FATAL || parsed == LOG_PANIC)
		parsed = LOG_ERROR;
	log_msg(parsed < 0 ? LOG_INFO : (enum log_level)parsed, "[hostagent] %s", msg ? msg : line);
	cJSON_Delete(o);
}

static void read_lines(struct relay *r)
{
	char chunk[8192], *nl;
	ssize_t n;

	while (r->fd >= 0 && (n = read(r->fd, chunk, sizeof(chunk))) > 0) {
		buf_add(&r->text, chunk, (size_t)n);
		while (r->text.len && (nl = memchr(r->text.data, '\n', r->text.len))) {
			*nl = '\0';
			relay_line(r->text.data);
			buf_eat(&r->text, (size_t)(nl - r->text.data) + 1);
		}
		if (r->text.len > RELAY_LINE_MAX)
			buf_eat(&r->text, r->text.len);
	}
}

/* A log that has become long is begun anew, see hostagent/logfile.h. True: we are at the start of the new one. */
static bool go_on(struct relay *r)
{
	struct stat ours, now;
	int fd, watch;

	if (r->fd < 0 || fstat(r->fd, &ours) < 0 || lstat(r->path, &now) < 0 || ours.st_ino == now.st_ino)
		return false;
	read_lines(r); /* nobody writes there any more */
	buf_eat(&r->text, r->text.len);
	fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	close(r->fd);
	r->fd = fd;
	watch = r->watch >= 0 ? file_watch(r->path) : -1;
	if (watch >= 0) {
		dup3(watch, r->watch, O_CLOEXEC); /* others know it by its number */
		close(watch);
	}
	return true;
}

void relay_read(void *arg)
{
	struct relay *r = arg;

	if (r->watch >= 0)
		file_watch_rearm(r->watch);
	do
		read_lines(r);
	while (go_on(r));
}

void relay_close(struct relay *r)
{
	relay_read(r);
	if (r->fd >= 0)
		close(r->fd);
	if (r->watch >= 0)
		close(r->watch);
	buf_free(&r->text);
	free(r->path);
	r->path = NULL;
	r->fd = r->watch = -1;
}
