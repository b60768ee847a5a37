"""What the stacks take for the same work: the embedded stack, lwIP through its raw API and behind nal, smoltcp, xarxa."""

import os
import pathlib
import shutil
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE / "peers"

# What, rounds, what the figure is called, whether idle sockets beside it matter.
WORK = [
    ("bulk", 1000, "bulk TCP, instructions per 1460 bytes", True),
    ("bulk-offload", 1000, "bulk TCP, checksums by the device, instructions per 1460 bytes", False),
    ("ping-pong", 500, "TCP ping-pong, instructions a round trip", True),
    ("active", 1000, "TCP ping-pong of 1,000 connections in turn, instructions a round trip", False),
    ("udp", 500, "UDP echo, instructions a round trip", True),
]
IDLE = ", 1,000 idle sockets beside it"

# What nal's backend may take beside a program on lwIP's raw API: one whose port copies what it receives, and the same on
# nal's executor and driver contract, so that what is left is the backend's own. Figure, compiler, most it may be.
MORE = "nal on lwIP, more than lwIP with a copying port: "
OWN = "nal on lwIP, more than lwIP on nal's executor and driver: "
BUDGETS = [
    (MORE + "bulk TCP, instructions per 1460 bytes", "g++", 190),
    (MORE + "TCP ping-pong, instructions a round trip", "g++", 1360),
    (MORE + "TCP ping-pong of 1,000 connections in turn, instructions a round trip", "g++", 1330),
    (MORE + "UDP echo, instructions a round trip", "g++", 2050),
    (OWN + "bulk TCP, instructions per 1460 bytes", "g++", 0),
    (OWN + "TCP ping-pong, instructions a round trip", "g++", 540),
    (OWN + "UDP echo, instructions a round trip", "g++", 1230),
]


class Table:
    """Figures of stacks one beside the other."""

    def __init__(self, bench):
        self.bench = bench
        self.stacks = []
        self.found = {}

    def measure(self, stack, command, name, rounds, *others):
        value = self.bench.each(command, rounds, *others)
        if stack not in self.stacks:
            self.stacks.append(stack)
        self.found.setdefault(name, {})[stack] = value
        self.bench.figure(name, round(value, 1), "instructions", stack)

    def all_of(self, stack, command_of, fewer=1):
        """`command_of` gives the program and its words for one kind of work; None where the stack has no such thing.
        Work among many sockets is done `fewer` times less often."""
        for what, rounds, name, crowd in WORK:
            command = command_of(what)
            if command:
                self.measure(stack, command, name, rounds // fewer if what == "active" else rounds)
                if crowd:
                    self.measure(stack, command, name + IDLE, rounds // fewer, "1000")

    def show(self):
        rows = [["", *self.stacks]]
        for name, by_stack in self.found.items():
            rows.append([name, *(f"{by_stack[stack]:,.0f}" if stack in by_stack else "–" for stack in self.stacks)])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            print("  " + " | ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:]))]))


def measure_lwip(table):
    program = table.bench.folder / "lwip" / "bench-lwip"
    if not program.exists():
        table.bench.test("lwIP does the same work", "skipped", "no lwIP in this build (subprojects/provision lwip)")
        return
    table.all_of("lwIP", lambda what: [str(program), "device", "bulk"] if what == "bulk-offload"
                 else [str(program), "raw", what])
    table.all_of("lwIP, copying port", lambda what: None if what == "bulk-offload" else [str(program), "copying", what])
    table.all_of("lwIP on nal's driver", lambda what: None if what == "bulk-offload" else [str(program), "driver", what])
    table.all_of("nal on lwIP", lambda what: None if what == "bulk-offload" else [str(program), "nal", what])
    for what, _, name, _ in WORK:
        if what != "bulk-offload":
            for beside, peer in ((MORE, "lwIP, copying port"), (OWN, "lwIP on nal's driver")):
                more = table.found[name]["nal on lwIP"] - table.found[name][peer]
                table.bench.figure(beside + name, round(more), "instructions", "nal")
                table.bench.hold(beside + name, more, BUDGETS)


def cargo(folder, target, *words):
    """Builds a package of peers/; why not, if it cannot be."""
    if not shutil.which("cargo"):
        return "no Rust toolchain here"
    env = dict(os.environ, CARGO_TARGET_DIR=str(target), CARGO_NET_RETRY="1", CARGO_HTTP_TIMEOUT="20", CARGO_TERM_COLOR="never")
    try:
        done = subprocess.run(["cargo", "build", "--quiet", "--release", *words], cwd=folder, env=env, timeout=240,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except subprocess.TimeoutExpired:
        return "cargo took too long"
    errors = [line for line in done.stderr.splitlines() if line.startswith("error")]
    return None if done.returncode == 0 else "cargo says " + (errors or ["nothing"])[0]


# They look at every socket at every turn, so that callgrind takes long.
CROWDED = 25


def measure_rust(table):
    if table.bench.compiler != "g++":
        return  # the same once more
    target = table.bench.folder.parents[1] / "peers"
    xarxa = os.environ.get("NAL_XARXA")
    why = cargo(PEERS, target)
    table.bench.test("smoltcp does the same work", "skipped" if why else "passed", why)
    if not why:
        table.all_of("smoltcp", lambda what: [str(target / "release" / "bench-smoltcp"), what], CROWDED)
    why = ("it is not published; NAL_XARXA=FOLDER has its sources" if not xarxa else
           cargo(PEERS / "xarxa", target, "--config", f'patch.crates-io.xarxa.path="{xarxa}"'))
    table.bench.test("xarxa does the same work", "skipped" if why else "passed", why)
    if not why:
        table.all_of("xarxa", lambda what: [str(target / "release" / "bench-xarxa"), what], CROWDED)


def measure(bench, embedded):
    print("The same work done by other stacks: two hosts on a wire, MTU 1500, every checksum, 64 KiB of window")
    table = Table(bench)
    table.all_of("embedded", lambda what: [embedded, what])
    measure_lwip(table)
    measure_rust(table)
    table.show()


def measure_tap(bench, exchange):
    """The embedded stack and lwIP on the same TAP driver against the kernel, in turn. Decides nothing.

    `exchange` gives what a program says of one: bytes, seconds, user and system CPU, frames in and out.
    """
    if not bench.program("tap-lwip"):
        return
    size = 300_000_000
    for way, doing in (("send", "sending"), ("receive", "receiving")):
        runs = {"embedded": [], "lwIP": []}
        for _ in range(3):
            for stack, program in (("embedded", "tap"), ("lwIP", "tap-lwip")):
                runs[stack].append(exchange(bench, way, size, "none", program=program))
        for stack, told in runs.items():
            name = f"TAP, {doing}, 64 KiB of window"
            program = "tap" if stack == "embedded" else "tap-lwip"
            counts = [bench.instructions([], lambda run, n=n, p=program: exchange(
                bench, way, n, "none", *run, "--log-file=/dev/null", program=p)) for n in (5_000_000, 10_000_000)]
            bench.figure(name + ", instructions a KB", round((counts[1] - counts[0]) / 5_000), "instructions", stack)
            middle = [statistics.median(column) for column in zip(*told)]
            bench.figure(name, round(size * 8 / middle[1] / 1e9, 2), "Gbit/s", stack)
            bench.figure(name + ", user CPU", round(middle[2] / size * 1e9, 3), "s a GB", stack)
            bench.figure(name + ", system CPU", round(middle[3] / size * 1e9, 3), "s a GB", stack)
