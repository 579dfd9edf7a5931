"""Measures a full-screen pod viewer against a running API server; `run` calls it, see there.

Prints one line per figure, with its budget and the best peer, and writes all raw values as JSON.
"""
import argparse
import collections
import json
import os
import re
import shlex
import statistics
import subprocess
import time

from terminal import Terminal

# Names as the populator makes them: <namespace>-<app>-<number>-<hash>-<suffix>.
POD = re.compile(r"\b[a-z]+(?:-[a-z]+)*-\d+-[a-z0-9]{10}-[a-z0-9]{5}\b")
# One character before its end, this filter still lets ten times as many rows through as after it; names alone have it.
FILTER = "r-11"

# The best figure that any of five peers reached on the same server, population and size of terminal, and whose it was.
PEERS = {
    "first_frame": "17 ms (sofka)", "ten_rows": "75 ms (sofka)", "all_rows": "1381 ms (kubetui)",
    "resident": "746 MB (kubetui)", "idle_cpu": "0.08 % (sofka)", "idle_requests": "0 (sofka)", "key_p99": "1 ms (sofka)",
    "churn_cpu": "43 % (kdash)", "churn_key_p99": "26 ms (sofka)", "churn_resident": "984 MB (sofka)",
    "filter": "5 ms (kdash)", "slow_all_rows": "7.3 s (kdash, in part)", "binary": "10 MB (b4n)",
}
BUDGETS = {
    "first_frame_unreachable": "15 ms", "first_frame": "15 ms", "ten_rows": "50 ms", "all_rows": "100 ms", "resident": "40 MiB",
    "idle_cpu": "0.1 %", "idle_requests": "0", "key_p99": "8 ms", "churn_cpu": "10 %", "churn_key_p99": "8 ms",
    "fast_churn_key_p99": "16 ms", "filter": "8 ms", "slow_ten_rows": "0.4 s", "slow_all_rows": "1.0 s", "binary": "15 MiB",
}


def pod_lines(terminal):
    """The lines of the table with the names on them: those whose name begins where most do. Titles have names too."""
    found = {number: match for number, line in enumerate(terminal.lines()) if (match := POD.search(line))}
    usual = collections.Counter(match.start() for match in found.values()).most_common(1)
    return {number: match for number, match in found.items() if match.start() == usual[0][0]}


def drawn(terminal):
    return sum(bool(line.strip()) for line in terminal.lines()) >= 3


def ten_rows(terminal):
    return len(pod_lines(terminal)) >= 10


def selected(terminal):
    """The pod on the line that looks unlike the others: wherever the selection is drawn, and however."""
    lines = pod_lines(terminal)
    styles = {line: terminal.style(line, *match.span()) for line, match in lines.items()}
    usual = collections.Counter(style for cells in styles.values() for style in cells).most_common(1)
    if not usual:
        return None
    unlike = {line: sum(style != usual[0][0] for style in cells) for line, cells in styles.items()}
    line = max(lines, key=unlike.get)
    return line, lines[line].group(0)


