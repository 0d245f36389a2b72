"""forward - section "forward" of tests/perf/run: port forwarding of a running machine against ssh -L and QEMU's own hostfwd, all
three to the same listeners in the same guest, in turns."""
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
import forwards  # noqa: E402

# Guest ports; ssh -L and hostfwd have them 1000 and 2000 higher on the host.
ECHO, SINK, SOURCE, FIRST = 23000, 23001, 23002, 27000
WAYS = (("forward", 0), ("ssh -L", 1000), ("hostfwd", 2000))
MIB = 1 << 20


def note(name, text):
    print(f"{name:34} {text}", flush=True)


def spread(values):
    """Median, the 99th of a hundred, n."""
    ordered = sorted(values)
    return (f"p50 {statistics.median(ordered):9.2f}   p99 {ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]:9.2f}   "
            f"n={len(ordered)}")


def add_hostfwd(machine, env):
    """QMP takes one client: the host agent is stopped meanwhile, and takes the machine over again."""
    with contextlib.suppress(FileNotFoundError):
        os.kill(machine.pid(), 9)
    with socket.socket(socket.AF_UNIX) as s:
        here = os.getcwd()
        os.chdir(machine.dir)
        s.connect("qmp.sock")
        os.chdir(here)
        commands = [{"execute": "qmp_capabilities"}]
        for port in (ECHO, SINK, SOURCE):
            line = f"hostfwd_add tcp:127.0.0.1:{port + 2000}-:{port}"
            commands.append({"execute": "human-monitor-command", "arguments": {"command-line": line}})
        with s.makefile("rw", encoding="utf-8") as stream:
            stream.readline()
            for command in commands:
                stream.write(json.dumps(command) + "\n")
                stream.flush()
                while "return" not in (answer := json.loads(stream.readline())):
                    if "error" in answer:
                        raise SystemExit(f"QMP: {answer}")
    subprocess.run(["lima-instance", "start", "--quiet", machine.name], check=True, env=env, stdin=subprocess.DEVNULL)


