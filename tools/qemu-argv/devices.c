/* devices - network, screen, sound, consoles, mounts and the control sockets. */
#include "line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "instance_files.h"
#include "wire.h"

/* QEMU's user network: the guest is .15, the host .2, the name server .3. */
#define USER_NET "192.168.5.0/24"
#define USER_NET_GUEST "192.168.5.15"

/* A network whose other end listens on a unix socket and talks frames with a length in front. */
static int stream_netdev(struct line *l, size_t id, const char *socket, struct err *e)
{
	const struct conf *c = l->conf;
	const char *again = conf_version(c, 9, 2) ? ",reconnect-ms=500" : conf_version(c, 8, 0) ? ",reconnect=1" : "";

	if (!c->netdev_stream)
		return err_set(e, EXIT_UNAVAIL,
			       "networks: %s is QEMU %u.%u.%u, which has no netdev 'stream'; 7.2 or newer is needed",
			       c->qemu, c->version[0], c->version[1], c->version[2]);
	line_opt(l, "-netdev", "stream,id=net%zu,server=off,addr.type=unix,addr.path=%s%s", id, socket, again);
	return 0;
}

static void nic(struct line *l, size_t id, const char *mac)
{
	line_opt(l, "-device", "virtio-net-%s,netdev=net%zu,mac=%s", l->arch->bus, id, mac);
}

/* user-v2 networks live in $LIMA_HOME/_networks, beside the instances. */
static const char *network_socket(struct line *l, const struct conf_network *n)
{
	char *name;
	const char *path;

	if (!*n->lima)
		return line_esc(l, n->socket);
	name = xasprintf("../_networks/%s/%s_qemu.sock", n->lima, n->lima);
	path = line_file(l, name);
	free(name);
	return path;
}

int line_networks(struct line *l, struct err *e)
{
	const struct conf *c = l->conf;
	size_t first = 0;

	/* The first user-v2 network takes the place of QEMU's user network. */
	while (first < c->nnetworks && !*c->network[first].lima)
		first++;
	if (first == c->nnetworks)
		line_opt(l, "-netdev",
			 "user,id=net0,net=" USER_NET ",dhcpstart=" USER_NET_GUEST ",hostfwd=tcp:%s:%" PRIu64 "-:22",
			 c->ssh_address, c->ssh_port);
	else if (stream_netdev(l, 0, network_socket(l, &c->network[first]), e) < 0)
		return -1;
	nic(l, 0, c->mac);
	for (size_t i = 0; i < c->nnetworks; i++) {
		if (i == first)
			continue;
		if (stream_netdev(l, i + 1, network_socket(l, &c->network[i]), e) < 0)
			return -1;
		nic(l, i + 1, c->network[i].mac);
	}
	return 0;
}

static void sound(struct line *l)
{
	const struct conf *c = l->conf;
	const char *driver = !strcmp(c->audio, "default") ? "pa" : c->audio;

#ifdef __APPLE__
	if (!strcmp(c->audio, "default"))
		driver = "coreaudio";
#endif
	line_opt(l, "-audiodev", "%s,id=snd0", driver);
	if (!strcmp(driver, "none"))
		return;
	if (!strcmp(c->audio_interface, "virtio") && conf_version(c, 8, 2)) {
		line_opt(l, "-device", "virtio-sound-pci,audiodev=snd0");
		return;
	}
	if (!strcmp(c->audio_interface, "virtio"))
		strv_addf(l->notes, "audio.interface: virtio needs QEMU 8.2, this is %u.%u.%u; hda is used",
			  c->version[0], c->version[1], c->version[2]);
	line_opt(l, "-device", "ich9-intel-hda");
	line_opt(l, "-device", "hda-output,audiodev=snd0");
}

void line_screen_and_sound(struct line *l)
{
	const struct conf *c = l->conf;
	bool vnc = !strcmp(c->display, "vnc");

	sound(l);
	if (vnc)
		line_own(l, "-display", "vnc=%s,password=on", c->vnc);
	else
		line_own(l, "-display", "%s", c->display);
	if (!strcmp(c->display, "none")) {
		line_opt(l, "-vga", "none");
	} else {
		line_opt(l, "-device", "%s", l->arch->vga);
		line_opt(l, "-device", "virtio-keyboard-pci");
		line_opt(l, "-device", "virtio-%s-pci", vnc ? "tablet" : "mouse");
	}
	line_opt(l, "-parallel", "none");
}

