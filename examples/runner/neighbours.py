"""nal-mdns, nal-resolve and nal-multicast with their neighbours: Avahi where it is installed, and each other."""

import contextlib
import os
import shutil
import signal
import subprocess

import network
from processes import Failure, Program, run

HOST = "neighbour"
INSTANCE = "K\u00e4se. 1"
LAN = ("mdns0", "mdns1")  # for who has no device of his own
LAN_ADDRESS = "10.90.0.1"

AVAHI = """[server]
host-name={host}
use-ipv4=yes
use-ipv6=yes
allow-interfaces={interface}
enable-dbus=yes
disallow-other-stacks=no
ratelimit-burst=1000
[publish]
publish-hinfo=no
publish-workstation=no
"""
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={socket}</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy></busconfig>
"""
# Avahi wants a user of its own, and its folder in /run: it gets both in a view of the files that nobody else sees.
AVAHI_START = """
mount --make-rprivate / && mount -t tmpfs none /run && mkdir /run/avahi-daemon
{ grep -v ^avahi: /etc/passwd; echo avahi:x:0:0::/:/bin/false; } > "$1/avahi.passwd"
{ grep -v ^avahi: /etc/group; echo avahi:x:0:; } > "$1/avahi.group"
mount --bind "$1/avahi.passwd" /etc/passwd && mount --bind "$1/avahi.group" /etc/group
exec avahi-daemon --no-drop-root --no-chroot --no-rlimits --no-proc-title -f "$1/avahi.conf"
"""


def has_avahi():
    return all(shutil.which(name) or os.path.exists(f"/usr/sbin/{name}")
               for name in ("avahi-daemon", "avahi-browse", "avahi-resolve", "avahi-publish", "dbus-daemon"))


@contextlib.contextmanager
def lan(setting):
    """The interface that programs share with their neighbours."""
    if setting.backend in network.ON_DEVICES:
        yield network.TAPS["client"]
        return
    subprocess.run(["ip", "link", "add", LAN[0], "type", "veth", "peer", "name", LAN[1]], check=True)
    try:
        subprocess.run(["ip", "address", "add", f"{LAN_ADDRESS}/24", "dev", LAN[0]], check=True)
        for name in LAN:
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
        yield LAN[0]
    finally:
        subprocess.run(["ip", "link", "delete", LAN[0]])


@contextlib.contextmanager
def avahi(folder, interface):
    """Avahi's daemon there, and the environment in which its programs find it."""
    socket = folder / "bus"
    (folder / "bus.conf").write_text(BUS.format(socket=socket))
    (folder / "avahi.conf").write_text(AVAHI.format(host=HOST, interface=interface))
    with Program("dbus", ["dbus-daemon", f"--config-file={folder / 'bus.conf'}", "--nofork", "--nopidfile",
                          "--print-address"], folder) as bus:
        bus.wait_for_line("unix:")
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={socket}"
        os.environ["PATH"] += os.pathsep + "/usr/sbin"
        with Program("avahi", ["unshare", "-m", "sh", "-c", AVAHI_START, "sh", folder], folder) as daemon:
            daemon.wait_for_line("Server startup complete", daemon.errors)
            yield daemon


