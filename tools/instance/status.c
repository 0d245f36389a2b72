/* status - one screen about one instance: what it does, what is wrong, and what to do about it. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "buf.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "kv.h"
#include "num.h"

/* Less than that on the file system of the disk is worth a word. */
#define LITTLE_ROOM (256u << 20)

/* A text from files or processes of others: control characters must not reach a terminal. The lines behind the first are
 * those of a log. */
static void print_text(const char *label, const char *text)
{
	printf("%-10s ", label);
	for (; *text; text++) {
		if (*text == '\n')
			printf("\n%-10s ", "");
		else
			putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	}
	putchar('\n');
}

static const char *text_of(const cJSON *o, const char *key)
{
	const char *v = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return v ? v : "";
}

static double number_of(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

static const char *size_text(uint64_t bytes, char out[32])
{
	size_format(bytes, out, 32);
	return out;
}

static void print_machine(const struct kv *conf)
{
	char memory[32], disk[32];

	printf("machine:   %s, %s CPUs, %s memory, %s disk\n", kv_get(conf, "-", "arch"), kv_get(conf, "-", "cpus"),
	       size_text(kv_num(conf, 0, "memory"), memory), size_text(kv_num(conf, 0, "disk"), disk));
}

static void print_phase(const cJSON *info)
{
	const cJSON *phases = cJSON_GetObjectItemCaseSensitive(info, "phases");
	const cJSON *last = cJSON_GetArrayItem(phases, cJSON_GetArraySize(phases) - 1);

	if (last)
		printf("phase:     %s, for %.0f s\n", text_of(info, "phase"), number_of(last, "duration"));
}

static void print_usage(const cJSON *info)
{
	const cJSON *usage = cJSON_GetObjectItemCaseSensitive(info, "usage");
	const cJSON *qemu = cJSON_GetObjectItemCaseSensitive(usage, "qemu");
	const cJSON *disk = cJSON_GetObjectItemCaseSensitive(usage, "disk");
	char memory[32], bytes[32];

	if (qemu)
		printf("uses:      %s memory, %.0f s of CPU time, %s on the disk of the host\n",
		       size_text((uint64_t)number_of(qemu, "memory"), memory), number_of(qemu, "cpu"),
		       size_text((uint64_t)number_of(disk, "allocated"), bytes));
}

static void print_vnc(const cJSON *info)
{
	const cJSON *vnc = cJSON_GetObjectItemCaseSensitive(info, "vnc");

	if (vnc)
		printf("vnc:       %s, password in '%s'\n", text_of(vnc, "display"), text_of(vnc, "passwordFile"));
}

static void print_networks(const cJSON *info)
{
	const cJSON *net, *list = cJSON_GetObjectItemCaseSensitive(info, "networks");

	cJSON_ArrayForEach(net, list) {
		const char *address = text_of(net, "address");

		printf("network:   %s, address %s\n", text_of(net, "name"), *address ? address : "not known yet");
	}
}

/* What is forwarded, one a line, and what should be but cannot, with the reason. */
static void print_forwards(const cJSON *info)
{
	const cJSON *f, *list = cJSON_GetObjectItemCaseSensitive(info, "portForwards");

	cJSON_ArrayForEach(f, list) {
		const char *error = text_of(f, "error");
		bool reverse = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(f, "reverse"));

		printf("forward:   %s guest %s %s host %s%s%s%s\n", text_of(f, "protocol"), text_of(f, "guestAddr"),
		       reverse ? "<-" : "->", text_of(f, "hostAddr"), *error ? " FAILED: " : "", error,
		       strcmp(text_of(f, "state"), "waiting") ? "" : " (waiting)");
	}
}

/* What is wrong with a mount, or other than was asked for. */
static void print_mount(const cJSON *mount)
{
	static const struct {
		const char *key, *title;
	} lines[] = { { "problem", "problem:" }, { "warning", "warning:" } };
	const char *at = text_of(mount, "mountPoint");

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		const cJSON *text = cJSON_GetObjectItemCaseSensitive(mount, lines[i].key);
		char *line = cJSON_IsString(text) ? xasprintf("mount %s: %s", at, text->valuestring) : NULL;

		if (line)
			print_text(lines[i].title, line);
		free(line);
	}
}

static void print_running(const struct instance *in, const struct state_info *s)
{
	cJSON *info = s->json ? cJSON_Parse(s->json) : NULL;
	const cJSON *item, *errors = cJSON_GetObjectItemCaseSensitive(info, "errors");
	const cJSON *mounts = cJSON_GetObjectItemCaseSensitive(info, "mounts");
	char *waiting = live_waiting(in, s->json);

	if (s->ssh_port)
		printf("ssh:       ssh -F '%s/%s' %s   (port %d)\n", in->dir, F_SSH_CONFIG, in->hostname, s->ssh_port);
	print_vnc(info);
	print_networks(info);
	if (s->agent_pid)
		printf("processes: host agent %ld, QEMU %ld\n", (long)s->agent_pid, (long)s->qemu_pid);
	if (s->state == ST_STARTING)
		print_phase(info);
	print_usage(info);
	if (s->why)
		print_text("problem:", s->why);
	cJSON_ArrayForEach(item, errors)
		if (cJSON_IsString(item))
			print_text("problem:", item->valuestring);
	cJSON_ArrayForEach(item, mounts)
		if (cJSON_IsObject(item))
			print_mount(item);
	print_forwards(info);
	if (*waiting)
		print_text("restart:", waiting);
	free(waiting);
	cJSON_Delete(info);
}

/* Why the last run ended, as the host agent wrote it down. */
static void print_stopped(const struct instance *in)
{
	char *path = instance_path(in, D_MAKE "/last-exit");
	struct err ignored = { 0 };
	struct kv kv;

	if (kv_load(path, &kv, &ignored) == 0) {
		printf("last end:  %s\n", kv_get(&kv, "at a time not known", "time"));
		print_text("reason:", kv_get(&kv, "-", "reason"));
		kv_free(&kv);
	}
	free(path);
	printf("next:      'make INSTANCE=%s start'\n", in->name);
}

static void print_room(const struct instance *in)
{
	struct statvfs fs;
	char room[32];

	if (statvfs(in->dir, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= LITTLE_ROOM)
		return;
	printf("problem:   only %s are left on the file system of %s; a machine whose disk cannot grow stands still; make room\n",
	       size_text((uint64_t)fs.f_bavail * fs.f_frsize, room), in->dir);
}

void status_print(const struct instance *in, const struct state_info *s, const struct kv *conf)
{
	printf("instance:  %s\nstatus:    %s\ndirectory: %s\n", in->name, state_name(s->state), in->dir);
	if (conf->n)
		print_machine(conf);
	else
		printf("problem:   it was never built completely; 'make INSTANCE=%s create' does it\n", in->name);
	if (s->state == ST_STOPPED)
		print_stopped(in);
	else
		print_running(in, s);
	print_room(in);
	printf("logs:      %s/{serial.log,%s}\n", in->dir, F_HA_STDERR);
}
