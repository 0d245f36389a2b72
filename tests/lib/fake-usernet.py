#!/usr/bin/env python3
"""fake-usernet - as much of lima-usernet as those who start it and ask it can tell from the real one, without any network.

Takes the lock, makes the sockets (as files), answers the HTTP API and notes every request in NETDIR/asked ("METHOD PATH BODY").
Leases are lines "IP MAC" of the fifo NETDIR/cue, or those of leases.json. What goes wrong is in $FAKE_USERNET:
  fail (ends with a word on standard error), silent (never ready), deaf (SIGTERM changes nothing), busy (409 for each fixed port),
  full (500 for each port)
"""
import fcntl, json, os, signal, socket, sys, threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingUnixStreamServer

opts = dict(a[2:].split("=", 1) for a in sys.argv[1:])
dir = os.path.dirname(opts["pidfile"])
mode = os.environ.get("FAKE_USERNET", "")
with open(dir + "/starts", "a") as f:
    print(os.getpid(), *sys.argv[1:], file=f)
if mode == "fail":
    sys.exit("lima-usernet: the stars are wrong")
ready = int(opts["ready-fd"])
for fd in os.listdir("/proc/self/fd"):
    if int(fd) > 2 and int(fd) != ready:
        try:
            os.close(int(fd))
        except OSError:
            pass
lock = open(dir + "/lock", "a+")
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
lock.truncate(0)
print(os.getpid(), file=lock, flush=True)
leases = {}
if os.path.exists(opts["leases-file"]):
    leases = json.load(open(opts["leases-file"]))
forwards, news = {}, threading.Condition()


def note(text):
    with open(dir + "/asked", "a") as f:
        print(text, file=f)


class Handler(BaseHTTPRequestHandler):
    def address_string(self):
        return "unix"

    def log_message(self, *a):
        pass

    def reply(self, code, value):
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def events(self):
        self.send_response(200)
        self.end_headers()
        told = set()
        while True:
            with news:
                new = set(leases.items()) - told
                if not new:
                    news.wait()
            for ip, mac in sorted(new):
                self.wfile.write((json.dumps({"lease": {"ip": ip, "mac": mac}}) + "\n").encode())
                told.add((ip, mac))

    def do_GET(self):
        note("GET " + self.path)
        if self.path == "/events":
            self.events()
        elif self.path == "/services/forwarder/all":
            self.reply(200, [{"local": l, "remote": r, "protocol": "tcp"} for l, r in forwards.items()])
        else:
            self.reply(404, {"message": "no such path"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        note("POST %s %s" % (self.path, body))
        o = json.loads(body)
        if self.path == "/services/forwarder/expose":
            host, port = o["local"].rsplit(":", 1)
            if mode == "full" or (mode == "busy" and port != "0"):
                self.reply(409 if mode == "busy" else 500, {"message": "address already in use"})
                return
            local = "%s:%s" % (host, port if port != "0" else 40000 + os.getpid() % 9999)
            forwards[local] = o["remote"]
            self.reply(200, {"local": local})
        elif self.path == "/services/forwarder/unexpose":
            self.reply(200 if forwards.pop(o["local"], None) else 404, {"message": "nothing there"})
        else:
            self.reply(200, {})


def cues():
    while True:
        for line in open(dir + "/cue"):
            ip, mac = line.split()
            with news:
                leases[ip] = mac
                with open(opts["leases-file"] + ".new", "w") as f:
                    json.dump(leases, f)
                os.rename(opts["leases-file"] + ".new", opts["leases-file"])
                news.notify_all()


def end(*_):
    for s in socks + [opts["pidfile"]]:
        os.unlink(s)
    os._exit(0)


socks = [opts["endpoint"], opts["listen-qemu"], opts["listen"]]
for s in socks:
    if os.path.exists(s):
        os.unlink(s)
for s in socks[1:]:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(s)
    globals()["keep_" + os.path.basename(s)] = sock
ThreadingUnixStreamServer.daemon_threads = True
server = ThreadingUnixStreamServer(socks[0], Handler)
if not os.path.exists(dir + "/cue"):
    os.mkfifo(dir + "/cue")
threading.Thread(target=cues, daemon=True).start()
signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "deaf" else end)
if mode == "silent":
    signal.pause()
with open(opts["pidfile"], "w") as f:
    print(os.getpid(), file=f)
os.write(ready, b"ready\n")
os.close(ready)
server.serve_forever()