static void log_socket(struct line *l, const char *id, const char *base)
{
	char *sock = xasprintf("%s.sock", base), *log = xasprintf("%s.log", base);

	line_opt(l, "-chardev", "socket,id=%s,path=%s,server=on,wait=off,logfile=%s,logappend=on", id, line_file(l, sock),
		 line_file(l, log)); /* appended to, so that it can be cut while QEMU has it open */
	free(sock);
	free(log);
}

/* A socket that somebody else has made and listens on, or one that QEMU makes. */
static void control_socket(struct line *l, const char *id, int fd, const char *name)
{
	if (fd == FD_NONE)
		line_opt(l, "-chardev", "socket,id=%s,path=%s,server=on,wait=off", id, line_file(l, name));
	else
		line_opt(l, "-chardev", "socket,id=%s,fd=%d,server=on,wait=off", id, fd);
}

void line_consoles(struct line *l)
{
	log_socket(l, "char-serial", "serial");
	line_opt(l, "-serial", "chardev:char-serial");
	if (l->arch->pci_serial) {
		log_socket(l, "char-serial-pci", "serialp");
		line_opt(l, "-device", "pci-serial,chardev=char-serial-pci");
	}
	log_socket(l, "char-serial-virtio", "serialv");
	/* Port 0 is the console, port 1 the guest agent's. Without an ioeventfd what the guest agent writes leaves QEMU at once, not
	 * after another thread has woken up: measured under emulation, not with KVM. */
	line_opt(l, "-device", "virtio-serial-pci,id=virtio-serial0,max_ports=2%s", !strcmp(l->accel, "tcg") ? ",ioeventfd=off" : "");
	line_opt(l, "-device", "virtconsole,chardev=char-serial-virtio,id=console0");
	control_socket(l, "char-agent", l->opts->agent_fd, F_GA_SOCK);
	line_opt(l, "-device", "virtserialport,chardev=char-agent,id=agent0,name=" WIRE_PORT_NAME);
}

static void nine_p(struct line *l, size_t i, const struct conf_mount *m)
{
	/* A mount may contain other file systems, whose inode numbers must not be mixed up in the guest. */
	const char *remap = conf_version(l->conf, 4, 2) ? ",multidevs=remap" : "";

	line_opt(l, "-fsdev", "local,id=fs%zu,path=%s,security_model=%s%s%s", i, line_esc(l, m->location), m->security,
		 remap, m->writable ? "" : ",readonly=on");
	line_opt(l, "-device", "virtio-9p-%s,fsdev=fs%zu,mount_tag=%s", l->arch->bus, i, m->tag);
}

static void virtiofs(struct line *l, size_t i, const struct conf_mount *m)
{
	char *name = xasprintf("virtiofsd-%zu.sock", i);

	line_opt(l, "-chardev", "socket,id=char-virtiofs-%zu,path=%s", i, line_file(l, name));
	line_opt(l, "-device", "vhost-user-fs-pci,queue-size=%" PRIu64 ",chardev=char-virtiofs-%zu,tag=%s", m->queue, i,
		 m->tag);
	free(name);
}

void line_mounts(struct line *l)
{
	for (size_t i = 0; i < l->conf->nmounts; i++) {
		if (l->conf->mount_type == MOUNT_NINE_P)
			nine_p(l, i, &l->conf->mount[i]);
		else if (l->conf->mount_type == MOUNT_VIRTIOFS)
			virtiofs(l, i, &l->conf->mount[i]);
	}
}

void line_control(struct line *l)
{
	control_socket(l, "char-qmp", l->opts->qmp_fd, F_QMP_SOCK);
	line_opt(l, "-qmp", "chardev:char-qmp");
	line_opt(l, "-name", "lima-%s", l->conf->name);
	line_opt(l, "-pidfile", "%s", line_path(l, F_QEMU_PID));
}
