"""The network of a run: addresses on the loopback interface, a name server, and what went over the wire.

It stands in a network namespace that `examples/run` has made, so nothing here reaches the machine's own network.
"""

import contextlib
import ipaddress
import pathlib
import shutil
import socket
import struct
import subprocess
import threading
import time

from processes import Failure, Program, run

V4 = "10.77.0.1"
V6 = "fd77::1"
NAME = "peer.nal.test"      # both addresses
NAME_V4 = "peer4.nal.test"  # the IPv4 address alone
NAME_TAP = "served.nal.test"  # a server of ours on an interface of its own
NOBODY = "nobody.nal.test"  # no name at all


# One for each program of ours that runs at a time, and the network that it is in: our end has .2, the kernel's .1.
TAPS = {"client": "nal0", "server": "nal1", "watcher": "nal2"}


def tap_addresses(role, host=2):
    """The IPv4 and the IPv6 address of our end, or of the kernel's."""
    number = 80 + list(TAPS).index(role)
    return f"10.{number}.0.{host}", f"fd{number}::{host}"


# Backends whose stack stands on an interface of its own.
ON_DEVICES = ("embedded", "lwip")


def on_device(backend, role, name_server):
    """What tells a program to have its stack on the interface of that role."""
    ours, kernels = tap_addresses(role), tap_addresses(role, 1)
    return ["--backend", backend, "--device", TAPS[role], "--ip", f"{ours[0]}/24", "--ip", f"{ours[1]}/64",
            "--gateway", kernels[0], "--gateway", kernels[1], "--dns", name_server]


@contextlib.contextmanager
def taps():
    """Makes the interfaces; the kernel is the router between them and everything else here."""
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for role, name in TAPS.items():
        v4, v6 = tap_addresses(role, 1)
        for command in (["tuntap", "add", name, "mode", "tap"], ["address", "add", f"{v4}/24", "dev", name],
                        ["-6", "address", "add", f"{v6}/64", "dev", name, "nodad"], ["link", "set", name, "up"]):
            subprocess.run(["ip", *command], check=True)
    try:
        yield
    finally:
        for name in TAPS.values():
            subprocess.run(["ip", "link", "delete", name])


def is_ours():
    """Whether this is a network of the run's own: nothing in it but a loopback interface."""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def bring_up():
    """Gives the loopback interface its addresses; returns whether there is IPv6."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "replace", f"{V4}/32", "dev", "lo"], check=True)
    v6 = subprocess.run(["ip", "-6", "address", "replace", f"{V6}/128", "dev", "lo", "nodad"], capture_output=True)
    return v6.returncode == 0


def _mount_over(file, text, folder):
    """Shows `text` in place of a file of the system, to this run alone."""
    ours = folder / file.name
    ours.write_text(text)
    subprocess.run(["mount", "--bind", str(ours), str(file)], check=True, capture_output=True)


def _choose_name_server(folder, private_mounts):
    """Makes the system's resolver ask us, and says at which addresses we must listen for that.

    Where mounts are private, /etc/resolv.conf and /etc/nsswitch.conf become ours. Where they cannot be (for root in a
    chroot) the machine's name servers become ours instead: this network has nobody else at their addresses.
    """
    resolv = pathlib.Path("/etc/resolv.conf")
    if private_mounts and resolv.exists():
        with contextlib.suppress(subprocess.CalledProcessError):
            _mount_over(resolv, "nameserver 127.0.0.1\n", folder)
            switch = pathlib.Path("/etc/nsswitch.conf")
            if switch.exists():
                _mount_over(switch, "hosts: files dns\n", folder)
            # A caching daemon of the machine's would ask the machine's name servers.
            if pathlib.Path("/run/nscd").is_dir():
                subprocess.run(["mount", "-t", "tmpfs", "none", "/run/nscd"], capture_output=True)
            return ["127.0.0.1"]
    lines = resolv.read_text().splitlines() if resolv.exists() else []
    servers = [words[1].split("%")[0] for words in map(str.split, lines) if words[:1] == ["nameserver"]]
    for server in servers:
        address = ipaddress.ip_address(server)
        if not address.is_loopback:
            subprocess.run(["ip", "address", "replace", f"{server}/{address.max_prefixlen}", "dev", "lo"], check=True)
    return servers or ["127.0.0.1"]


@contextlib.contextmanager
def names(folder, v6, private_mounts):
    """Serves the names, from dnsmasq, to whoever asks the system's resolver."""
    servers = _choose_name_server(folder, private_mounts)
    both = f"{V4},{V6}" if v6 else V4
    # --no-daemon also keeps it from becoming another user, which a user namespace has none of.
    command = ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--no-hosts", "--no-resolv",
               "--log-queries", "--bind-interfaces", "--interface=lo", "--port=53", "--local-ttl=1", "--local=/test/",
               f"--host-record={NAME},{both}", f"--host-record={NAME_V4},{V4}",
               f"--host-record={NAME_TAP},{tap_addresses('server')[0]}"]
    command += [f"--listen-address={server}" for server in servers]
    with Program("dnsmasq", command, folder) as server:
        server.wait_for_line("started", server.errors)
        yield server


