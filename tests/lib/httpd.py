#!/usr/bin/env python3
"""httpd - a small HTTP server that misbehaves on request, for the tests of lima-fetch.

    httpd.py ROOT PORTFILE LOG [CERTIFICATE]

Serves the files of ROOT on 127.0.0.1, on a port that is written to PORTFILE; with CERTIFICATE (PEM, key included) over TLS.
Each request adds a line to LOG: "METHOD PATH STATUS range=... if-range=... if-none-match=... if-modified-since=...".
The first part of the path says how:

    /plain/FILE           correctly, with ETag, Last-Modified and ranges
    /date/FILE            without ETag                 /bare/FILE       without any validator
    /weak/FILE            with a weak ETag             /nolength/FILE   HTTP/1.0, ended by closing, no validator
    /chunked/FILE         chunked, without length
    /cut/N/FILE           the connection breaks after N bytes of each reply
    /cutonce/N/FILE       the same, for the first reply only
    /hold/N/FILE          after N bytes of the first reply nothing more until "release" exists beside FILE
    /drip/N/FILE          after N bytes one byte a second
    /fail/STATUS/N/FILE   the first N requests are answered with STATUS
    /etag/N/FILE          the first reply breaks after N bytes; from then on ROOT/FILE.new with another ETag
    /norange/N/FILE       the first reply breaks after N bytes; ranges are never honoured
    /unsatisfied/N/FILE   the first reply breaks after N bytes; ranges are answered with 416
    /wrongrange/N/FILE    the first reply breaks after N bytes; ranges are answered with 206 from byte 0
    /mixed/N/FILE         the first reply breaks after N bytes; ranges get the bytes of ROOT/FILE.new with the same ETag
    /long/N/FILE          Content-Length is N more than what is sent
    /short/N/FILE         Content-Length is N less
    /huge                 Content-Length of 1 EiB
    /endless              never stops
    /redirect/N/FILE      N redirects, then the file
    /to/URL               redirect to URL
"""
import email.utils
import hashlib
import http.server
import os
import ssl
import sys
import threading
import time

