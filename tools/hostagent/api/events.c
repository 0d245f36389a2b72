/* events - see events.h. */
#include "events.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "hostagent/logfile.h"
#include "hostagent/text.h"

static void drop_oldest(struct events *ev)
{
	ev->bytes -= strlen(ev->line[ev->first]);
	free(ev->line[ev->first]);
	ev->line[ev->first] = NULL;
	ev->first = (ev->first + 1) % EVENTS_KEEP;
	ev->n--;
}

static void keep(struct events *ev, char *line)
{
	size_t len = strlen(line);

	while (ev->n > 0 && (ev->n == EVENTS_KEEP || ev->bytes + len > EVENTS_KEEP_BYTES))
		drop_oldest(ev);
	ev->line[(ev->first + ev->n++) % EVENTS_KEEP] = line;
	ev->bytes += len;
}

char *events_text(cJSON *status)
{
	char when[TIME_TEXT], *json = cJSON_PrintUnformatted(status), *line;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	text_time(&now, when);
	line = xasprintf("{\"time\":\"%s\",\"status\":%s}\n", when, json ? json : "{}");
	cJSON_free(json);
	cJSON_Delete(status);
	return line;
}

void events_emit(struct events *ev, cJSON *status)
{
	char *line = events_text(status);

	if (logfile_write(STDOUT_FILENO, line, strlen(line)) < 0) {
		/* Followers of ha.sock still get it. */
	}
	keep(ev, line);
	if (ev->follow)
		ev->follow(ev->arg, line);
}

const char *events_line(const struct events *ev, size_t i)
{
	return i < ev->n ? ev->line[(ev->first + i) % EVENTS_KEEP] : NULL;
}

void events_free(struct events *ev)
{
	while (ev->n > 0)
		drop_oldest(ev);
}
