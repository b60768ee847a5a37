"""What the stacks take for the same work: the embedded stack, lwIP through its raw API and behind nal, smoltcp, xarxa."""

import os
import pathlib
import shutil
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

# What nal's backend may take beside lwIP itself: figure, compiler, most it may be.
BUDGETS = []


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

    def all_of(self, stack, command_of):
        """`command_of` gives the program and its words for one kind of work; None where the stack has no such thing."""
        for what, rounds, name, crowd in WORK:
            command = command_of(what)
            if command:
                self.measure(stack, command, name, rounds)
                if crowd:
                    self.measure(stack, command, name + IDLE, rounds, "1000")

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
    table.all_of("nal on lwIP", lambda what: None if what == "bulk-offload" else [str(program), "nal", what])
    for what, _, name, _ in WORK:
        if what != "bulk-offload":
            with_nal, without = table.found[name]["nal on lwIP"], table.found[name]["lwIP"]
            name = f"nal on lwIP, beside lwIP alone: {name}"
            table.bench.figure(name, round(with_nal - without), "instructions more", "nal")
            table.bench.hold(name, with_nal - without, BUDGETS)


def measure(bench, embedded):
    print("The same work done by other stacks: two hosts on a wire, MTU 1500, every checksum, 64 KiB of window")
    table = Table(bench)
    table.all_of("embedded", lambda what: [embedded, what])
    measure_lwip(table)
    table.show()