class Rows:
    def __init__(self, setting, interface):
        self.setting = setting
        self.interface = interface
        # A stack of ours has but one.
        self.there = ["-i", interface] if setting.backend == "posix" else []
        self.address = network.tap_addresses("client")[0] if setting.backend != "posix" else LAN_ADDRESS

    def ours(self, name, program, *arguments, good=True):
        command = self.setting.program(program, *arguments, *self.setting.chosen(), *self.there)
        return run(name, command, self.setting.folder, good=good).decode()

    def expect(self, said, *parts):
        for part in parts:
            if part not in said:
                raise Failure(f"it says {said!r}, which lacks {part!r}")

    def announced(self, name, host, *services):
        """nal-mdns, once it has its names."""
        command = self.setting.program("tools/nal-mdns", "announce", host, *services, *self.setting.chosen(),
                                       *self.there)
        return Program(name, command, self.setting.folder)

    # Against Avahi.

    def resolve(self):
        self.expect(self.ours("mdns-lookup", "resolve/nal-resolve", "--short", "-4", f"{HOST}.local"), "10.")
        self.expect(self.ours("mdns-any", "resolve/nal-resolve", "-t", "ANY", f"{HOST}.local"), f"{HOST}.local A 10.")
        address = self.ours("mdns-again", "resolve/nal-resolve", "--short", "-4", f"{HOST}.local").strip()
        self.expect(self.ours("mdns-reverse", "resolve/nal-resolve", "--short", "-m", address), f"{HOST}.local")

    def browse(self):
        with Program("avahi-publish", ["avahi-publish", "-s", INSTANCE, "_http._tcp", "8080", "path=/x y", "flag"],
                     self.setting.folder) as publisher:
            publisher.wait_for_line("Established", publisher.errors)
            self.expect(self.ours("mdns-browse", "tools/nal-mdns", "browse", "_http._tcp", "-r", "-t"),
                        "K\u00e4se\\. 1._http._tcp.local", f"{HOST}.local:8080", '"path=/x y"', '"flag"')
            self.expect(self.ours("mdns-instance", "tools/nal-mdns", "resolve", f"{INSTANCE}._http._tcp"), ":8080")
            self.expect(self.ours("mdns-types", "tools/nal-mdns", "types", "-t"), "_http._tcp.local")

    def announce(self):
        folder = self.setting.folder
        with self.announced("mdns-announce", "nalbox", "--service", "Nal one,_ipp._tcp,631,a=b", "--subtype",
                            "_printer") as ours:
            ours.wait_for_line("^established Nal one._ipp._tcp.local")
            self.expect(run("avahi-browse", ["avahi-browse", "-rpt", "_ipp._tcp"], folder).decode(),
                        f"Nal\\032one;Internet Printer;local;nalbox.local;{self.address};631;\"a=b\"")
            self.expect(run("avahi-subtype", ["avahi-browse", "-pt", "_printer._sub._ipp._tcp"], folder).decode(),
                        "Nal\\032one")
            self.expect(run("avahi-resolve", ["avahi-resolve", "-4", "-n", "nalbox.local"], folder).decode(),
                        self.address)
            self.expect(run("avahi-reverse", ["avahi-resolve", "-a", self.address], folder).decode(), "nalbox.local")
            with Program("avahi-watch", ["avahi-browse", "-p", "_ipp._tcp"], folder) as watcher:
                watcher.wait_for_line(r"^\+.*Nal")
                ours.signal(signal.SIGINT)
                ours.finish()
                watcher.wait_for_line("^-.*Nal")

    def rename(self):
        folder = self.setting.folder
        with Program("avahi-taken", ["avahi-publish", "-s", "Taken", "_ipp._tcp", "8080"], folder) as publisher:
            publisher.wait_for_line("Established", publisher.errors)
            # A host of the same name and address would be the same host.
            host = "nalbox" if self.setting.backend == "posix" else HOST
            with self.announced("mdns-rename", host, "--service", "Taken,_ipp._tcp,631") as ours:
                ours.wait_for_line(f"^(established|renamed) {'nalbox' if host == 'nalbox' else HOST + '-2'}.local")
                ours.wait_for_line(r"^renamed Taken \(2\)._ipp._tcp.local")
                ours.signal(signal.SIGINT)
                ours.finish()

    # With one another: nal on the kernel's sockets is the neighbour.

    def ourselves(self):
        other = self.setting.program("tools/nal-mdns", "announce", "other", "--service", "Other,_http._tcp,80,x=y",
                                     "--backend", "posix", "-i", self.interface)
        with Program("mdns-other", other, self.setting.folder) as announced:
            announced.wait_for_line("^established Other")
            self.expect(self.ours("mdns-of-ours", "tools/nal-mdns", "browse", "_http._tcp", "-r", "-t"),
                        "Other._http._tcp.local other.local:80", '"x=y"')
            announced.signal(signal.SIGINT)
            announced.finish()

    def groups(self):
        v6 = ["ff15::77"] if self.setting.v6 else []
        groups = ["239.7.7.7", *v6]
        listening = self.setting.program("tools/nal-multicast", *groups, "-n", str(len(groups)), "--timeout", "15",
                                         *self.setting.chosen(), *self.there)
        with Program("multicast-members", listening, self.setting.folder) as members:
            for group in groups:
                members.wait_for_line(f"^joined {group}")
            run("multicast-send", self.setting.program(
                "tools/nal-multicast", *groups, "--send", "hello", "--no-listen", "--count", "3", "--interval", "0.2",
                "-i", self.interface, "--backend", "posix"), self.setting.folder)
            members.finish()
            for group in groups:
                self.expect(members.said().decode(), f"> {group}")

    def filtered(self):
        listening = self.setting.program("tools/nal-multicast", "239.7.7.8", "-s", "10.1.2.3", "-n", "1", "--timeout",
                                         "2", *self.setting.chosen(), *self.there)
        with Program("multicast-filter", listening, self.setting.folder) as members:
            members.wait_for_line("^joined")
            run("multicast-send-filtered", self.setting.program(
                "tools/nal-multicast", "239.7.7.8", "--send", "hello", "--no-listen", "-i", self.interface,
                "--backend", "posix"), self.setting.folder)
            try:
                members.finish()
            except Failure:
                return
            raise Failure("it heard somebody whom it did not ask to hear")


def exchanges(table, setting):
    with lan(setting) as interface, contextlib.ExitStack() as stack:
        rows = Rows(setting, interface)
        table.row("mDNS: services of nal on the kernel's sockets", "nal-mdns", rows.ourselves)
        table.row("groups of both families", "nal-multicast", rows.groups)
        table.row("a group of certain sources alone", "nal-multicast", rows.filtered)
        if not has_avahi():
            return
        stack.enter_context(avahi(setting.folder, interface))
        table.row("mDNS: a name, all its records, and back", "avahi", rows.resolve)
        table.row("mDNS: services found, told apart and resolved", "avahi", rows.browse)
        table.row("mDNS: a host and a service announced, and withdrawn", "avahi", rows.announce)
        table.row("mDNS: a name that somebody has already", "avahi", rows.rename)