# What tshark 4.0 calls malformed in CoAP because it does not know it: the options of signalling (RFC 8323 §5), and
# Request-Tag (RFC 9175).
MALFORMED = ("_ws.malformed.expert or (_ws.malformed and not coap.invalid_option_number and not "
             "coap.invalid_option_range) or (coap.invalid_option_range and not coap.code >= 224)")
# It does not put CoAP over TCP together from segments, of which a network interface has more than loopback has.
MALFORMED_ON_TAP = f"(({MALFORMED}) and not (tcp and coap))"
# Of TCP, UDP, IPv4 and ICMP over either; loopback makes no checksums.
CHECKED = [word for name in ("tcp", "udp", "ip") for word in ("-o", f"{name}.check_checksum:TRUE")]
WRONG_CHECKSUM = " or ".join(f"{name}.checksum.status==0" for name in ("tcp", "udp", "ip", "icmpv6", "icmp"))
# Ports of MQTT that tshark would take for something else.
DISSECTED = ["-d", "tcp.port==1884-1885,mqtt"]


class Capture:
    """Writes what passes an interface into a pcap file, by a thread of its own."""

    SNAP = 262144

    def __init__(self, file, interface):
        self.file = pathlib.Path(file)
        self.interface = interface
        self.packets = 0

    def __enter__(self):
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        self._socket.bind((self.interface, 0))
        self._socket.settimeout(0.2)
        self._ended = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended = True
        self._thread.join()
        self._socket.close()

    def _work(self):
        with open(self.file, "wb") as out:
            out.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, self.SNAP, 1))  # Ethernet, as loopback pretends
            while True:
                try:
                    data, address = self._socket.recvfrom(self.SNAP)
                except socket.timeout:
                    if self._ended:
                        return
                    continue
                if address[2] == socket.PACKET_OUTGOING and self.interface == "lo":
                    continue  # loopback shows each packet twice
                now = time.time_ns()
                out.write(struct.pack("=IIII", now // 10**9, now % 10**9 // 1000, len(data), len(data)) + data)
                self.packets += 1

    def check(self, folder):
        """Has tshark look for malformed packets. None where there is no tshark."""
        if not shutil.which("tshark"):
            return None
        wanted, options = MALFORMED, []
        if self.interface != "lo":
            # Of what is ours: the kernel has 0xffff where tshark wants 0, which is the same.
            kernels = [(V4, V6), *(tap_addresses(role, 1) for role in TAPS)]
            theirs = (f"ip.src in {{{', '.join(v4 for v4, _ in kernels)}}} or "
                      f"ipv6.src in {{{', '.join(v6 for _, v6 in kernels)}}}")
            wanted, options = f"{MALFORMED_ON_TAP} or (({WRONG_CHECKSUM}) and not ({theirs}))", CHECKED
        bad = run("tshark", ["tshark", "-r", self.file, *DISSECTED, *options, "-Y", wanted, "-T", "fields", "-e",
                             "frame.number", "-e", "_ws.col.Protocol"], folder).decode().split("\n")
        bad = [line for line in bad if line.strip()]
        if bad:
            raise Failure(f"{len(bad)} malformed packets in {self.file}, the first is number {bad[0]}")
        return self.packets
