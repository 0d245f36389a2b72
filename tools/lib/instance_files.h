/* instance_files - the names of the files in an instance directory, and the keys of those that tools exchange.
 *
 * DIR/ is $LIMA_HOME/NAME. The user's: lima.yaml, protected, diffdisk. Products and their makers:
 *
 *   lima-render        .make/{resolved.json,image.conf,disk.conf,qemu.conf,agent.conf,vars.mk} .make/cidata/...
 *                      cloud-config.yaml ansible-inventory.yaml ssh_host_ed25519_key{,.pub} known_hosts
 *   lima-fetch         basedisk kernel kernel.cmdline initrd
 *   qemu-img           diffdisk
 *   lima-mkiso         cidata.iso
 *   lima-probe         .make/probe.conf
 *   lima-qemu-argv     qemu.argv
 *   lima-hostagent     ssh.config ha.pid ha.sock vncdisplay vncpassword ha.stdout.old.log ha.stderr.old.log; opens qmp.sock and ga.sock and hands them to QEMU
 *   lima-instance      ha.stdout.log ha.stderr.log lima-version .make/applied.{yaml,json} diffdisk.old.N/; holds $LIMA_HOME/_locks/NAME while it changes the instance
 *   QEMU               qemu.pid serial.{log,sock} serialv.{log,sock}
 *   ssh                ssh.sock ga.ssh.sock
 *
 * The .conf files are kv texts (kv.h). Each holds just what its reader needs, and is rewritten only when its content
 * changes, so a change of lima.yaml rebuilds what depends on it and nothing else.
 *
 * image.conf (reader: lima-fetch --instance)
 *   arch=x86_64  images=N  and for I in 0..N-1 (in the order to try; already reduced to the instance's arch and variant)
 *   images.I.location  images.I.digest ("" = none)
 *   images.I.kernel.location  images.I.kernel.digest  images.I.kernel.cmdline  (absent: none)
 *   images.I.initrd.location  images.I.initrd.digest  (absent: none)
 *   firmware=N  firmware.I.location  firmware.I.digest   (absent: none; becomes qemu-efi-code.fd, the first that can be had)
 *   nerdctl=N  nerdctl.I.location  nerdctl.I.digest      (absent: no containerd; becomes .make/cidata/nerdctl-full.tgz, as it is,
 *   which lima-render leaves alone as long as containerd is wanted)
 *
 * disk.conf   size=BYTES (of diffdisk)
 *
 * qemu.conf (reader: lima-qemu-argv)
 *   name=NAME  arch=x86_64  cpus=N  memory=BYTES  cpuType= (empty: chosen)  accel= (empty: probed; kvm, tcg: forced)
 *   minimumVersion=  legacyBIOS=false  mac=52:55:55:xx:xx:xx  ssh.address=127.0.0.1  ssh.localPort=N (0: QEMU picks)
 *   mountType=9p|virtiofs|reverse-sshfs  mounts=N  mounts.I.location  mounts.I.tag  mounts.I.writable
 *   mounts.I.securityModel  mounts.I.queueSize   disks=N  disks.I.path (absolute path of datadisk)  disks.I.format=qcow2|raw
 *   networks=N  networks.I.socket= (or)  networks.I.lima=  networks.I.mac=   (the additional ones, net<I+1>)
 *   video.display=none  video.vnc.display=  audio.device=  audio.interface=  tpm=false
 *   firmware=  (file name in DIR of a downloaded one, or empty)   disk.format=qcow2|raw  (of an existing `disk`)
 *
 * agent.conf (reader: lima-hostagent, lima-instance)
 *   name= hostname= version= arch= user= uid= home= (guest) shell= plain= ssh.address= ssh.localPort= ssh.forwardAgent=
 *   ssh.forwardX11= ssh.forwardX11Trusted= ssh.identities=N ssh.identities.I= (absolute paths of private keys)
 *   mountType= mounts=N mounts.I.location= mounts.I.mountPoint= mounts.I.writable= mounts.I.sshfs.cache=
 *   mounts.I.sshfs.followSymlinks= mounts.I.sshfs.sftpDriver= mountInotify=
 *   containerd.system= containerd.user= guestInstallPrefix= message= (expanded but for what only a running
 *   machine has, see lima.yaml(5))  video.display= video.vnc.display= tpm=
 *   probes=N probes.I.description= probes.I.script= probes.I.hint=
 *   portForwards=N portForwards.I.{guestIP,guestIPMustBeZero,guestPort0,guestPort1,guestSocket,hostIP,hostPort0,
 *   hostPort1,hostSocket,proto,reverse,ignore,static}=
 *   copyToHost=N copyToHost.I.{guest,host,deleteOnStop}=
 *   hostResolver.enabled= hostResolver.ipv6= hostResolver.address= (at which the guest asks; empty: not us)
 *   hostResolver.gateway= hostResolver.guest= (addresses of host and guest)  hostResolver.hosts=N hostResolver.hosts.I.{name,value}=
 *   networks=N networks.I.name= networks.I.dir= (absolute path of the network's folder) networks.I.subnet=192.168.104.0/24
 *   networks.I.mac=   (user-v2 networks only; the first one's card is eth0)
 *   disks=N disks.I.name= disks.I.dir= (absolute path of the disk's folder)   cpus= memory= disk= (bytes)
 *
 * probe.conf (writer: lima-probe; reader: lima-qemu-argv)
 *   qemu=/abs/path  qemu.args=N qemu.args.I= (leading arguments from $QEMU_SYSTEM_*)  version=7.2.22
 *   accel=kvm|tcg  accel.reason=TEXT  netdev.stream=true  cpus= (space separated names QEMU knows)  firmware=/abs/path or ""
 *   arch=x86_64  sandbox=true (QEMU has seccomp)
 *
 * vars.mk     LIMA_ARCH := x86_64; LIMA_HAVE_NERDCTL := 1 when containerd is wanted. For mk/instance.mk; only names and values
 *             made here, never user text.
 * .make/cidata/   the tree that becomes cidata.iso, complete, guest agent and boot scripts included.
 * .make/cidata.list   one line "SHA256 MODE PATH" for each file of that tree, sorted by path: cidata.iso depends on it. The
 *                     line of nerdctl-full.tgz, the last one, has a digest of its entries in image.conf instead.
 * .make/applied.json  resolved.json as it was when the last build succeeded: what a plan is compared with.
 * .make/applied.yaml  lima.yaml and the two files of _config as they were then.
 * diffdisk.old.N/     disks that were set aside with CONFIRM=yes, each with its image. Never removed by us.
 */
