#!/usr/bin/env bats
# lima-mkiso: the tree as it is, nothing of the machine that made it. xorriso is the judge of what is in an image.

load ../lib/common

setup() {
	fresh_home
	unset SOURCE_DATE_EPOCH
	cd "$BATS_TEST_TMPDIR" || return
}

# A tree like a cidata one: scripts, empty files, nested folders, a large binary.
make_tree() { # DIR [TAG]
	mkdir -p "$1/boot" "$1/util/deep" "$1/provision.system" "$1/empty"
	seq 1 30000 >"$1/lima-guestagent"
	chmod 755 "$1/lima-guestagent"
	: >"$1/param.env"
	printf '#cloud-config\n' >"$1/user-data"
	printf 'echo one\n' >"$1/boot/00-first.sh"
	printf 'echo two\n' >"$1/boot/06-enable-mdns-on-systemd.sh"
	printf 'echo two\n' >"$1/util/deep/same-content.sh"
	chmod 500 "$1/boot/00-first.sh"
	chmod 640 "$1/user-data"
}

# The image's listing: mode, owner, size and path of each entry.
list() { xorriso -indev "$1" -find / -exec lsdl -- 2>/dev/null | sed -n "s/^\([-drwx]*\) *[0-9]* \([0-9]*\) *\([0-9]*\) *\([0-9]*\) \(.*\) '\(.*\)'$/\1 \2 \3 \4 \5 \6/p" | LC_ALL=C sort -k 8; }
extract() { xorriso -osirrox on -indev "$1" -extract / "$2" >/dev/null 2>&1; }

@test "xorriso finds the same tree, with fixed modes, owners and dates" {
	make_tree t
	lima-mkiso -o x.iso t
	extract x.iso out
	diff -r t out
	cat >want <<-'END'
	drwxr-xr-x 0 0 0 Jan  1  2026 /
	drwxr-xr-x 0 0 0 Jan  1  2026 /boot
	-rwxr-xr-x 0 0 9 Jan  1  2026 /boot/00-first.sh
	-rw-r--r-- 0 0 9 Jan  1  2026 /boot/06-enable-mdns-on-systemd.sh
	drwxr-xr-x 0 0 0 Jan  1  2026 /empty
	-rwxr-xr-x 0 0 168894 Jan  1  2026 /lima-guestagent
	-rw-r--r-- 0 0 0 Jan  1  2026 /param.env
	drwxr-xr-x 0 0 0 Jan  1  2026 /provision.system
	-rw-r--r-- 0 0 14 Jan  1  2026 /user-data
	drwxr-xr-x 0 0 0 Jan  1  2026 /util
	drwxr-xr-x 0 0 0 Jan  1  2026 /util/deep
	-rw-r--r-- 0 0 9 Jan  1  2026 /util/deep/same-content.sh
	END
	list x.iso >got
	diff want got
}

@test "the label is cidata, or what -V says; blkid and file agree" {
	make_tree t
	lima-mkiso -o x.iso t
	blkid -o value -s LABEL x.iso | grep -qx cidata
	blkid -o value -s TYPE x.iso | grep -qx iso9660
	file -b x.iso | grep -q "ISO 9660 CD-ROM filesystem data 'cidata'"
	lima-mkiso -V 'My Label_1' -o y.iso t
	blkid -o value -s LABEL y.iso | grep -qx 'My Label_1'
}

@test "the kernel can mount it" {
	[ "$(id -u)" = 0 ] || skip "mounting needs root"
	grep -qw iso9660 /proc/filesystems || modprobe iso9660 2>/dev/null || skip "this kernel has no iso9660"
	make_tree t
	lima-mkiso -o x.iso t
	mkdir m
	mount -o loop,ro x.iso m
	run diff -r t m
	umount m
	[ "$status" = 0 ]
}

@test "the same bytes whatever the clock, time zone, locale and umask" {
	make_tree t
	lima-mkiso -o x.iso t
	# faketime is a preloaded library; a build with ASan must not mind.
	ASAN_OPTIONS=verify_asan_link_order=0 faketime '2031-07-04 05:06:07' lima-mkiso -o y.iso t
	cmp x.iso y.iso
	for tz in Asia/Tokyo America/St_Johns; do
		TZ=$tz lima-mkiso -o y.iso t
		cmp x.iso y.iso
	done
	for locale in C tr_TR.UTF-8 de_DE.ISO-8859-1; do
		LC_ALL=$locale LANG=$locale lima-mkiso -o y.iso t
		cmp x.iso y.iso
	done
	for mask in 000 077 777; do
		(umask $mask && lima-mkiso -o "y$mask.iso" t)
		cmp x.iso "y$mask.iso"
	done
}

