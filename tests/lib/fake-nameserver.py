#!/usr/bin/env python3
"""fake-nameserver ZONE [PORT]: a name server for tests, on a port (default: a free one) of 127.0.0.1 for UDP and TCP, which it
prints first.

Lines of ZONE are "NAME TYPE DATA": A and AAAA an address, CNAME a name, TXT the number of bytes that the text is to have.
Names that are not there do not exist; fail.* is SERVFAIL. By UDP a longer answer than the query allows has TC. Each query is
printed as "udp NAME TYPE"."""
import socket
import socketserver
import struct
import sys
import threading

TYPES = {"A": 1, "CNAME": 5, "MX": 15, "TXT": 16, "AAAA": 28}
NAMES = {v: k for k, v in TYPES.items()}


def wire_name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".") if p) + b"\0"


def wire_data(kind, data):
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, data)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, data)
    if kind == "CNAME":
        return wire_name(data)
    left, out = int(data), b""
    while left:
        part = min(left, 255)
        out += bytes([part]) + b"x" * part
        left -= part
    return out


def load(path):
    zone = []
    for line in open(path, encoding="utf-8"):
        if line.strip():
            name, kind, data = line.split()
            zone.append((name.lower(), kind, wire_data(kind, data), data))
    return zone


def answers(zone, name, kind):
    out, known = [], False
    for owner, have, data, text in zone:
        if owner != name:
            continue
        known = True
        if have not in (kind, "CNAME"):
            continue
        out.append(wire_name(owner) + struct.pack("!HHIH", TYPES[have], 1, 60, len(data)) + data)
        if have == "CNAME" and kind != "CNAME":
            out += answers(zone, text.lower(), kind)[0]
    return out, known


def reply_to(query, tcp):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    name, kind = ".".join(labels).lower(), struct.unpack("!H", query[at + 1:at + 3])[0]
    question = query[12:at + 5]
    print("tcp" if tcp else "udp", name, NAMES.get(kind, kind), flush=True)
    records, known = answers(load(sys.argv[1]), name, NAMES.get(kind, ""))
    code = 2 if name.startswith("fail.") else 0 if known else 3
    limit = 512
    if query[10:12] == b"\0\1" and query[at + 5:at + 8] == b"\0\0\x29":
        limit = struct.unpack("!H", query[at + 8:at + 10])[0]
    body, flags = question + b"".join(records), 0x8580 | code
    if not tcp and len(body) + 12 > limit:
        body, records, flags = question, [], flags | 0x200
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + body


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(reply_to(self.request[0], False), self.client_address)


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            size = self.rfile.read(2)
            if len(size) < 2:
                return
            reply = reply_to(self.rfile.read(struct.unpack("!H", size)[0]), True)
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


udp = socketserver.ThreadingUDPServer(("127.0.0.1", int((sys.argv + ["0"])[2])), Udp)
socketserver.ThreadingTCPServer.allow_reuse_address = True
tcp = socketserver.ThreadingTCPServer(udp.server_address, Tcp)
tcp.daemon_threads = True
print(udp.server_address[1], flush=True)
threading.Thread(target=udp.serve_forever, daemon=True).start()
tcp.serve_forever()
