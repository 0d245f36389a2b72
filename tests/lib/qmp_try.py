#!/usr/bin/env python3
"""Starts a command line (a file of NUL-separated tokens) with -S, as the host agent would: listening sockets for QMP and for
the agent's port as descriptors 3 and 4. Sends the QMP commands given as arguments, prints the answers, quits.
Exits 0 when QEMU took all of it. $QMP_LISTEN names a unix socket to listen on, for -netdev stream."""
import json
import os
import socket
import subprocess
import sys

LIMIT = 60  # seconds; QEMU answers within one


def listener(path):
    if os.path.exists(path):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(8)
    return s


def answer(stream):
    while True:
        line = stream.readline()
        if not line:
            sys.exit("QEMU closed the connection")
        message = json.loads(line)
        if "event" not in message:
            return message


def main():
    with open(sys.argv[1], "rb") as f:
        argv = f.read().split(b"\0")[:-1]
    kept = [listener("qmp.sock"), listener("ga.sock")]
    others = [listener(os.environ["QMP_LISTEN"])] if "QMP_LISTEN" in os.environ else []

    def place():
        fds = [os.dup(os.dup(os.dup(s.fileno()))) for s in kept]
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)

    q = subprocess.Popen(argv + [b"-S"], preexec_fn=place, close_fds=False, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    for s in kept:
        s.close()
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(LIMIT)
    c.connect("qmp.sock")
    stream = c.makefile("rw")
    try:
        print(json.dumps(answer(stream)))
        for command in ['{"execute":"qmp_capabilities"}'] + sys.argv[2:]:
            print(command, file=stream, flush=True)
            reply = answer(stream)
            print(json.dumps(reply))
            if "return" not in reply:
                sys.exit("refused: " + command)
        agent = socket.socket(socket.AF_UNIX)
        agent.connect("ga.sock")
        print('{"agent connects": true}')
        print('{"execute":"quit"}', file=stream, flush=True)
        answer(stream)
    except (OSError, SystemExit):
        q.kill()
        print(q.communicate()[1].decode(errors="replace"))
        raise
    errors = q.communicate(timeout=LIMIT)[1].decode(errors="replace")
    print(errors)
    del others
    sys.exit(q.returncode)


main()
