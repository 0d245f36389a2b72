/* inspect - see inspect.h. */
#include "inspect.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag.h"
#include "dirs.h"
#include "fields.h"
#include "file.h"
#include "instance_files.h"
#include "log.h"
#include "name.h"
#include "render/host.h"
#include "render/resolve.h"
#include "utf8.h"

#define SSH_CONFIG_MAX (64u << 10)
#define VERSION_MAX 256
#define VM_TYPE "qemu"
#define SSH_ADDRESS "127.0.0.1"

/* --- lima.yaml --- */

static void add_findings(struct inspection *i, struct diag *d)
{
	diag_sort(d);
	for (size_t k = 0; k < d->n; k++) {
		struct buf line = { 0 };

		if (!d->item[k].warning) {
			diag_line(&d->item[k], &line);
			strv_add(&i->errors, buf_str(&line));
		}
		buf_free(&line);
	}
}

static void load_config(struct inspection *i, const struct instance *in)
{
	char *path = instance_path(in, F_LIMA_YAML);
	struct buf text = { 0 };
	struct diag d = { 0 };
	struct err e = { 0 };
	struct node *yaml = NULL;

	if (!i->exists)
		err_set(&e, EXIT_NO, "open %s: no such file or directory", path);
	else if (file_read(path, TREE_TEXT_MAX, &text, &e) == 0)
		yaml = tree_parse(buf_str(&text), text.len, path, &e);
	if (yaml)
		i->config = resolve_instance(yaml, in->dir, in->home, false, &d);
	else
		strv_add(&i->errors, e.msg);
	add_findings(i, &d);
	diag_free(&d);
	node_free(yaml);
	buf_free(&text);
	free(path);
}

/* --- the state --- */

/* The port in ssh.config, 0 when there is none. */
static int port_of_config(const struct instance *in)
{
	char *path = instance_path(in, F_SSH_CONFIG);
	struct buf text = { 0 };
	struct err ignored = { 0 };
	int port = 0;

	if (path_exists(path) && file_read(path, SSH_CONFIG_MAX, &text, &ignored) == 0) {
		const char *line = buf_str(&text);

		for (; *line && port == 0; line += strcspn(line, "\n"), line += *line == '\n') {
			const char *p = line + strspn(line, " \t");

			if (!strncmp(p, "Port ", 5))
				port = atoi(p + 5);
		}
	}
	buf_free(&text);
	free(path);
	return port > 0 && port < 65536 ? port : 0;
}

static void read_state(struct inspection *i, const struct instance *in)
{
	struct state_info *s = &i->state;
	bool agent, driver;

	state_read(in, s);
	agent = s->agent_pid != 0;
	driver = s->qemu_pid != 0 || s->state == ST_ORPHANED;
	i->ssh_port = s->ssh_port ? s->ssh_port : port_of_config(in);
	i->status = agent && driver ? "Running" : agent || driver ? "Broken" : "Stopped";
	if (s->state == ST_ORPHANED)
		strv_addf(&i->errors, VM_TYPE " driver is running but host agent is not: %s", s->why ? s->why : "");
	else if (agent && s->why)
		strv_add(&i->errors, s->why);
	else if (agent && !driver)
		strv_add(&i->errors, "host agent is running but driver is not");
}

/* --- the map --- */

static void put_str(struct inspection *i, const char *key, const char *text)
{
	map_append(i->data, key, (struct pos){ 0 }, node_str(text));
}

static void put_int(struct inspection *i, const char *key, int64_t n)
{
	if (n)
		map_append(i->data, key, (struct pos){ 0 }, node_int(n));
}

/* A part of the configuration; left out when it is empty. */
static void put_part(struct inspection *i, const char *key, const struct node *config, const char *from)
{
	const struct node *n = map_get(config, from);

	if (n && n->n)
		map_append(i->data, key, (struct pos){ 0 }, node_copy(n));
}

static void put_size(struct inspection *i, const char *key)
{
	uint64_t bytes;

	if (resolve_bytes(i->config, key, &bytes) == 0)
		put_int(i, key, (int64_t)bytes);
}

static void put_config(struct inspection *i, const struct node *shown)
{
	put_int(i, "cpus", tree_int(i->config, 0, "cpus"));
	put_size(i, "memory");
	put_size(i, "disk");
	if (*tree_str(i->config, "", "message"))
		put_str(i, "message", tree_str(i->config, "", "message"));
	put_part(i, "additionalDisks", shown, "additionalDisks");
	put_part(i, "network", shown, "networks");
}

static void put_state(struct inspection *i, const struct instance *in)
{
	char *config = instance_path(in, F_SSH_CONFIG);

	put_int(i, "sshLocalPort", i->ssh_port);
	if (i->config)
		put_str(i, "sshConfigFile", config);
	put_int(i, "hostAgentPID", i->state.agent_pid);
	put_int(i, "driverPID", i->state.qemu_pid);
	free(config);
}

static void put_errors(struct inspection *i)
{
	struct node *list = node_new(NODE_SEQ);

	if (!i->errors.n) {
		node_free(list);
		return;
	}
	for (size_t k = 0; k < i->errors.n; k++)
		seq_add(list, node_str(i->errors.v[k]));
	map_append(i->data, "errors", (struct pos){ 0 }, list);
}

