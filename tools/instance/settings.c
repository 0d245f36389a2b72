/* settings - the options that change a lima.yaml, handed on to lima-render, which knows what they mean (render/edit.c). Here are
 * only their names: as an option, and as the variable of make. */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

const struct setting setting_table[] = {
	{ .flag = "cpus", .var = "CPUS" },
	{ .flag = "memory", .var = "MEMORY" },
	{ .flag = "disk", .var = "DISK" },
	{ .flag = "set", .var = "SET" },
	{ .flag = "param", .var = "PARAM" },
	{ .flag = "mount", .var = "MOUNT" },
	{ .flag = "mount-only", .var = "MOUNT_ONLY" },
	{ .flag = "mount-none", .var = "MOUNT_NONE", .alone = true },
	{ .flag = "mount-type", .var = "MOUNT_TYPE" },
	{ .flag = "mount-writable", .var = "MOUNT_WRITABLE", .alone = true },
	{ .flag = "mount-inotify", .var = "MOUNT_INOTIFY", .alone = true },
	{ .flag = "network", .var = "NETWORK" },
	{ .flag = "port-forward", .var = "PORT_FORWARD" },
	{ .flag = "ssh-port", .var = "SSH_PORT" },
	{ .flag = "dns", .var = "DNS" },
	{ .flag = "arch", .var = "ARCH" },
	{ .flag = "vm-type", .var = "VM_TYPE" },
	{ .flag = "image-variant", .var = "IMAGE_VARIANT" },
	{ .flag = "containerd", .var = "CONTAINERD" },
	{ .flag = "plain", .var = "PLAIN", .alone = true },
	{ .flag = "video", .var = "VIDEO", .alone = true },
	{ .flag = "audio-device", .var = "AUDIO_DEVICE" },
	{ .flag = "audio-interface", .var = "AUDIO_INTERFACE" },
	{ .flag = "nested-virt", .var = "NESTED_VIRT", .alone = true },
	{ .flag = "rosetta", .var = "ROSETTA", .alone = true },
	{ .flag = "shell", .var = "USER_SHELL" },
	{ .flag = NULL },
};

void settings_from_env(struct strv *settings)
{
	for (const struct setting *s = setting_table; s->flag; s++) {
		const char *value = getenv(s->var);

		if (value && *value)
			strv_addf(settings, "--%s=%s", s->flag, value);
	}
}
