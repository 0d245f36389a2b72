#!/usr/bin/env python3
"""typed - a shell on a terminal of its own: loads the completion of limactl, types a line, and tells what the line became.

    typed.py bash|zsh|fish TEXT     (TEXT with \\t for the TAB key)

Each shell gets a key, Ctrl-X, that prints the line as it is being edited: what a person would see before pressing Enter.
"""
import os
import pty
import re
import select
import sys
import time

READY = "READY" + "-NOW"
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             ["source <(limactl completion bash)",
              "bind -x '\"\\C-x\": printf \"\\nLINE<%s>END\\n\" \"$READLINE_LINE\"'"]),
    "zsh": (["zsh", "-f", "-i"],
            ["unsetopt zle_bracketed_paste 2>/dev/null; autoload -U compinit; compinit -D -u",
             "source <(limactl completion zsh)",
             "show() { print -r -- $'\\n'\"LINE<$BUFFER>END\" }; zle -N show; bindkey '^X' show"]),
    "fish": (["fish", "--no-config", "-i"],
             ["limactl completion fish | source",
              "bind \\cx 'printf \"\\nLINE<%s>END\\n\" (commandline)'"]),
}


def read_until(fd, what, seconds):
    """What comes until it matches; a terminal's questions are answered, or fish waits for that."""
    got = ""
    end = time.monotonic() + seconds
    while not re.search(what, got) and time.monotonic() < end:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(fd, 65536).decode("utf-8", "replace")
        except OSError:
            break
        got += data
        if "\x1b[c" in data or "\x1b[0c" in data:
            os.write(fd, b"\x1b[?62;c")
    return got


def main():
    argv, setup = SHELLS[sys.argv[1]]
    text = sys.argv[2].replace("\\t", "\t")
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="dumb" if sys.argv[1] != "fish" else "xterm", PS1="$ ")
        os.execvp(argv[0], argv)
    for line in setup + ["echo READY-''NOW"]:
        os.write(fd, line.encode() + b"\n")
    log = read_until(fd, READY, 20)
    for part in re.split("(\t)", text):
        os.write(fd, part.encode())
        log += read_until(fd, "$^", 0.3)  # keys of a person do not come all at once
    os.write(fd, b"\x18")
    shown = read_until(fd, r"LINE<.*>END", 10)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    found = re.findall(r"LINE<(.*)>END", shown)
    if not found:
        sys.exit("no line came: " + repr(log + shown))
    print(found[-1])


main()