/* 1.2.3, perhaps with a v in front and more behind. */
static bool is_version(const char *s)
{
	static const char digits[] = "0123456789";

	s += *s == 'v';
	for (int i = 0; i < 3; i++) {
		size_t n = strspn(s, digits);

		if (n == 0 || (i < 2 && s[n] != '.'))
			return false;
		s += n + (i < 2);
	}
	return !*s || *s == '-' || *s == '+';
}

static void put_version(struct inspection *i, const struct instance *in)
{
	char *path = instance_path(in, F_LIMA_VERSION), *protected = instance_path(in, F_PROTECTED);
	struct buf text = { 0 };
	struct err ignored = { 0 };

	if (path_exists(path) && file_read(path, VERSION_MAX, &text, &ignored) == 0 && text.len) {
		text.data[strcspn(text.data, " \t\r\n")] = '\0';
		if (!is_version(text.data))
			log_warn("treating lima version %s from %s as very latest release", q(text.data), q(path));
	}
	map_append(i->data, "protected", (struct pos){ 0 }, node_bool(path_exists(protected)));
	put_str(i, "limaVersion", text.data && utf8_valid(text.data, strlen(text.data)) ? text.data : "");
	buf_free(&text);
	free(protected);
	free(path);
}

static void put_started_by(struct inspection *i)
{
	cJSON *info = i->state.json ? cJSON_Parse(i->state.json) : NULL;
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(info, "autoStartedIdentifier"));

	if (id && *id)
		put_str(i, "autoStartedIdentifier", id);
	cJSON_Delete(info);
}

/* Of this machine, for templates of old. */
static void put_host(struct inspection *i, const struct instance *in)
{
	char *identity = path_join(in->home, "_config/user"), *arch = host_arch();

	put_str(i, "HostOS", "linux");
	put_str(i, "HostArch", arch);
	put_str(i, "LimaHome", in->home);
	put_str(i, "IdentityFile", identity);
	free(identity);
	free(arch);
}

/* The message with its templates, which see everything else of the map. */
static void expand_message(struct inspection *i)
{
	const char *message = tree_str(i->data, NULL, "message");
	struct buf text = { 0 };
	struct err e = { 0 };

	if (!message || !strstr(message, "{{"))
		return;
	if (fields_expand(message, i->data, &text, &e) == 0)
		map_set(i->data, "message", node_str(buf_str(&text)));
	else
		strv_addf(&i->errors, "message: %s", e.msg);
	buf_free(&text);
}

static void build(struct inspection *i, const struct instance *in)
{
	struct node *shown = i->config ? config_shown(i->config) : NULL;

	i->data = node_new(NODE_MAP);
	put_str(i, "name", in->name);
	put_str(i, "hostname", in->hostname);
	put_str(i, "status", i->status);
	put_str(i, "dir", in->dir);
	put_str(i, "vmType", i->config ? VM_TYPE : "");
	put_str(i, "arch", tree_str(i->config, "", "arch"));
	if (i->config)
		put_config(i, shown);
	put_state(i, in);
	put_errors(i);
	if (shown) {
		map_append(i->data, "config", (struct pos){ 0 }, shown);
		put_str(i, "sshAddress", SSH_ADDRESS);
	}
	put_version(i, in);
	put_part(i, "param", shown, "param");
	put_started_by(i);
	put_host(i, in);
	expand_message(i);
}

int inspect(const char *name, struct inspection *i, struct err *e)
{
	struct instance in;

	*i = (struct inspection){ .status = "" };
	if (instance_open(name, &in, e) < 0)
		return -1;
	i->name = xstrdup(in.name);
	i->dir = xstrdup(in.dir);
	i->exists = instance_exists(&in);
	load_config(i, &in);
	if (i->config)
		read_state(i, &in);
	else if (!i->exists)
		i->status = "Broken";
	build(i, &in);
	instance_close(&in);
	return 0;
}

int inspect_existing(const char *name, struct inspection *i, struct err *e)
{
	if (inspect(name, i, e) < 0)
		return -1;
	if (i->exists)
		return 0;
	err_set(e, EXIT_NO, "open %s/" F_LIMA_YAML ": no such file or directory", i->dir);
	inspect_free(i);
	return -1;
}

void inspect_free(struct inspection *i)
{
	free(i->name);
	free(i->dir);
	strv_free(&i->errors);
	node_free(i->data);
	node_free(i->config);
	state_free(&i->state);
	*i = (struct inspection){ .status = "" };
}

char *inspect_errors(const struct inspection *i)
{
	struct buf text = { 0 };

	buf_addc(&text, '[');
	for (size_t k = 0; k < i->errors.n; k++)
		buf_addf(&text, "%s%s", k ? " " : "", i->errors.v[k]);
	buf_addc(&text, ']');
	return buf_detach(&text);
}

/* --- all --- */

static bool is_folder(const char *home, const struct dirent *de)
{
	char *path = path_join(home, de->d_name);
	struct stat st;
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	free(path);
	return folder;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int inspect_names(struct strv *names, struct err *e)
{
	char *home = dirs_home(e);
	DIR *d = home ? opendir(home) : NULL;
	struct err ignored = { 0 };

	if (!d) {
		int r = !home ? -1 : errno == ENOENT ? 0 : err_sys(e, EXIT_IOERR, "cannot read %s", home);

		free(home);
		return r;
	}
	for (const struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.' && de->d_name[0] != '_' && name_check_instance(de->d_name, &ignored) == 0 && is_folder(home, de))
			strv_add(names, de->d_name);
	closedir(d);
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), compare);
	free(home);
	return 0;
}