class Bench:
    def __init__(self, options):
        self.options = options
        self.pods = re.compile(options.all_rows)
        self.figures = {}
        self.raw = {}

    def open(self, kubeconfig):
        command = self.options.command.format(kubeconfig=kubeconfig, context="default")
        terminal = Terminal(shlex.split(command), environment={"KUBECONFIG": kubeconfig})
        if self.options.keys:
            terminal.wait(drawn, 30)
            terminal.rest_for(0.3)
            terminal.send(self.options.keys)
        return terminal

    def all_rows(self, terminal):
        return ten_rows(terminal) and bool(self.pods.search(terminal.text()))

    def since_start(self, terminal, condition, timeout):
        when = terminal.wait(condition, timeout)
        return None if when is None else (when - terminal.started) * 1000

    def figure(self, name, values, unit, digits=1):
        """Keeps the median; a value that was not reached in time makes the whole figure "not reached"."""
        self.raw[name] = values
        reached = bool(values) and None not in values
        self.figures[name] = f"{statistics.median(values):.{digits}f} {unit}" if reached else "not reached"
        print(f"{name:26} {self.figures[name]:>14}   budget {BUDGETS.get(name, '-'):>8}   best peer {PEERS.get(name, '-')}", flush=True)

    def start(self, kubeconfig, prefix="", runs=5, unit="ms", per_unit=1.0, digits=1, timeout=60):
        times = collections.defaultdict(list)
        for _ in range(runs):
            terminal = self.open(kubeconfig)
            for name, condition in (("first_frame", drawn), ("ten_rows", ten_rows), ("all_rows", self.all_rows)):
                took = self.since_start(terminal, condition, timeout)
                times[name].append(None if took is None else took / per_unit)
            terminal.close()
        for name, values in times.items():
            self.figure(prefix + name, values, unit, digits)

    def unreachable(self):
        """The first frame when the server's port is closed."""
        path = os.path.join(self.options.folder, "unreachable.yaml")
        self.kubeconfig_with_port(path, 1)
        times = []
        for _ in range(5):
            terminal = self.open(path)
            times.append(self.since_start(terminal, drawn, 30))
            terminal.close()
        self.figure("first_frame_unreachable", times, "ms")

    def kubeconfig_with_port(self, path, port):
        with open(self.options.kubeconfig) as file:
            text = file.read()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(re.sub(r"(server: https://[^:]+):\d+", rf"\1:{port}", text))

    def requests(self, since):
        """What others than the populator asked the server, from the server's own log."""
        with open(self.options.audit_log) as log:
            log.seek(since)
            return sum('"userAgent":"populate' not in line for line in log)

    def keys(self, terminal, count):
        """From a key to the frame that shows the selection elsewhere, in milliseconds."""
        times = []
        terminal.send("<home>")
        terminal.rest_for(0.5)
        for number in range(count):
            terminal.drain()
            before = selected(terminal)
            sent = time.perf_counter()
            # Down ten times, then up ten times, so that a list that is sorted anew meanwhile does not run out.
            terminal.send("<down>" if number // 10 % 2 == 0 else "<up>")
            when = terminal.wait(lambda t: selected(t) != before, 3)
            times.append(None if when is None else (when - sent) * 1000)
            if times[-5:] == [None] * 5:
                break
            terminal.rest_for(0.05)
        return times

    def key_figures(self, prefix, times):
        missed = times.count(None)
        if missed:
            print(f"{prefix}key: {missed} of {len(times)} keys showed nothing within 3 s", flush=True)
        seen = sorted(t for t in times if t is not None)
        self.raw[prefix + "keys"] = times
        self.figure(prefix + "key_p50", [statistics.median(seen)] if seen else [], "ms", 2)
        self.figure(prefix + "key_p99", [seen[min(len(seen) - 1, int(len(seen) * 0.99))]] if seen else [], "ms", 2)

    def churn(self, terminal, rate, prefix):
        seconds = 45
        populator = subprocess.Popen(
            [self.options.populator, "--kubeconfig", self.options.kubeconfig, "--pods", str(self.options.pods),
             "--no-create", "--churn", str(rate), "--duration", f"{seconds}s"], stdout=subprocess.PIPE, text=True)
        terminal.rest_for(5)
        cpu, started = terminal.cpu_seconds(), time.perf_counter()
        terminal.rest_for(20)
        used = (terminal.cpu_seconds() - cpu) / (time.perf_counter() - started)
        self.figure(prefix + "cpu", [used * 100], "%")
        self.key_figures(prefix, self.keys(terminal, 100))
        self.figure(prefix + "resident", [terminal.resident_mib()], "MiB")
        while populator.poll() is None:
            terminal.rest_for(0.2)
        print(populator.stdout.read().strip(), flush=True)

    def filter(self, terminal):
        def right_rows(t):
            names = [match.group(0) for match in pod_lines(t).values()]
            return len(names) >= 10 and all(FILTER in name for name in names)

        times = []
        for _ in range(5):
            terminal.send(self.options.filter_key)
            terminal.rest_for(0.3)
            for character in FILTER[:-1]:
                terminal.send(character)
                terminal.rest_for(0.3)
            if right_rows(terminal):
                raise SystemExit("the filter's last character would change nothing on the screen")
            sent = time.perf_counter()
            terminal.send(FILTER[-1] + self.options.filter_end)
            when = terminal.wait(right_rows, 5)
            times.append(None if when is None else (when - sent) * 1000)
            terminal.send(self.options.filter_clear)
            terminal.wait(self.all_rows, 10)
            terminal.rest_for(0.3)
        self.figure("filter", times, "ms")

    def long_run(self):
        terminal = self.open(self.options.kubeconfig)
        try:
            if terminal.wait(self.all_rows, 60) is None:
                print(terminal.text())
                raise SystemExit("the rows did not come; this is the screen above")
            terminal.rest_for(10)
            self.figure("resident", [terminal.resident_mib()], "MiB")
            position = os.path.getsize(self.options.audit_log)
            cpu, started = terminal.cpu_seconds(), time.perf_counter()
            terminal.rest_for(30)
            self.figure("idle_cpu", [(terminal.cpu_seconds() - cpu) / (time.perf_counter() - started) * 100], "%", 3)
            self.figure("idle_requests", [self.requests(position)], "", 0)
            self.key_figures("", self.keys(terminal, 200))
            self.filter(terminal)
            self.churn(terminal, 200, "churn_")
            self.churn(terminal, 1000, "fast_churn_")
        finally:
            terminal.close()

    def slow_link(self):
        path = os.path.join(self.options.folder, "slow.yaml")
        with open(self.options.kubeconfig) as file:
            port = int(re.search(r"server: https://[^:]+:(\d+)", file.read()).group(1))
        self.kubeconfig_with_port(path, port + 1)
        proxy = subprocess.Popen([self.options.slowlink, "-listen", f"127.0.0.1:{port + 1}", "-target", f"127.0.0.1:{port}",
                                  "-rtt", "60ms", "-mbit", "50"])
        try:
            time.sleep(0.3)
            self.start(path, "slow_", runs=3, unit="s", per_unit=1000, digits=2, timeout=90)
        finally:
            proxy.terminate()
            proxy.wait()


def main():
    arguments = argparse.ArgumentParser()
    for name in ("command", "kubeconfig", "audit-log", "populator", "slowlink", "folder", "output"):
        arguments.add_argument("--" + name, required=True)
    arguments.add_argument("--pods", type=int, required=True)
    arguments.add_argument("--keys", default="", help="keys that lead from the first screen to the pods")
    arguments.add_argument("--all-rows", default=r"10[,._ ’']?000", help="what the screen shows when all rows are there")
    arguments.add_argument("--filter-key", default="/")
    arguments.add_argument("--filter-end", default="", help="keys that apply the filter, where typing alone does not")
    arguments.add_argument("--filter-clear", default="<esc>")
    arguments.add_argument("--only", default="start,unreachable,long,slow")
    bench = Bench(arguments.parse_args())
    options = bench.options
    binary = shlex.split(options.command)[0]
    if os.path.exists(binary):
        bench.figure("binary", [os.path.getsize(binary) / (1 << 20)], "MiB")
    for part in options.only.split(","):
        {"start": lambda: bench.start(options.kubeconfig), "unreachable": bench.unreachable, "long": bench.long_run,
         "slow": bench.slow_link}[part]()
    with open(options.output, "w") as file:
        json.dump({"command": options.command, "pods": options.pods, "figures": bench.figures, "raw": bench.raw}, file, indent=1)


if __name__ == "__main__":
    main()