ROOT, PORTFILE, LOG = sys.argv[1:4]
lock = threading.Lock()
counts = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, status):
        heads = " ".join(f"{h}={self.headers.get(h, '')}" for h in ("range", "if-range", "if-none-match", "if-modified-since"))
        with lock, open(LOG, "a") as f:
            f.write(f"{self.command} {self.path} {status} {heads}\n")

    def head(self, status, **fields):
        self.note(status)
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_GET(self):
        path = self.path
        if path.startswith("http://"):  # we are the proxy
            path = "/" + path.split("/", 3)[3]
        with lock:
            self.count = counts[path] = counts.get(path, 0) + 1
        how, _, rest = path[1:].split("?")[0].partition("/")
        try:
            getattr(self, "get_" + how)(rest)
        except (BrokenPipeError, ConnectionResetError):
            pass
        except FileNotFoundError:
            self.head(404, Content_Length="6")
            self.wfile.write(b"nothing"[:6])

    def send(self, data, limit=None, then=None):
        """Sends data; after `limit` bytes calls `then` or breaks the connection."""
        if limit is None or limit >= len(data):
            self.wfile.write(data)
            return
        self.wfile.write(data[:limit])
        self.wfile.flush()
        if then:
            then(data[limit:])
        self.close_connection = True

    def read(self, name):
        with open(os.path.join(ROOT, name), "rb") as f:
            return f.read()

    def file(self, name, etag="strong", date=True, ranges=True, limit=None, then=None, more=0, data=None, tag=None):
        plain = self.read(name) if data is None else data
        fields = {"Content_Type": "application/x-test", "Accept_Ranges": "bytes"}
        tag = tag or '"%s"' % hashlib.md5(plain).hexdigest()
        changed = email.utils.formatdate(os.stat(os.path.join(ROOT, name)).st_mtime, usegmt=True)
        if etag:
            fields["ETag"] = ("W/" if etag == "weak" else "") + tag
        if date:
            fields["Last_Modified"] = changed
        asked = self.headers.get("If-None-Match")
        since = self.headers.get("If-Modified-Since")
        if (asked and asked == fields.get("ETag")) or (not asked and since and date and since == changed):
            self.head(304, **fields)
            return
        first = 0
        span = self.headers.get("Range")
        if span and ranges and self.headers.get("If-Range", tag) in (tag, changed if date else tag):
            first = int(span[len("bytes="):].split("-")[0])
            if first >= len(plain):
                self.head(416, Content_Range=f"bytes */{len(plain)}", Content_Length="0")
                return
            fields["Content_Range"] = f"bytes {first}-{len(plain) - 1}/{len(plain)}"
        self.head(206 if first else 200, Content_Length=str(len(plain) - first + more), **fields)
        self.send(plain[first:] if more >= 0 else plain[first:more], limit, then)
        if more > 0:
            self.close_connection = True

    def get_plain(self, rest):
        self.file(rest)

    def get_date(self, rest):
        self.file(rest, etag=None)

    def get_weak(self, rest):
        self.file(rest, etag="weak", date=False)

    def get_bare(self, rest):
        self.file(rest, etag=None, date=False)

    def get_nolength(self, rest):
        self.protocol_version = "HTTP/1.0"
        self.close_connection = True
        self.head(200)
        self.wfile.write(self.read(rest))

    def get_chunked(self, rest):
        self.head(200, Transfer_Encoding="chunked")
        data = self.read(rest)
        for i in range(0, len(data), 50000):
            piece = data[i:i + 50000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def get_cut(self, rest):
        n, name = rest.split("/", 1)
        self.file(name, limit=int(n))

    def get_cutonce(self, rest):
        n, name = rest.split("/", 1)
        self.file(name, limit=int(n) if self.count == 1 else None)

    def get_hold(self, rest):
        n, name = rest.split("/", 1)

        def hold(data):
            while not os.path.exists(os.path.join(ROOT, os.path.dirname(name), "release")):
                time.sleep(0.02)
            self.wfile.write(data)
        self.file(name, limit=int(n) if self.count == 1 else None, then=hold)

    def get_drip(self, rest):
        n, name = rest.split("/", 1)

        def drip(data):
            for b in data:
                self.wfile.write(bytes([b]))
                self.wfile.flush()
                time.sleep(1)
        self.file(name, limit=int(n), then=drip)

    def get_fail(self, rest):
        status, n, name = rest.split("/", 2)
        if self.count <= int(n):
            self.head(int(status), Content_Length="5")
            self.wfile.write(b"sorry")
        else:
            self.file(name)

    def first_cut(self, rest, **later):
        n, name = rest.split("/", 1)
        if self.count == 1:
            self.file(name, limit=int(n))
        else:
            self.file(name, **{k: v(name) if callable(v) else v for k, v in later.items()})

    def get_etag(self, rest):
        self.first_cut(rest, data=lambda name: self.read(name + ".new"))

    def get_norange(self, rest):
        self.first_cut(rest, ranges=False)

    def get_mixed(self, rest):
        self.first_cut(rest, data=lambda name: self.read(name + ".new"),
                       tag=lambda name: '"%s"' % hashlib.md5(self.read(name)).hexdigest())

    def get_unsatisfied(self, rest):
        if self.headers.get("Range"):
            self.head(416, Content_Length="0")
        else:
            self.first_cut(rest)

    def get_wrongrange(self, rest):
        if self.headers.get("Range"):
            data = self.read(rest.split("/", 1)[1])
            self.head(206, Content_Length=str(len(data)), Content_Range=f"bytes 0-{len(data) - 1}/{len(data)}")
            self.wfile.write(data)
        else:
            self.first_cut(rest)

    def get_long(self, rest):
        n, name = rest.split("/", 1)
        self.file(name, more=int(n))

    def get_short(self, rest):
        n, name = rest.split("/", 1)
        data = self.read(name)
        self.head(200, Content_Length=str(len(data) - int(n)))
        self.wfile.write(data)
        self.close_connection = True

    def get_huge(self, rest):
        self.head(200, Content_Length=str(1 << 60))
        self.close_connection = True

    def get_endless(self, rest):
        self.head(200)
        self.close_connection = True
        while True:
            self.wfile.write(b"x" * 65536)

    def get_redirect(self, rest):
        n, name = rest.split("/", 1)
        if int(n):
            self.head(302, Location=f"/redirect/{int(n) - 1}/{name}", Content_Length="0")
        else:
            self.file(name)

    def get_to(self, rest):
        self.head(302, Location=rest, Content_Length="0")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(PORTFILE + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(PORTFILE + ".new", PORTFILE)
server.serve_forever()
