#!/usr/bin/env python3
"""The main job, in a network of its own: started by examples/run."""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import clock
import coap
import echo
import embedded
import mqtt
import neighbours
import network
import probe
import resolve
import serve
import tls
from processes import Failure
from table import Table

PATIENCE = 600  # seconds that a whole run may take


def how_built(build):
    """As the build folder was configured: its backends, and whether there is TLS."""
    listed = subprocess.run(["meson", "introspect", "--buildoptions", str(build)], check=True, capture_output=True,
                            text=True)
    options = {option["name"]: option["value"] for option in json.loads(listed.stdout)}
    return options["backends"], "mbedtls" in options["adapters"]


def version(command, pattern):
    """A peer's name and version, as it tells them."""
    said = subprocess.run(command, capture_output=True, text=True)
    found = re.search(pattern, said.stdout + said.stderr)
    return f"{command[0]} {found[1]}" if found else command[0]


class Setting:
    """What every exchange needs to know."""

    def __init__(self, build, folder, backend, v6):
        self.build = build
        self.folder = folder    # of logs
        self.backend = backend
        self.v6 = v6
        self.server_v4, self.server_v6 = network.V4, network.V6  # where our servers are
        self.name_server = "127.0.0.1"
        self.interfaces = ["lo"]  # where what is exchanged passes
        self.group_interface = "lo"
        self.gateways = None  # of our stacks; Linux's sockets have none
        if backend in network.ON_DEVICES:
            self.server_v4, self.server_v6 = network.tap_addresses("server")
            self.name_server = network.V4
            self.interfaces = list(network.TAPS.values())
            self.group_interface = network.TAPS["client"]
            self.gateways = network.tap_addresses("client", 1)

    def chosen(self, role="client"):
        """The option that has a program run on the backend. Programs that run at the same time have different roles,
        since each stack of ours has a network interface to itself."""
        if self.backend not in network.ON_DEVICES:
            return ["--backend", self.backend]
        return network.on_device(self.backend, role, self.name_server)

    def program(self, path, *arguments):
        """The command line of one of our programs."""
        return [self.build / "examples" / path, *arguments]


def run_tls(table, setting, certificates):
    table.backend = setting.backend
    with network.taps() if setting.backend in network.ON_DEVICES else contextlib.nullcontext():
        libcoap = version([tls.LIBCOAP_CLIENT, "-?"], r"v(\d\S+)").split()[-1]
        tls.exchanges(table, setting, certificates, version(["mosquitto", "-h"], r"version (\S+)"),
                      f"libcoap {libcoap}", version(["curl", "--version"], r"curl (\S+)"))


def run_backend(table, setting):
    table.backend = setting.backend
    with contextlib.ExitStack() as stack:
        if setting.backend in network.ON_DEVICES:
            stack.enter_context(network.taps())
            embedded.exchanges(table, setting)
        if setting.backend == "lwip":
            table.skip("ping and traceroute", "Linux", "lwIP tells no socket of ICMP errors, and nal's backend sends no probes")
        else:
            probe.exchanges(table, setting)
        neighbours.exchanges(table, setting)
        captures = [stack.enter_context(network.Capture(setting.folder / f"{interface}.pcap", interface))
                    for interface in setting.interfaces]
        resolve.exchanges(table, setting, version(["dnsmasq", "--version"], r"version (\S+)"))
        clock.exchanges(table, setting)
        echo.exchanges(table, setting, version(["socat", "-V"], r"version (\S+)"))
        serve.exchanges(table, setting, version(["curl", "--version"], r"curl (\S+)"),
                        version(["socat", "-V"], r"version (\S+)"))
        mqtt.exchanges(table, setting, version(["mosquitto", "-h"], r"version (\S+)"))
        coap.exchanges(table, setting, "libcoap " + version([coap.LIBCOAP_CLIENT, "-?"], r"v(\d\S+)").split()[-1])
    if shutil.which("tshark"):
        def check():
            for capture in captures:
                capture.check(setting.folder)
        table.row("nothing malformed on the wire", version(["tshark", "--version"], r"TShark \D*(\S+)"), check)


def hand_over(*paths):
    """Gives what sudo's root has written to who called sudo, whose later runs will want to write there."""
    if os.geteuid() != 0 or "SUDO_UID" not in os.environ:
        return
    owner = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
    for path in paths:
        for file in (path, *path.rglob("*")):
            os.chown(file, *owner, follow_symlinks=False)


def out_of_time(*_):
    raise Failure(f"the whole run took longer than {PATIENCE} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--backend", action="append")
    parser.add_argument("--report")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--private-mounts", action="store_true")
    arguments = parser.parse_args()

    built, has_tls = how_built(arguments.build)
    backends = list(dict.fromkeys(arguments.backend or built))
    unknown = [backend for backend in backends if backend not in built]
    if unknown:
        print(f"examples/run: no backend '{unknown[0]}' in this build; there is: {' '.join(built)}", file=sys.stderr)
        return 2
    if arguments.tls and not has_tls:
        print(f"examples/run: {arguments.build} is built without TLS; meson configure {arguments.build} "
              "-Dadapters=mbedtls changes that", file=sys.stderr)
        return 2
    if not network.is_ours():
        print("examples/run: this is no network of its own; start examples/run, not this", file=sys.stderr)
        return 1

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started this may have it ignored
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(PATIENCE)

    logs = arguments.build / ("run-tls" if arguments.tls else "run")
    try:
        if logs.exists():
            shutil.rmtree(logs)
        logs.mkdir(parents=True)
    except OSError as error:
        print(f"examples/run: cannot make room for new logs: {error}; remove {logs} yourself", file=sys.stderr)
        return 1
    table = Table()
    try:
        v6 = network.bring_up()
        with network.names(logs, v6, arguments.private_mounts):
            certificates = tls.Certificates(logs) if arguments.tls else None
            for backend in backends:
                folder = logs / backend
                folder.mkdir()
                setting = Setting(arguments.build, folder, backend, v6)
                if arguments.tls:
                    run_tls(table, setting, certificates)
                else:
                    run_backend(table, setting)
    except Failure as failure:
        print(f"examples/run: {failure}", file=sys.stderr)
        table.rows.append({"backend": table.backend, "exchange": "the whole run", "peer": "", "result": "failed",
                           "milliseconds": 0})
    except KeyboardInterrupt:
        print("\nexamples/run: interrupted", file=sys.stderr)
        return 130
    finally:
        hand_over(logs)

    print()
    table.show()
    print(f"\nlogs: {logs}")
    for file in sorted(logs.rglob("*.pcap")):
        print(f"packets: {file} ({file.stat().st_size:,} bytes)")
    if arguments.report:
        table.write(arguments.report)
        hand_over(pathlib.Path(arguments.report))
        print(f"report: {arguments.report}")
    return 0 if table.good() else 1


if __name__ == "__main__":
    sys.exit(main())