#ifndef LIMA_INSTANCE_FILES_H
#define LIMA_INSTANCE_FILES_H

#define F_LIMA_YAML "lima.yaml"
#define F_LIMA_VERSION "lima-version"
#define F_PROTECTED "protected"
#define F_CLOUD_CONFIG "cloud-config.yaml"
#define F_CIDATA_ISO "cidata.iso"
#define F_INVENTORY "ansible-inventory.yaml"
#define F_BASEDISK "basedisk"
#define F_DIFFDISK "diffdisk"
#define F_KERNEL "kernel"
#define F_KERNEL_CMDLINE "kernel.cmdline"
#define F_INITRD "initrd"
#define F_QEMU_ARGV "qemu.argv"
#define F_QEMU_PID "qemu.pid"
#define F_QMP_SOCK "qmp.sock"
#define F_EFI_CODE "qemu-efi-code.fd"
#define F_SSH_CONFIG "ssh.config"
#define F_SSH_SOCK "ssh.sock"
#define F_KNOWN_HOSTS "known_hosts"
#define F_HOST_KEY "ssh_host_ed25519_key"
#define F_VNC_DISPLAY "vncdisplay"
#define F_VNC_PASSWORD "vncpassword"
#define F_GA_SOCK "ga.sock"
#define F_GA_SSH_SOCK "ga.ssh.sock"
#define F_HA_PID "ha.pid"
#define F_HA_SOCK "ha.sock"
#define F_HA_STDOUT "ha.stdout.log"
#define F_HA_STDERR "ha.stderr.log"
#define F_HA_STDOUT_OLD "ha.stdout.old.log"
#define F_HA_STDERR_OLD "ha.stderr.old.log"

#define D_MAKE ".make"
#define F_IMAGE_CONF ".make/image.conf"
#define F_DISK_CONF ".make/disk.conf"
#define F_QEMU_CONF ".make/qemu.conf"
#define F_AGENT_CONF ".make/agent.conf"
#define F_PROBE_CONF ".make/probe.conf"
#define F_RESOLVED_JSON ".make/resolved.json"
#define F_APPLIED_JSON ".make/applied.json"
#define F_APPLIED_YAML ".make/applied.yaml"
#define F_VARS_MK ".make/vars.mk"
#define D_CIDATA ".make/cidata"
#define F_CIDATA_LIST ".make/cidata.list"

#endif
