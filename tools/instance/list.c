/* list and status: what there is and how it is, for people, or as JSON lines. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "dirs.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "kv.h"
#include "name.h"
#include "num.h"

struct row {
	struct instance in;
	struct state_info s;
	struct kv conf; /* empty when it was never built */
};

static void row_open(struct row *row)
{
	char *path = instance_path(&row->in, F_AGENT_CONF);
	struct err ignored = { 0 };

	if (kv_load(path, &row->conf, &ignored) < 0)
		row->conf = (struct kv){ 0 };
	state_read(&row->in, &row->s);
	free(path);
}

static void row_close(struct row *row)
{
	kv_free(&row->conf);
	state_free(&row->s);
	instance_close(&row->in);
}

static const char *size_text(const struct row *row, const char *key, char out[32])
{
	size_format(kv_num(&row->conf, 0, "%s", key), out, 32);
	return out;
}

static void print_row(const struct row *row)
{
	char memory[32], disk[32], ssh[64] = "-";
	const char *user_home = getenv("HOME");
	size_t n = user_home ? strlen(user_home) : 0;
	bool below = n > 1 && !strncmp(row->in.dir, user_home, n) && row->in.dir[n] == '/';

	if (row->s.ssh_port)
		snprintf(ssh, sizeof(ssh), "%s:%d", kv_get(&row->conf, "127.0.0.1", "ssh.address"), row->s.ssh_port);
	printf("%-16s %-9s %-18s %-7s %-8s %-5s %-9s %-9s %s%s\n", row->in.name, state_name(row->s.state), ssh, "qemu",
	       kv_get(&row->conf, "-", "arch"), kv_get(&row->conf, "-", "cpus"), size_text(row, "memory", memory),
	       size_text(row, "disk", disk), below ? "~" : "", row->in.dir + (below ? n : 0));
}

static void print_json(const struct row *row)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(o, "name", row->in.name);
	cJSON_AddStringToObject(o, "hostname", row->in.hostname);
	cJSON_AddStringToObject(o, "status", state_name(row->s.state));
	cJSON_AddStringToObject(o, "dir", row->in.dir);
	cJSON_AddStringToObject(o, "vmType", "qemu");
	cJSON_AddStringToObject(o, "arch", kv_get(&row->conf, "", "arch"));
	cJSON_AddNumberToObject(o, "cpus", (double)kv_num(&row->conf, 0, "cpus"));
	cJSON_AddNumberToObject(o, "memory", (double)kv_num(&row->conf, 0, "memory"));
	cJSON_AddNumberToObject(o, "disk", (double)kv_num(&row->conf, 0, "disk"));
	if (row->s.ssh_port)
		cJSON_AddNumberToObject(o, "sshLocalPort", row->s.ssh_port);
	if (row->s.agent_pid)
		cJSON_AddNumberToObject(o, "hostAgentPID", (double)row->s.agent_pid);
	if (row->s.qemu_pid)
		cJSON_AddNumberToObject(o, "driverPID", (double)row->s.qemu_pid);
	text = cJSON_PrintUnformatted(o);
	if (text)
		puts(text);
	free(text);
	cJSON_Delete(o);
}

static int is_instance(const struct dirent *de)
{
	struct err ignored = { 0 };

	return de->d_name[0] != '.' && de->d_name[0] != '_' && name_check_instance(de->d_name, &ignored) == 0;
}

