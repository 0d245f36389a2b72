/* sshconf - see sshconf.h. The syntax is ssh_config(5): a value with blanks stands in double quotes; '%' begins a token
 * in file names and is written "%%"; there is no way to write a double quote or a newline, and "${" would be
 * replaced by the environment. */
#include "sshconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance_files.h"

static const char *value_problem(const char *v)
{
	for (const char *p = v; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "a control character";
	return strchr(v, '"') ? "a double quote" : strchr(v, '\\') ? "a backslash" : strstr(v, "${") ? "\"${\"" : NULL;
}

/* A file name, with `name` below dir when it is not NULL. */
static void put_path(struct buf *out, const char *key, const char *dir, const char *name)
{
	buf_addf(out, "  %s \"", key);
	for (const char *p = dir; *p; p++)
		buf_adds(out, *p == '%' ? "%%" : (char[2]){ *p, '\0' });
	buf_addf(out, "%s%s\"\n", name ? "/" : "", name ? name : "");
}

static int check(const char *what, const char *v, struct err *e)
{
	const char *problem = value_problem(v);

	if (!problem)
		return 0;
	return err_set(e, EXIT_BADDATA, "%s: %s contains %s, which ssh_config cannot express", F_AGENT_CONF, what,
		       problem);
}

static size_t put_identities(struct buf *out, const struct kv *conf)
{
	size_t n = (size_t)kv_num(conf, 0, "ssh.identities"), left_out = 0;

	for (size_t i = 0; i < n; i++) {
		const char *path = kv_get(conf, "", "ssh.identities.%zu", i);

		if (!*path || value_problem(path))
			left_out++;
		else
			put_path(out, "IdentityFile", path, NULL);
	}
	return left_out;
}

static void put_switches(struct buf *out, const struct kv *conf)
{
	static const struct {
		const char *key, *option;
	} switches[] = {
		{ "ssh.forwardAgent", "ForwardAgent" },
		{ "ssh.forwardX11", "ForwardX11" },
		{ "ssh.forwardX11Trusted", "ForwardX11Trusted" },
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
		if (kv_bool(conf, "%s", switches[i].key))
			buf_addf(out, "  %s yes\n", switches[i].option);
}

int sshconf_text(const struct kv *conf, const char *dir, int port, enum ssh_aes aes, struct buf *out, size_t *left_out,
		 struct err *e)
{
	const char *host = kv_get(conf, "", "hostname"), *user = kv_get(conf, "", "user");
	const char *address = kv_get(conf, "127.0.0.1", "ssh.address");

	if (check("the path of the instance", dir, e) < 0 || check("hostname", host, e) < 0 ||
	    check("user", user, e) < 0 || check("ssh.address", address, e) < 0)
		return -1;
	buf_addf(out,
		 "# How to reach this machine: ssh -F THIS-FILE %s\n"
		 "# Written by lima-hostagent at each start (the port changes); edits are lost. An input of ssh only.\n"
		 "Host %s\n"
		 "  Hostname %s\n"
		 "  Port %d\n"
		 "  User \"%s\"\n",
		 host, host, address, port, user);
	*left_out = put_identities(out, conf);
	buf_addf(out,
		 "  IdentitiesOnly yes\n"
		 "  PreferredAuthentications publickey\n"
		 "  BatchMode yes\n"
		 "  HostKeyAlias %s\n"
		 "  StrictHostKeyChecking yes\n"
		 "  GlobalKnownHostsFile /dev/null\n"
		 "  UpdateHostKeys no\n"
		 "  CheckHostIP no\n",
		 host);
	put_path(out, "UserKnownHostsFile", dir, F_KNOWN_HOSTS);
	buf_addf(out, "  Compression no\n  Ciphers %s\n",
		 aes == SSH_AES_FAST ? "^aes128-gcm@openssh.com,aes256-gcm@openssh.com" :
				       "^chacha20-poly1305@openssh.com");
	put_switches(out, conf);
	buf_adds(out, "  ControlMaster auto\n");
	put_path(out, "ControlPath", dir, F_SSH_SOCK);
	buf_adds(out, "  ControlPersist yes\n");
	return 0;
}

bool cpu_has_aes(const char *cpuinfo)
{
	FILE *f = fopen(cpuinfo, "re");
	char line[8192];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		bool flags = !strncmp(line, "flags", 5) || !strncmp(line, "Features", 8);

		line[strcspn(line, "\n")] = '\0';
		for (char *save, *w = strtok_r(line, " \t:", &save); w; w = strtok_r(NULL, " \t:", &save))
			found = found || (flags && !strcmp(w, "aes"));
	}
	if (f)
		fclose(f);
	return found;
}