def add_ssh(machine, env):
    for port in (ECHO, SINK, SOURCE):
        subprocess.run(["ssh", "-F", os.path.join(machine.dir, "ssh.config"), "-O", "forward", "-L",
                        f"127.0.0.1:{port + 1000}:127.0.0.1:{port}", f"lima-{machine.name}"], check=True, env=env,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def clocks(guest):
    """What is to be added to the guest's clock to get ours, in ns, from the quickest of some questions."""
    best = None
    for _ in range(20):
        before = time.monotonic_ns()
        theirs = int(guest.one("time"))
        after = time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = (after - before, (before + after) // 2 - theirs)
    return best[1]


def time_to_connect(guest, count=200):
    """From listen() in the guest to the first connect() on the host that works, in ms. Asked every half a millisecond."""
    times = []
    offset = clocks(guest)
    for i in range(count):
        port = FIRST + i
        reached = []

        def knock(port=port, reached=reached):
            while True:
                with socket.socket() as s:
                    if s.connect_ex(("127.0.0.1", port)) == 0:
                        reached.append(time.monotonic_ns())
                        return
                time.sleep(0.0005)

        thread = threading.Thread(target=knock)
        thread.start()
        listening = int(guest.one(f"listen tcp 127.0.0.1 {port} echo")) + offset
        thread.join()
        times.append((reached[0] - listening) / 1e6)
        if i % 50 == 49:
            offset = clocks(guest)
    return times


def send(port, count):
    with forwards.connect(("127.0.0.1", port)) as s:
        block = bytes(MIB)
        for _ in range(count // MIB):
            s.sendall(block)
        s.shutdown(socket.SHUT_WR)
        assert int(forwards.read_all(s)) == count


def receive(port, count):
    with forwards.connect(("127.0.0.1", port)) as s:
        s.sendall(b"%d\n" % count)
        got, buffer = 0, bytearray(MIB)
        while n := s.recv_into(buffer):
            got += n
        assert got == count


def bulk(action, port, streams, count):
    """MB/s of so many at once."""
    threads = [threading.Thread(target=action, args=(port, count // streams)) for _ in range(streams)]
    begin = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return count / (time.monotonic() - begin) / 1e6


def round_trips(port, count, size=64):
    """Microseconds of each."""
    times = []
    with forwards.connect(("127.0.0.1", port)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            begin = time.perf_counter_ns()
            s.sendall(bytes(size))
            left = size
            while left:
                left -= len(s.recv(left))
            times.append((time.perf_counter_ns() - begin) / 1000)
    return times


def connects(port, count):
    """Microseconds for connection, a byte there and back, end."""
    times = []
    for _ in range(count):
        begin = time.perf_counter_ns()
        forwards.echo_tcp(("127.0.0.1", port), b"x")
        times.append((time.perf_counter_ns() - begin) / 1000)
    return times


def compare(name, unit, measure, rounds, better_high):
    """Each way in turn, so many rounds; the medians of the rounds and their ratios to ours."""
    got = {way: [] for way, _ in WAYS}
    for _ in range(rounds):
        for way, offset in WAYS:
            got[way].append(measure(offset))
    mid = {way: statistics.median(values) for way, values in got.items()}
    ours = mid["forward"]
    text = f"{ours:9.1f} {unit} ({min(got['forward']):.1f}..{max(got['forward']):.1f})"
    for way, _ in WAYS[1:]:
        ratio = ours / mid[way] if better_high else mid[way] / ours
        text += f"   {way} {mid[way]:9.1f} {unit}, {ratio:.2f} times as good"
    note(name, text + f"   n={rounds}")


def status(pid, *fields):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        have = dict(line.split(":", 1) for line in f)
    return [int(have[field].split()[0]) for field in fields]


def flat(machine, count=10000):
    """Memory and descriptors of the host agent after many connections."""
    def look():
        return status(machine.pid(), "VmRSS")[0], len(os.listdir(f"/proc/{machine.pid()}/fd"))

    connects(ECHO, 100)
    before = look()
    connects(ECHO, count)
    for _ in range(600):
        if not machine.info()["tunnel"]["streams"]:
            break
        time.sleep(0.1)
    after = look()
    note(f"host agent, {count} connections", f"resident {before[0]} -> {after[0]} KiB, descriptors {before[1]} -> {after[1]}")


def wakeups(machine, env, seconds=60):
    """Voluntary switches while nothing happens, the session that counts them aside: it sleeps meanwhile."""
    script = ('s() { sed -n "s/^voluntary_ctxt_switches:[^0-9]*//p" /proc/$(pidof lima-guestagent)/status; }; '
              f"sleep 3; a=$(s); sleep {seconds}; echo $(($(s) - a)); sed -n 's/^VmRSS://p' /proc/$(pidof lima-guestagent)/status")
    with subprocess.Popen(["lima-instance", "shell", machine.name, "--", "sudo", "sh", "-c", script], env=env, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as session:
        time.sleep(5)
        host = status(machine.pid(), "voluntary_ctxt_switches")[0]
        time.sleep(seconds - 5)
        host = status(machine.pid(), "voluntary_ctxt_switches")[0] - host
        guest, resident = session.stdout.read().split("\n")[:2]
    note("wake-ups when idle", f"host agent {host} in {seconds - 5} s, guest agent {guest} in {seconds} s")
    note("guest agent, resident", resident.strip())


def run(name, env, parts=("connect", "bulk", "rr", "flat", "idle"), rounds=5):
    os.environ.update(env)
    machine = forwards.Instance(name)
    if "idle" in parts:
        wakeups(machine, env)
    with contextlib.ExitStack() as stack:
        if "bulk" in parts or "rr" in parts:
            add_hostfwd(machine, env)
        guest = stack.enter_context(forwards.Talk(name))
        if "connect" in parts:
            note("listen() to connect(), ms", spread(time_to_connect(guest)))
        guest.many([f"listen tcp 0.0.0.0 {ECHO} echo", f"listen tcp 0.0.0.0 {SINK} sink", f"listen tcp 0.0.0.0 {SOURCE} source"])
        machine.await_forwards([("tcp", ("0.0.0.0", port)) for port in (ECHO, SINK, SOURCE)])
        if "bulk" in parts or "rr" in parts:
            add_ssh(machine, env)
        if "rr" in parts:
            compare("round trip of 64 bytes", "us", lambda o: statistics.median(round_trips(ECHO + o, 500)), rounds, False)
            compare("connect, 1 byte, close", "us", lambda o: statistics.median(connects(ECHO + o, 100)), rounds, False)
        if "bulk" in parts:
            for streams in (1, 4):
                compare(f"to the guest, {streams} stream(s)", "MB/s", lambda o, n=streams: bulk(send, SINK + o, n, 64 * MIB),
                        rounds, True)
                compare(f"from the guest, {streams} stream(s)", "MB/s", lambda o, n=streams: bulk(receive, SOURCE + o, n, 64 * MIB),
                        rounds, True)
        if "flat" in parts:
            flat(machine, int(os.environ.get("CONNECTIONS", "10000")))
