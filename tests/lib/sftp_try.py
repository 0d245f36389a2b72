"""sftp_try - an SFTP client (version 3) that asks an sftp-server on its standard input and output for what it should not give.

    sftp_try.py EXPORT SECRET COMMAND...     COMMAND serves EXPORT; SECRET is a folder beside it, which holds a file "key"

Prints one line for each request that went through and must not have, or the other way round; exits with 1 when there was one.
"""
import os
import struct
import subprocess
import sys

export, secret, command = sys.argv[1], sys.argv[2], sys.argv[3:]
read_only = os.environ.get("READ_ONLY") == "1"
server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
INIT, OPEN, CLOSE, READ, WRITE, LSTAT, SETSTAT, OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK, \
    EXTENDED = 1, 3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 200
STATUS, HANDLE, DATA = 101, 102, 103
F_READ, F_WRITE, F_CREAT, F_TRUNC = 1, 2, 8, 16
wrong = 0


def text(s):
    b = s if isinstance(s, bytes) else s.encode()
    return struct.pack(">I", len(b)) + b


def exchange(kind, body):
    server.stdin.write(struct.pack(">IB", len(body) + 1, kind) + body)
    server.stdin.flush()
    head = server.stdout.read(5)
    if len(head) < 5:
        sys.exit("the server is gone")
    n, kind = struct.unpack(">IB", head)
    return kind, server.stdout.read(n - 1)


def ask(kind, *parts):
    """The answer's kind and what follows the request's number; a status as (STATUS, its code)."""
    kind, body = exchange(kind, struct.pack(">I", 7) + b"".join(parts))
    if kind == STATUS:
        return kind, struct.unpack(">I", body[4:8])[0]
    return kind, body[4:]


def no_attributes():
    return struct.pack(">I", 0)


def mode(m):
    return struct.pack(">II", 4, m)


def content(path):
    """What a file holds, None when it cannot be had."""
    kind, h = ask(OPEN, text(path), struct.pack(">I", F_READ), no_attributes())
    if kind != HANDLE:
        return None
    kind, data = ask(READ, h, struct.pack(">QI", 0, 4096))
    ask(CLOSE, h)
    return data[4:] if kind == DATA else b""


def put(path):
    kind, h = ask(OPEN, text(path), struct.pack(">I", F_WRITE | F_CREAT | F_TRUNC), no_attributes())
    if kind != HANDLE:
        return False
    answer = ask(WRITE, h, struct.pack(">Q", 0), text(b"written"))
    ask(CLOSE, h)
    return answer == (STATUS, 0)


def done(answer):
    return answer[0] != STATUS or answer[1] == 0


def expect(what, want, got):
    global wrong
    if bool(want) != bool(got):
        wrong += 1
        print(f"{'refused' if want else 'went through'}: {what}")


kind, version = exchange(INIT, struct.pack(">I", 3))
assert kind == 2 and struct.unpack(">I", version[:4])[0] == 3, (kind, version)

# What must work: all that a mount does.
w = not read_only
expect("reading a file", True, content(export + "/file") == b"inside\n")
expect("creating a file", w, put(export + "/new"))
expect("changing a mode", w, done(ask(SETSTAT, text(export + "/file"), mode(0o600))))
expect("making a folder", w, done(ask(MKDIR, text(export + "/d"), no_attributes())))
expect("renaming", w, done(ask(RENAME, text(export + "/new"), text(export + "/d/new"))))
expect("renaming over another", w, done(ask(EXTENDED, text("posix-rename@openssh.com"), text(export + "/d/new"), text(export + "/e"))))
expect("linking", w, done(ask(EXTENDED, text("hardlink@openssh.com"), text(export + "/e"), text(export + "/e2"))))
expect("a relative symbolic link", w, done(ask(SYMLINK, text("file"), text(export + "/rel"))))
expect("reading through it", w, content(export + "/rel") == b"inside\n")
expect("removing a file", w, done(ask(REMOVE, text(export + "/e2"))))
expect("listing", True, done(ask(OPENDIR, text(export))))
expect("the file system's size", True, done(ask(EXTENDED, text("statvfs@openssh.com"), text(export))))

# What must not, by each name that leads there.
for link, target in (("abs", secret + "/key"), ("up", "../" + os.path.basename(secret) + "/key"), ("root", "/"), ("dir", secret)):
    ask(SYMLINK, text(target), text(export + "/" + link))
names = [secret + "/key", export + "/../" + os.path.basename(secret) + "/key", export + "/abs", export + "/up", export + "/root" + secret + "/key",
         export + "/dir/key", "../" * 30 + secret.lstrip("/") + "/key", "/proc/self/root" + secret + "/key", "/proc/self/cwd/../" +
         os.path.basename(secret) + "/key", f"/proc/{os.getpid()}/root{secret}/key", "//" + secret + "//key", export + "/./d/../.." + secret + "/key"]
for n in names:
    expect("reading " + n, False, content(n))
    expect("looking at " + n, False, done(ask(STAT, text(n))))
    expect("writing " + n, False, put(n))
    expect("changing the mode of " + n, False, done(ask(SETSTAT, text(n), mode(0o777))))
    expect("cutting " + n, False, done(ask(SETSTAT, text(n), struct.pack(">IQ", 1, 0))))
    expect("moving in " + n, False, content(n) is None and done(ask(RENAME, text(n), text(export + "/stolen"))) and content(export + "/stolen"))
    expect("linking " + n, False, done(ask(EXTENDED, text("hardlink@openssh.com"), text(n), text(export + "/hard"))) and content(export + "/hard"))
for d in (secret, export + "/dir", "/etc", "/root", "/home", "/proc", "/sys", "/tmp", "/lib", "/usr", "/"):
    expect("making a folder in " + d, False, done(ask(MKDIR, text(d + "/made"), no_attributes())))
    expect("writing in " + d, False, put(d + "/made"))
expect("listing the secret folder", False, done(ask(OPENDIR, text(secret))))
expect("the real accounts", False, b"daemon" in (content("/etc/passwd") or b"") or content("/etc/shadow"))
expect("moving a file out", False, done(ask(RENAME, text(export + "/file"), text(secret + "/file"))))
expect("reading our own memory", False, content("/proc/self/environ") or content("/proc/self/maps"))
expect("going on after all that", True, content(export + "/file") == b"inside\n")
server.stdin.close()
server.wait()
sys.exit(wrong != 0)