int verb_list(const struct request *rq, struct err *e)
{
	char *home = dirs_home(e);
	struct dirent **entry = NULL;
	int n, shown = 0;

	if (!home)
		return -1;
	n = scandir(home, &entry, is_instance, alphasort);
	for (int i = 0; i < n; i++) {
		struct row row = { 0 };

		if (instance_open(entry[i]->d_name, &row.in, e) == 0) {
			if (instance_exists(&row.in)) {
				row_open(&row);
				if (!shown++ && !rq->json)
					printf("%-16s %-9s %-18s %-7s %-8s %-5s %-9s %-9s %s\n", "NAME", "STATUS", "SSH", "VMTYPE", "ARCH",
					       "CPUS", "MEMORY", "DISK", "DIR");
				rq->json ? print_json(&row) : print_row(&row);
			}
			row_close(&row);
		}
		free(entry[i]);
	}
	free(entry);
	if (!shown && !rq->json)
		say("there is no instance in %s; 'make start' makes one", home);
	free(home);
	return fflush(stdout) < 0 ? err_sys(e, EXIT_IOERR, "cannot write") : 0;
}

/* Why the last run ended, as the host agent wrote it down. */
static void print_last_exit(const struct row *row)
{
	char *path = instance_path(&row->in, D_MAKE "/last-exit");
	struct err ignored = { 0 };
	struct kv kv;

	if (kv_load(path, &kv, &ignored) == 0) {
		printf("last end:  %s\n", kv_get(&kv, "-", "reason"));
		kv_free(&kv);
	}
	free(path);
}

static const char *text_in(const cJSON *o, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return text ? text : "";
}

/* What is forwarded, one a line, and what should be but cannot, with the reason. */
static void print_forwards(const cJSON *info)
{
	const cJSON *f, *list = cJSON_GetObjectItemCaseSensitive(info, "portForwards");

	cJSON_ArrayForEach(f, list) {
		const char *error = text_in(f, "error");
		bool reverse = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(f, "reverse"));

		printf("forward:   %s guest %s %s host %s%s%s%s\n", text_in(f, "protocol"), text_in(f, "guestAddr"),
		       reverse ? "<-" : "->", text_in(f, "hostAddr"), *error ? " FAILED: " : "", error,
		       strcmp(text_in(f, "state"), "waiting") ? "" : " (waiting)");
	}
}

static void print_errors(const struct row *row)
{
	cJSON *o = row->s.json ? cJSON_Parse(row->s.json) : NULL;
	const cJSON *item, *list = cJSON_GetObjectItemCaseSensitive(o, "errors");

	cJSON_ArrayForEach(item, list)
		if (cJSON_IsString(item))
			printf("problem:   %s\n", item->valuestring);
	print_forwards(o);
	cJSON_Delete(o);
}

int verb_status(const struct request *rq, struct err *e)
{
	struct row row = { 0 };
	char memory[32], disk[32];

	if (instance_open(rq->name, &row.in, e) < 0)
		return -1;
	if (instance_must_exist(&row.in, e) < 0) {
		instance_close(&row.in);
		return -1;
	}
	row_open(&row);
	if (rq->json) {
		puts(row.s.json ? row.s.json : "{\"state\":\"stopped\"}");
	} else {
		printf("instance:  %s\nstatus:    %s\ndirectory: %s\n", row.in.name, state_name(row.s.state), row.in.dir);
		printf("machine:   %s, %s CPUs, %s memory, %s disk\n", kv_get(&row.conf, "-", "arch"), kv_get(&row.conf, "-", "cpus"),
		       size_text(&row, "memory", memory), size_text(&row, "disk", disk));
		if (row.s.ssh_port)
			printf("ssh:       ssh -F '%s/%s' %s   (port %d)\n", row.in.dir, F_SSH_CONFIG, row.in.hostname, row.s.ssh_port);
		if (row.s.agent_pid)
			printf("processes: host agent %ld, QEMU %ld\n", (long)row.s.agent_pid, (long)row.s.qemu_pid);
		if (row.s.why)
			printf("problem:   %s\n", row.s.why);
		print_errors(&row);
		if (row.s.state == ST_STOPPED)
			print_last_exit(&row);
		printf("logs:      %s/{serial.log,%s}\n", row.in.dir, F_HA_STDERR);
	}
	row_close(&row);
	return fflush(stdout) < 0 ? err_sys(e, EXIT_IOERR, "cannot write") : 0;
}
