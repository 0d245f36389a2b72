/* uses: hostagent dns loop */
/* events: lines, the bounded history, the follower; and the texts that events are made of. */
#include "hostagent/api/events.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "hostagent/text.h"
#include "tap.h"
#include "utf8.h"

static unsigned followed;

static void on_line(void *arg, const char *line)
{
	(void)arg;
	followed++;
	if (line[strlen(line) - 1] != '\n')
		followed += 1000000;
}

/* Standard output is TAP here: events go to a pipe that nobody reads beyond need. */
static void history(void)
{
	static struct events ev;
	int saved = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cJSON *last, *status;

	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	ev.follow = on_line;
	for (int i = 0; i < EVENTS_KEEP + 10; i++) {
		cJSON *st = cJSON_CreateObject();

		cJSON_AddNumberToObject(st, "sshLocalPort", i);
		events_emit(&ev, st);
	}
	dup2(saved, STDOUT_FILENO);
	is_num(followed, EVENTS_KEEP + 10, "the follower saw all");
	ok(events_line(&ev, EVENTS_KEEP - 1) && !events_line(&ev, EVENTS_KEEP), "the history is bounded");
	ok(strstr(events_line(&ev, 0), "\"sshLocalPort\":10}") != NULL, "the oldest went first");
	last = cJSON_Parse(events_line(&ev, EVENTS_KEEP - 1));
	status = cJSON_GetObjectItem(last, "status");
	is_num(cJSON_GetObjectItem(status, "sshLocalPort")->valuedouble, EVENTS_KEEP + 9, "a line is JSON");
	ok(cJSON_IsString(cJSON_GetObjectItem(last, "time")), "with its time");
	cJSON_Delete(last);
	followed = 0;
	dup2(null, STDOUT_FILENO);
	for (int i = 0; i < 40; i++) {
		cJSON *st = cJSON_CreateObject();
		char *big = malloc(65537);

		memset(big, 'x', 65536);
		big[65536] = '\0';
		cJSON_AddStringToObject(st, "step", big);
		free(big);
		events_emit(&ev, st);
	}
	dup2(saved, STDOUT_FILENO);
	ok(ev.bytes <= EVENTS_KEEP_BYTES, "and so are its bytes (%zu)", ev.bytes);
	events_free(&ev);
	close(saved);
	close(null);
}

static void clean(const char *in, size_t n, size_t max, const char *want, const char *name)
{
	char *got = text_clean(in, n, max);

	is_str(got, want, name);
	free(got);
}

static void times(void)
{
	char out[TIME_TEXT];

	setenv("TZ", "JST-9", 1);
	tzset();
	text_time(&(struct timespec){ 1767333844, 123456789 }, out);
	is_str(out, "2026-01-02T15:04:04.123456789+09:00", "a time with all its digits");
	text_time(&(struct timespec){ 1767333844, 120000000 }, out);
	is_str(out, "2026-01-02T15:04:04.12+09:00", "trailing zeros are dropped");
	text_time(&(struct timespec){ 1767333844, 0 }, out);
	is_str(out, "2026-01-02T15:04:04+09:00", "and the point");
}

static void tails(void)
{
	struct tail t = { .max = 24 };
	char *line;

	tail_add(&t, "first line\nsecond", 17);
	tail_add(&t, " line\r\nthird\033[0m line\n", 22);
	line = tail_oneline(&t);
	is_str(line, "third?[0m line", "a window of whole lines");
	free(line);
	tail_add(&t, "0123456789012345678901234567890123456789", 40);
	line = tail_oneline(&t);
	is_str(line, "678901234567890123456789", "of the last bytes when there is no line");
	free(line);
	tail_free(&t);
}

int main(void)
{
	struct buf b = { 0 };

	history();
	clean("a\033[31mb\007\n\tc", 11, 100, "a?[31mb?? c", "control characters");
	clean("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8e", 11, 100, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8e", "UTF-8 stays");
	clean("\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xff \xc2\x9b \xe2\x82", 19, 100, "?? ??? ???? ? ?? ??",
	      "overlong, surrogates, too high, not UTF-8, C1 controls, cut off");
	clean("\xc3\xbc\xc3\xbc", 4, 3, "\xc3\xbc", "cut at a character");
	clean("a\0b", 3, 100, "a?b", "a zero byte");
	json_string(&b, "q\"b\\n\nt\001\177");
	is_str(buf_str(&b), "\"q\\\"b\\\\n\\nt\\u0001\\u007f\"", "a JSON string");
	buf_free(&b);
	times();
	tails();
	return done();
}
