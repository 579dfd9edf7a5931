"""A full-screen program in a pseudo-terminal, seen from outside.

What the program writes is read in a thread of its own, and stamped with the time of the read, so that the time it takes to
emulate a terminal here does not count as the program's. Each chunk is then fed to the emulator one by one, and a
condition's time is that of the chunk which made it true.
"""
import collections
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
import threading
import time

import pyte

sys.setswitchinterval(0.0002)

KEYS = {"<down>": "\x1b[B", "<up>": "\x1b[A", "<enter>": "\r", "<esc>": "\x1b", "<tab>": "\t", "<space>": " ",
        "<home>": "\x1b[H", "<end>": "\x1b[F", "<pgdn>": "\x1b[6~", "<pgup>": "\x1b[5~"}

# The emulator's number for DECCKM, in which a program wants its arrow keys in another form.
APPLICATION_KEYS = 1 << 5

# What programs ask a terminal at their start, and what it answers: one that waits for an answer would be measured waiting.
QUERIES = [
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),
    (re.compile(rb"\x1b\[5n"), b"\x1b[0n"),
    (re.compile(rb"\x1b\[0?c"), b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[>0?c"), b"\x1b[>41;380;0c"),
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),
    (re.compile(rb"\x1b\[>0?q"), b"\x1bP>|XTerm(380)\x1b\\"),
    (re.compile(rb"\x1b\]10;\?(?:\x07|\x1b\\)"), b"\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\"),
    (re.compile(rb"\x1b\]11;\?(?:\x07|\x1b\\)"), b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
]
# Sequences that the emulator does not know and would print as text.
UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;:]*[ -/]*[@-~]|\x1b\[\?[0-9;]*(?:m|u|n|\$p)|\x1bP.*?\x1b\\|\x1b_.*?\x1b\\"
                     rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;]*(?:t|n)|\x1b\[[0-9]* q", re.S)
INCOMPLETE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|P[^\x1b]*\x1b?|_[^\x1b]*\x1b?)?$")


class Screen(pyte.Screen):
    def select_graphic_rendition(self, *attributes, **private):
        if not private.get("private"):
            super().select_graphic_rendition(*attributes)

    def report_device_status(self, *_args, **_kwargs):
        pass

    def report_device_attributes(self, *_args, **_kwargs):
        pass


class Terminal:
    def __init__(self, command, columns=200, rows=50, environment=None):
        self.screen = Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.chunks = collections.deque()
        self.changed = threading.Condition()
        self.rest = b""
        self.running = True
        environment = dict(os.environ, TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8", **(environment or {}))
        master, slave = pty.openpty()
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, columns * 10, rows * 20))
        self.started = time.perf_counter()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for descriptor in range(3):
                os.dup2(slave, descriptor)
            os.closerange(3, 64)
            try:
                os.execvpe(command[0], command, environment)
            except OSError as error:
                os.write(2, f"{command[0]}: {error}\n".encode())
                os._exit(127)
        os.close(slave)
        self.master = master
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        last = b""
        while True:
            try:
                data = os.read(self.master, 1 << 16)
            except OSError:
                data = b""
            now = time.perf_counter()
            if data:
                self._answer(last, data)
                last = data[-40:]
            with self.changed:
                if data:
                    self.chunks.append((now, data))
                else:
                    self.running = False
                self.changed.notify_all()
            if not data:
                return

    def _answer(self, last, data):
        """Answers what was asked, in the order in which it was asked; a question may be split between two reads."""
        joined = last + data
        asked = sorted((found.start(), answer) for query, answer in QUERIES for found in query.finditer(joined)
                       if found.end() > len(last))
        for _, answer in asked:
            try:
                os.write(self.master, answer)
            except OSError:
                return

    def _feed(self, data):
        data = self.rest + data
        incomplete = INCOMPLETE.search(data[-4096:])
        cut = len(data) - len(incomplete.group(0)) if incomplete else len(data)
        data, self.rest = data[:cut], data[cut:]
        self.stream.feed(UNKNOWN.sub(b"", data))

    def next_chunk(self, timeout):
        """Feeds the next chunk to the emulator and gives its time, or None."""
        end = time.perf_counter() + timeout
        with self.changed:
            while not self.chunks:
                left = end - time.perf_counter()
                if left <= 0 or not self.running:
                    return None
                self.changed.wait(min(left, 0.05))
            when, data = self.chunks.popleft()
        self._feed(data)
        return when

    def wait(self, condition, timeout):
        """The time of the chunk that made the condition true (now, if it is true already), or None."""
        end = time.perf_counter() + timeout
        if condition(self):
            return time.perf_counter()
        while (left := end - time.perf_counter()) > 0:
            when = self.next_chunk(left)
            if when is None:
                return None
            if condition(self):
                return when
        return None

    def rest_for(self, seconds):
        """Lets time pass and takes in whatever the program draws meanwhile."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0 and self.running:
            self.next_chunk(left)

    def drain(self):
        while self.chunks:
            self.next_chunk(0)

    def lines(self):
        return self.screen.display

    def text(self):
        return "\n".join(self.screen.display)

    def style(self, line, start, end):
        """What the cells of a part of a line look like, without their text."""
        cells = self.screen.buffer[line]
        return tuple((cells[x].bg, cells[x].reverse) for x in range(start, end, 3))

    def send(self, keys):
        """Keys as text, with names in angle brackets: ":pods<enter>"."""
        for key in re.findall(r"<[a-z]+>|.", keys, re.S):
            sequence = KEYS.get(key, key)
            if APPLICATION_KEYS in self.screen.mode:
                sequence = re.sub(r"^\x1b\[([A-H])$", "\x1bO\\1", sequence)
            os.write(self.master, sequence.encode())

    def processes(self):
        found, queue = [], [self.pid]
        while queue:
            process = queue.pop()
            found.append(process)
            try:
                for thread in os.listdir(f"/proc/{process}/task"):
                    with open(f"/proc/{process}/task/{thread}/children") as children:
                        queue += map(int, children.read().split())
            except OSError:
                pass
        return found

    def cpu_seconds(self):
        """Processor time of all threads, in nanosecond steps: an idle program uses less than a clock tick."""
        total = 0
        for process in self.processes():
            try:
                for thread in os.listdir(f"/proc/{process}/task"):
                    with open(f"/proc/{process}/task/{thread}/schedstat") as stat:
                        total += int(stat.read().split()[0])
            except OSError:
                pass
        return total / 1e9

    def resident_mib(self):
        total = 0
        for process in self.processes():
            try:
                with open(f"/proc/{process}/smaps_rollup") as rollup:
                    total += sum(int(line.split()[1]) for line in rollup if line.startswith("Rss:"))
            except OSError:
                pass
        return total / 1024

    def close(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(self.pid, number)
            except OSError:
                break
            for _ in range(40):
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    os.close(self.master)
                    return
                time.sleep(0.05)