@test "the same bytes whatever the place, the inodes, the dates and the order of creation" {
	make_tree t
	lima-mkiso -o x.iso t
	mkdir -p "a/b c/d"
	cp -r t "a/b c/d/other"
	lima-mkiso -o y.iso "a/b c/d/other/"
	cmp x.iso y.iso
	(cd "a/b c/d/other" && lima-mkiso -o ../y.iso .)
	cmp x.iso "a/b c/d/y.iso"
	ln -s "$PWD/t" link
	lima-mkiso -o y.iso link
	cmp x.iso y.iso
	mkdir u
	(cd t && find . -type d | sort -r | sed "s|^|$BATS_TEST_TMPDIR/u/|" | xargs mkdir -p)
	(cd t && find . -type f | sort -r) | while read -r f; do
		cp -p "t/$f" "u/$f"
		touch -d 1999-01-01 "u/$f"
	done
	lima-mkiso -o y.iso u
	cmp x.iso y.iso
}

@test "hard links and mode bits other than x make no difference; x does" {
	make_tree t
	lima-mkiso -o x.iso t
	rm t/util/deep/same-content.sh
	ln t/boot/06-enable-mdns-on-systemd.sh t/util/deep/same-content.sh
	chmod 4700 t/lima-guestagent
	chmod 1777 t/empty
	lima-mkiso -o y.iso t
	cmp x.iso y.iso
	chmod a-x t/lima-guestagent
	lima-mkiso -o y.iso t
	run ! cmp -s x.iso y.iso
}

@test "the same bytes for another user" {
	[ "$(id -u)" = 0 ] || skip "becoming another user needs root"
	make_tree t
	chmod -R a+rX t .
	lima-mkiso t >x.iso
	tool=$(command -v lima-mkiso)
	cp "$tool" ./lima-mkiso
	chmod 755 lima-mkiso
	# The folders above may be closed to others: run it from a place that is not.
	d=$(mktemp -d /tmp/mkiso.XXXXXX)
	cp -r t lima-mkiso "$d"
	chown -R nobody "$d"
	su nobody -s /bin/sh -c "$d/lima-mkiso $d/t" >y.iso
	rm -rf "$d"
	cmp x.iso y.iso
}

@test "content and names do make a difference" {
	make_tree t
	lima-mkiso -o x.iso t
	printf 'echo owt\n' >t/boot/06-enable-mdns-on-systemd.sh
	lima-mkiso -o y.iso t
	run ! cmp -s x.iso y.iso
	extract y.iso out
	diff -r t out
}

@test "SOURCE_DATE_EPOCH sets every date" {
	make_tree t
	SOURCE_DATE_EPOCH=1000000000 lima-mkiso -o x.iso t
	[ "$(xorriso -indev x.iso -find / -exec lsdl -- 2>/dev/null | grep -c 'Sep  9  2001')" = 12 ]
	run xorriso -indev x.iso -pvd_info
	[[ $output == *"Creation Time: 2001090901464000"* ]]
	[[ $output == *"Modif. Time  : 2001090901464000"* ]]
	SOURCE_DATE_EPOCH='' lima-mkiso -o y.iso t
	lima-mkiso -o z.iso t
	cmp y.iso z.iso
	for bad in -1 x 1e9 ' 5' 5869584000; do
		SOURCE_DATE_EPOCH=$bad fails 2 SOURCE_DATE_EPOCH lima-mkiso -o y.iso t
	done
}

@test "nothing in the image names the tool's library, the machine or the user" {
	make_tree t
	lima-mkiso t >x.iso
	run grep -aicE "libiso|xorriso|$(hostname)|$(id -un)" x.iso
	[ "$output" = 0 ]
}

@test "--joliet adds names without Rock Ridge" {
	make_tree t
	lima-mkiso --joliet -V autounattend -o x.iso t
	xorriso -read_fs norock -indev x.iso -find / 2>/dev/null | grep -qx "'/boot/06-enable-mdns-on-systemd.sh'"
	extract x.iso out
	diff -r t out
	lima-mkiso --joliet -V autounattend -o y.iso t
	cmp x.iso y.iso
	lima-mkiso -o y.iso t
	run xorriso -read_fs norock -indev y.iso -find /
	[[ $output != *06-enable-mdns-on-systemd.sh* ]]
}

