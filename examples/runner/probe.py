"""nal-ping and nal-traceroute over a short way: a router of Linux and a host behind it, each in a network namespace of
its own, the last link with a smaller MTU."""

import contextlib
import ipaddress
import pathlib
import re
import subprocess

from processes import Failure, Program

MTU = 1400
# Each link is a network of its own: the near end has .1, the far end .2.
LINKS = ("90", "91")
HOST = ("10.91.0.2", "fd91::2")
NOBODY = ("10.91.0.99", "fd91::99")
NEAR_ROUTER = ("10.90.0.2", "fd90::2")
SWITCHES = {"net/ipv4/ip_forward": "1", "net/ipv4/icmp_ratelimit": "0", "net/ipv6/conf/all/forwarding": "1",
            "net/ipv6/icmp/ratelimit": "0"}


def _switch(values, inside=()):
    """Sets what /proc/sys has; gives what it was. Errors are told as often as asked for: no row waits for another."""
    before = {}
    for name, value in values.items():
        file = pathlib.Path("/proc/sys") / name
        if inside:
            subprocess.run([*inside, "sh", "-c", f"echo {value} > {file}"], check=True)
        else:
            before[name] = file.read_text().strip()
            file.write_text(value)
    return before


@contextlib.contextmanager
def way(folder):
    """Makes the way: this host, a router, a host."""
    with contextlib.ExitStack() as stack:
        nodes = []
        for name in ("router", "host"):
            # It writes when it is there.
            command = ["unshare", "-n", "sh", "-c", "echo here; exec sleep 600"]
            node = stack.enter_context(Program(f"node-{name}", command, folder))
            node.wait_for_line("here")
            nodes.append(node)
        inside = [[], *(["nsenter", "-t", str(node.pid), "-n"] for node in nodes)]

        def ip(where, *words):
            subprocess.run([*inside[where], "ip", *words], check=True)

        for near, number in enumerate(LINKS):
            a, b = f"way{number}a", f"way{number}b"
            subprocess.run([*inside[near], "ip", "link", "add", a, "type", "veth", "peer", "name", b, "netns",
                            str(nodes[near].pid)], check=True)
            for where, name, last in ((near, a, 1), (near + 1, b, 2)):
                ip(where, "address", "add", f"10.{number}.0.{last}/24", "dev", name)
                ip(where, "-6", "address", "add", f"fd{number}::{last}/64", "dev", name, "nodad")
                ip(where, "link", "set", name, "up", *(["mtu", str(MTU)] if number == LINKS[-1] else []))
            for version, gateway in (("-4", f"10.{number}.0.1"), ("-6", f"fd{number}::1")):
                ip(near + 1, version, "route", "add", "default", "via", gateway)
            ip(near + 1, "link", "set", "lo", "up")
            _switch(SWITCHES, inside[near + 1])
        for version, network, gateway in (("-4", "10.91.0.0/24", "10.90.0.2"), ("-6", "fd91::/64", "fd90::2")):
            ip(0, version, "route", "add", network, "via", gateway)
        before = _switch(SWITCHES)
        try:
            yield
        finally:
            _switch(before)


class Checks:
    def __init__(self, setting):
        self.setting = setting
        self.number = 0

    def ask(self, program, *arguments, good=True):
        self.number += 1
        command = self.setting.program(f"tools/{program}", *self.setting.chosen(), *arguments)
        with Program(f"{program}-{self.number}", command, self.setting.folder) as running:
            try:
                running.finish()
            except Failure:
                if good:
                    raise
            return running.said().decode()

    def routers(self, version):
        """Those that a packet passes: for a stack of ours this host is the first."""
        own = self.setting.gateways[version] if self.setting.gateways else None
        return [*([own] if own else []), NEAR_ROUTER[version]]

    def expect(self, said, *patterns):
        for pattern in patterns:
            if not re.search(pattern, said, re.MULTILINE):
                raise Failure(f"no {pattern} in: {said}")

    def ping(self, version):
        said = self.ask("nal-ping", "-c", "3", "-i", "0.1", HOST[version])
        left = 64 - len(self.routers(version))
        self.expect(said, rf"bytes from {HOST[version]}: icmp_seq=3 ttl={left} time=[\d.]+ ms$",
                    "^3 packets transmitted, 3 received, 0% packet loss")

    def fragments(self, version):
        # The first may tell a stack that knows nothing of the way yet what the last link takes.
        said = self.ask("nal-ping", "-c", "3", "-i", "0.1", "-s", "4000", HOST[version])
        self.expect(said, rf"^4008 bytes from {HOST[version]}: icmp_seq=3 ")

    def too_far(self, version):
        said = self.ask("nal-ping", "-c", "1", "-t", str(len(self.routers(version))), HOST[version], good=False)
        what = ("Time to live exceeded", "Time exceeded: Hop limit")[version]
        self.expect(said, rf"^From {NEAR_ROUTER[version]} icmp_seq=1 {what}$",
                    r"0 received, \+1 errors, 100% packet loss")

    def too_big(self, version):
        said = self.ask("nal-ping", "-c", "2", "-i", "0.1", "-M", "do", "-s", "1440", HOST[version], good=False)
        what = (rf"Frag needed and DF set \(mtu = {MTU}\)", f"Packet too big: mtu={MTU}")[version]
        self.expect(said, rf"^From {NEAR_ROUTER[version]} icmp_seq=1 {what}$",
                    f"^nal-ping: local error: message too long, mtu={MTU}$")

    def nobody(self, version):
        said = self.ask("nal-ping", "-c", "1", NOBODY[version], good=False)
        what = ("Destination Host Unreachable", "Destination unreachable: Address unreachable")[version]
        self.expect(said, rf"^From {NEAR_ROUTER[version]} icmp_seq=1 {what}$")

    def trace(self, version, *others):
        said = self.ask("nal-traceroute", "-n", *others, HOST[version])
        hops = [*self.routers(version), HOST[version]]
        found = re.findall(r"^ ?\d+  (\S+)(?:  [\d.]+ ms){3}$", said, re.MULTILINE)
        # What is next may answer with another address that it has on that link, as SLAAC gives it.
        link = ipaddress.ip_network(f"{hops[0]}/{(24, 64)[version]}", strict=False)
        if not found or ipaddress.ip_address(found[0]) not in link or found[1:] != hops[1:]:
            raise Failure(f"it has found {found}, and the way is {hops}: {said}")

    def trace_mtu(self, version):
        said = self.ask("nal-traceroute", "-n", "--mtu", "-q", "1", HOST[version])
        self.expect(said, rf"F={MTU}  ", rf"  {HOST[version]}  ")


def exchanges(table, setting):
    checks = Checks(setting)
    with way(setting.folder):
        for version in (0, 1)[:2 if setting.v6 else 1]:
            name = f"IPv{(4, 6)[version]}"
            # First: later the way is known.
            table.row(f"a ping that is too big, {name}", "Linux", checks.too_big, version)
            table.row(f"the path MTU, by traceroute, {name}", "Linux", checks.trace_mtu, version)
            table.row(f"ping over two links, {name}", "Linux", checks.ping, version)
            table.row(f"ping with 4000 bytes, in fragments, {name}", "Linux", checks.fragments, version)
            table.row(f"a ping that a router gives up, {name}", "Linux", checks.too_far, version)
            table.row(f"a ping to nobody, {name}", "Linux", checks.nobody, version)
            table.row(f"traceroute by UDP, {name}", "Linux", checks.trace, version)
            table.row(f"traceroute by echo requests, {name}", "Linux", checks.trace, version, "-I")
