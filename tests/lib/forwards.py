"""forwards - port forwarding of a running instance, seen from the host: what tests/vm/forwards.bats, tests/vm/soak and
tests/perf/run have in common. Listeners in the guest are those of talk.c; see there for what they answer.

The instance's folder is $LIMA_HOME/INSTANCE, and the guest has talk as /tmp/talk.
"""
import concurrent.futures
import contextlib
import hashlib
import http.client
import ipaddress
import json
import os
import random
import socket
import subprocess
import sys
import time

TABLE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data/forward/table")
PATIENCE = 60  # seconds, bounds a test that hangs
PAYLOAD = 20000
NUMBERS = ("guestPort", "hostPort")
FLAGS = ("guestIPMustBeZero", "ignore", "static", "reverse")


def address(text):
    """"[::1]:80", "127.0.0.1:80" or a path of a socket."""
    if text.startswith("/"):
        return text
    ip, port = text.rsplit(":", 1)
    ip = ipaddress.ip_address(ip.strip("[]"))
    return str(getattr(ip, "ipv4_mapped", None) or ip), int(port)


def table():
    """Of the scenes that may be mixed: (rules as dictionaries, cases as (proto, listener, wanted))."""
    rules, cases, mixed = [], [], False
    with open(TABLE, encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if words and words[0] in ("scene", "alone"):
                mixed = words[0] == "scene"
            elif mixed and words and words[0] == "rule":
                rules.append(rule(words[1:]))
            elif mixed and "->" in words:
                cases.append((words[0], words[1], words[3]))
    return rules, cases


def rule(words):
    out = {}
    for key, value in (word.split("=", 1) for word in words):
        if key in NUMBERS:
            out[key] = int(value)
        elif key.endswith("Range"):
            out[key] = [int(x) for x in value.split("-")]
        else:
            out[key] = value == "true" if key in FLAGS else value
    return out


class Talk:
    """Listeners in the guest, which are gone when this is."""

    def __init__(self, name):
        self.child = subprocess.Popen(["lima-instance", "shell", name, "--", "sudo", "/tmp/talk"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, bufsize=1)

    def many(self, lines):
        """Sends all of them at once; the answers, in order, without their "ok"."""
        lines = list(lines)
        self.child.stdin.write("".join(line + "\n" for line in lines))
        self.child.stdin.flush()
        answers = [self.child.stdout.readline().rstrip("\n") for _ in lines]
        bad = [(line, answer) for line, answer in zip(lines, answers) if not answer.startswith("ok")]
        if bad:
            sys.exit(f"the guest says: {bad[:5]}")
        return [answer[3:] for answer in answers]

    def one(self, line):
        return self.many([line])[0]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.child.stdin.close()
        self.child.wait(PATIENCE)


class Instance:
    def __init__(self, name):
        self.name, self.dir = name, os.path.join(os.environ["LIMA_HOME"], name)
        self.log = os.path.join(self.dir, "ha.stdout.log")

    def info(self):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
            here = os.getcwd()
            os.chdir(self.dir)  # a socket's path is short
            try:
                s.connect("ha.sock")
            finally:
                os.chdir(here)
            s.settimeout(PATIENCE)
            http_connection = http.client.HTTPConnection("lima-hostagent")
            http_connection.sock = s
            http_connection.request("GET", "/v1/info")
            return json.loads(http_connection.getresponse().read())

    def forwards(self):
        """{(protocol, guest address): entry of portForwards}"""
        return {(e["protocol"], address(e["guestAddr"])): e for e in self.info()["portForwards"]}

    def await_forwards(self, wanted):
        """Until all of them are open. What there is then, or when time is up."""
        for _ in range(PATIENCE * 10):
            have = self.forwards()
            if all(key in have and have[key]["state"] == "forwarding" for key in wanted):
                break
            time.sleep(0.1)
        return have

    def await_gone(self, keys):
        for _ in range(PATIENCE * 10):
            have = self.forwards()
            if not any(key in have for key in keys):
                return True
            time.sleep(0.1)
        return False

    def events(self, since=0):
        """portForward events behind a position of the log, and the position of its end."""
        with open(self.log, "rb") as log:
            log.seek(since)
            text = log.read()
        found = [json.loads(line).get("status", {}).get("portForward") for line in text.splitlines() if b"portForward" in line]
        return [e for e in found if e], since + len(text)

    def await_event(self, since, kind, **fields):
        for _ in range(PATIENCE * 10):
            for e in self.events(since)[0]:
                if e["type"] == kind and all(e.get(key) == value for key, value in fields.items()):
                    return e
            time.sleep(0.1)
        sys.exit(f"no event {kind} {fields}; there are: {self.events(since)[0][-5:]}")

    def pid(self):
        with open(os.path.join(self.dir, "ha.pid"), encoding="utf-8") as f:
            return int(f.read())


def connect(where, kind=socket.SOCK_STREAM):
    """A connection to a host address of a forward."""
    if isinstance(where, str):
        s = socket.socket(socket.AF_UNIX, kind)
    else:
        s = socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, kind)
    s.settimeout(PATIENCE)
    try:
        s.connect(where)
    except OSError:
        s.close()
        raise
    return s


def read_some(s, n):
    """n bytes, or what there is when the other end comes before."""
    data = b""
    while len(data) < n and (piece := s.recv(n - len(data))):
        data += piece
    return data


def read_all(s):
    data = b""
    while piece := s.recv(65536):
        data += piece
    return data


def echo_tcp(where, data):
    """What comes back when the data was sent and its end was told."""
    with connect(where) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return read_all(s)


def echo_udp(where, data):
    """A datagram may be lost, so that it is sent again a few times."""
    with connect(where, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        for _ in range(10):
            with contextlib.suppress(OSError):
                s.send(data)
                return s.recv(65536)
    return b""


def traffic(case):
    """'' when the right listener has answered with the very bytes, else what is wrong."""
    proto, listener, where = case
    data = random.Random(listener).randbytes(PAYLOAD)
    ip, port = listener.rsplit(":", 1)
    label = f"{proto} {ip.strip('[]')} {port}\n".encode()
    try:
        got = (echo_udp if proto == "udp" else echo_tcp)(where, data)
    except OSError as e:
        return f"{proto} {listener} at {where}: {e}"
    if hashlib.sha256(got).digest() == hashlib.sha256(label + data).digest():
        return ""
    return f"{proto} {listener} at {where}: {len(got)} bytes that begin with {got[:40]!r}"


def all_traffic(cases):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return [wrong for wrong in pool.map(traffic, cases) if wrong]


def listen_line(proto, listener, mode=""):
    ip, port = listener.rsplit(":", 1)
    return f"listen {proto} {ip.strip('[]')} {port} {mode}"


def host_address(machine, text):
    return address(text) if ":" in text else os.path.join(machine.dir, "sock", text)