@test "names may have 30 characters, ASCII or not, and no more" {
	mkdir t
	long=123456789012345678901234567890
	echo a >t/$long
	umlaut=üüüüüüüüüüüüüüüüüüüüüüüüüüüüüü
	echo b >t/$umlaut
	lima-mkiso -o x.iso t
	extract x.iso out
	diff -r t out
	[ "$(cat out/$umlaut)" = b ]
	touch "t/${long}1"
	fails 65 "t/${long}1: its name has 31 characters, at most 30" lima-mkiso -o y.iso t
	[ ! -e y.iso ]
}

@test "names that differ by case or only behind the 8th character stay apart" {
	mkdir t
	for n in abcdefgh1 abcdefgh2 ABCDEFGH1 a.b.c a_b_c 'with space' "quote'\"" '$(x)' 'a;b' -dash; do echo "$n" >"t/$n"; done
	lima-mkiso -o x.iso t
	extract x.iso out
	diff -r t out
}

@test "names that are no text are refused" {
	mkdir t
	touch "t/$(printf 'bad\377')"
	fails 65 "no UTF-8 text" lima-mkiso -o x.iso t
	rm t/*
	touch "t/$(printf 'new\nline')"
	fails 65 "no UTF-8 text" lima-mkiso -o x.iso t
}

@test "seven levels of folders below the root, not eight" {
	mkdir -p t/1/2/3/4/5/6/7
	echo x >t/1/2/3/4/5/6/7/file
	lima-mkiso -o x.iso t
	extract x.iso out
	diff -r t out
	mkdir t/1/2/3/4/5/6/7/8
	fails 65 "t/1/2/3/4/5/6/7/8: directories may be at most 7 levels deep" lima-mkiso -o y.iso t
}

@test "links, fifos, sockets and devices are refused by name" {
	mkdir -p t/d
	ln -s /etc/passwd t/d/link
	fails 65 "t/d/link: a symbolic link" lima-mkiso -o x.iso t
	rm t/d/link
	mkfifo t/d/fifo
	fails 65 "t/d/fifo: a fifo" lima-mkiso -o x.iso t
	rm t/d/fifo
	(cd t && python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")')
	fails 65 "t/sock: a socket" lima-mkiso -o x.iso t
	rm t/sock
	if mknod t/dev c 1 3 2>/dev/null; then
		fails 65 "t/dev: a device" lima-mkiso -o x.iso t
	fi
	[ ! -e x.iso ]
}

@test "an empty directory and many files" {
	mkdir t
	lima-mkiso -o x.iso t
	extract x.iso out
	diff -r t out
	for i in $(seq 1 500); do echo "$i" >"t/file-with-a-long-name-$i"; done
	lima-mkiso -o y.iso t
	extract y.iso out2
	diff -r t out2
}

@test "the output is replaced as a whole and readable by its owner only" {
	make_tree t
	for mask in 000 022 777; do
		(umask $mask && lima-mkiso -o x.iso t)
		[ "$(stat -c %a x.iso)" = 600 ]
	done
	echo old >other
	chmod 644 other
	ln other keep
	lima-mkiso -o other t
	cmp other x.iso
	[ "$(stat -c %a other)" = 600 ]
	[ "$(cat keep)" = old ]
}

@test "an output inside the tree is refused when it would contain itself" {
	make_tree t
	lima-mkiso -o t/x.iso t
	fails 2 "t/x.iso is the image itself" lima-mkiso -o t/x.iso t
}

@test "standard output carries the same bytes" {
	make_tree t
	lima-mkiso -o x.iso t
	lima-mkiso t | cmp - x.iso
}

@test "labels: 1 to 32 printable characters, 16 with Joliet" {
	make_tree t
	label=12345678901234567890123456789012
	lima-mkiso -V $label -o x.iso t
	blkid -o value -s LABEL x.iso | grep -qx $label
	fails 2 "1 to 32 are allowed" lima-mkiso -V "${label}3" -o y.iso t
	fails 2 "1 to 32 are allowed" lima-mkiso -V '' -o y.iso t
	fails 2 "1 to 16 are allowed" lima-mkiso --joliet -V 12345678901234567 -o y.iso t
	fails 2 "printable" lima-mkiso -V "$(printf 'a\tb')" -o y.iso t
	[ ! -e y.iso ]
}

@test "wrong usage and missing directories" {
	fails 2 "one directory" lima-mkiso
	fails 2 "one directory" lima-mkiso a b
	fails 2 "" lima-mkiso --nonsense t
	fails 1 "nowhere" lima-mkiso -o x.iso nowhere
	touch file
	fails 74 "Not a directory" lima-mkiso -o x.iso file
	mkdir t
	fails 73 "cannot create" lima-mkiso -o nowhere/x.iso t
	lima-mkiso --help | grep -q '^usage: lima-mkiso'
	lima-mkiso --version | grep -qx 'lima-mkiso [0-9.]*'
}
