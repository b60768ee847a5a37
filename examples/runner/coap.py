"""nal-coap against libcoap's server, and libcoap's client against `nal-coap serve`, over UDP and TCP."""

import contextlib
import hashlib
import re
import signal
import subprocess

import network
from processes import Failure, Program, run, wait_until

PORT = 5683
GROUP_PORT = 5693
LOSING_PORT = 5694
GROUP = "224.0.1.187"  # all CoAP nodes (RFC 7252 §12.8)
SCHEMES = ("coap", "coap+tcp")
LIBCOAP_CLIENT = "coap-client-notls"
LIBCOAP_SERVER = "coap-server-notls"
# Not a multiple of any block's size, and more than a MiB.
BODY = b"".join(hashlib.sha512(i.to_bytes(4, "big")).digest() for i in range(16384)) + b"the end"


def program(setting):
    path = setting.program("tools/nal-coap")[0]
    if not path.is_file():
        raise Failure("nal-coap is not built")
    return path


class Ours:
    """nal-coap as a client."""

    def __init__(self, setting):
        self.folder = setting.folder
        self.path = program(setting)
        self.setting = setting

    def command(self, method, url, *arguments, role="client"):
        return [self.path, method, *self.setting.chosen(role), *arguments, url]

    def ask(self, name, method, url, *arguments, text=None):
        return run(name, self.command(method, url, *arguments), self.folder, text=text)

    def refused(self, name, method, url, *arguments):
        """What it says of an answer that is an error."""
        return run(name, self.command(method, url, *arguments), self.folder, good=False).decode()

    def watch(self, name, url):
        return Program(name, self.command("observe", url, "-w", role="watcher"), self.folder)


class Theirs:
    """libcoap's client."""

    def __init__(self, setting):
        self.folder = setting.folder

    def command(self, method, url, *arguments):
        return [LIBCOAP_CLIENT, "-v", "4", "-B", "15", "-m", method, *arguments, url]

    def ask(self, name, method, url, *arguments, text=None):
        with Program(name, self.command(method, url, *arguments), self.folder) as client:
            client.finish()
            # It ends well whatever the answer was, and tells it as an error.
            if re.search(r"^[45]\.\d\d", client.complained(), re.MULTILINE):
                raise Failure(f"{name}: {client.complained().strip()}")
            return client.said()

    def refused(self, name, method, url, *arguments):
        with Program(name, self.command(method, url, *arguments), self.folder) as client:
            client.finish()
            return client.complained()

    def watch(self, name, url):
        return Program(name, self.command("get", url, "-s", "60", "-w"), self.folder)


def expect(what, said, wanted):
    if said != wanted:
        raise Failure(f"{what}: it got {said[:100]!r}{'...' if len(said) > 100 else ''}, {len(said)} bytes")


def small(client, base, name):
    """Put, get, replace, get, delete, and then it is not there."""
    url = f"{base}/{name}"
    for text in ("hello", "something else"):
        client.ask(f"{name}-put", "put", url, "-e", text, "-t", "text/plain")
        expect("what was put", client.ask(f"{name}-get", "get", url), text.encode() + newline(client))
    client.ask(f"{name}-delete", "delete", url)
    said = client.refused(f"{name}-gone", "get", url)
    if "4.04" not in said:
        raise Failure(f"what was deleted is still there: {said.strip()}")


def newline(client):
    """libcoap's client ends a text with one."""
    return b"\n" if isinstance(client, Theirs) else b""


def post(client, base, name):
    """A text that is posted to a resource is then in it."""
    url = f"{base}/{name}"
    client.ask(f"{name}-put", "put", url, "-e", "one ")
    client.ask(f"{name}-post", "post", url, "-e", "two")
    said = client.ask(f"{name}-get", "get", url)
    if b"two" not in said:
        raise Failure(f"what was posted is not there: {said!r}")


def big(client, base, name, size):
    """More than a MiB there and back, in blocks of that size."""
    sent = client.folder / f"{name}.sent"
    received = client.folder / f"{name}.received"
    sent.write_bytes(BODY)
    blocks = ["-b", str(size)] if size else []
    client.ask(f"{name}-put", "put", f"{base}/{name}", *blocks, "-f", str(sent))
    client.ask(f"{name}-get", "get", f"{base}/{name}", *blocks, "-o", str(received))
    expect("the body", received.read_bytes(), BODY)
    sent.unlink()
    received.unlink()


def observe(client, base, name, changes=3):
    """Each change of a resource is told to who observes it."""
    url = f"{base}/{name}"
    client.ask(f"{name}-put", "put", url, "-e", "state 0")
    with client.watch(f"{name}-watch", url) as watch:
        for i in range(1, changes + 1):
            wait_until(lambda: f"state {i - 1}" in watch.said().decode(), f"{watch.name} sees state {i - 1}")
            client.ask(f"{name}-change", "put", url, "-e", f"state {i}")
        wait_until(lambda: f"state {changes}" in watch.said().decode(), f"{watch.name} sees the last state")
        seen = re.findall(r"state \d", watch.said().decode())
        if seen != sorted(seen):
            raise Failure(f"it has seen {seen}")
        watch.signal(signal.SIGINT)


def clock(client, base, name):
    """A resource that changes by itself."""
    with client.watch(name, f"{base}/time") as watch:
        wait_until(lambda: len(set(watch.said().split(b"\n"))) >= 4, f"{name} sees the time pass")
        watch.signal(signal.SIGINT)


def discovery(client, base, name):
    said = client.ask(name, "get", f"{base}/.well-known/core").decode()
    if "</time>" not in said or "obs" not in said:
        raise Failure(f"it finds {said}")
    said = client.ask(f"{name}-filter", "get", f"{base}/.well-known/core?href=/time").decode()
    if "</time>" not in said or said.count("<") != 1:
        raise Failure(f"of /time alone it finds {said}")


def non_confirmable(client, base, name):
    if b":" not in client.ask(name, "get", f"{base}/time", "-N"):
        raise Failure("no time came")


def losses(client, base, name, lost=()):
    """Some datagrams are lost, and come again: libcoap's client and server lose those that they are told to lose."""
    body = BODY[:6000]
    source = client.folder / f"{name}.sent"
    source.write_bytes(body)
    lost = [["-l", numbers] for numbers in lost] or [[], [], []]
    client.ask(f"{name}-put", "put", f"{base}/{name}", "-b", "1024", "-f", str(source), *lost[0])
    client.ask(f"{name}-post", "post", f"{base}/{name}-posted", "-e", "once", *lost[1])
    expect("what was sent", client.ask(f"{name}-get", "get", f"{base}/{name}", "-b", "1024", "-o", "-", *lost[2]), body)
    expect("what was posted", client.ask(f"{name}-posted", "get", f"{base}/{name}-posted"), b"once" + newline(client))


def rows(table, peer, direction, client, base, tag):
    scheme = base.split(":")[0].upper()
    table.row(f"{scheme} get, put, delete, {direction}", peer, small, client, base, f"{tag}-small")
    table.row(f"{scheme} post, {direction}", peer, post, client, base, f"{tag}-post")
    table.row(f"{scheme} 1 MiB both ways, {direction}", peer, big, client, base, f"{tag}-big", None)
    table.row(f"{scheme} observe, {direction}", peer, observe, client, base, f"{tag}-observe")
    table.row(f"{scheme} observe a clock, {direction}", peer, clock, client, base, f"{tag}-clock")
    table.row(f"{scheme} discovery, {direction}", peer, discovery, client, base, f"{tag}-discovery")
    if scheme == "COAP":
        table.row(f"{scheme} non-confirmable, {direction}", peer, non_confirmable, client, base, f"{tag}-non")
        table.row(f"{scheme} 1 MiB both ways in blocks of 256, {direction}", peer, big, client, base, f"{tag}-big256",
                  256)


@contextlib.contextmanager
def libcoap_server(setting, name, *arguments, program=LIBCOAP_SERVER):
    command = [program, "-d", "100", "-v", "7", *arguments]
    with Program(name, command, setting.folder) as server:
        # It says where it listens at this level of verbosity, both for UDP and TCP.
        server.wait_for_line("created TCP +endpoint")
        yield server


def by_address(setting, client):
    """An address in place of a name, over IPv6 if there is that."""
    base = f"coap://[{network.V6}]" if setting.v6 else f"coap://{network.V4}"
    if b":" not in client.ask("address-get", "get", f"{base}/time"):
        raise Failure("no time came")


def ping(client, base, name):
    client.ask(name, "ping", base)


def nobody(client):
    said = client.refused("nobody-udp", "get", f"coap://{network.NAME_V4}:9/x")
    if "refused" not in said:
        raise Failure(f"where nobody listens it says: {said.strip()}")
    said = client.refused("nobody-name", "get", f"coap://{network.NOBODY}/x")
    if "name not found" not in said:
        raise Failure(f"of a name that is not there it says: {said.strip()}")


def standard_input(client, base, name):
    client.ask(f"{name}-put", "put", f"{base}/{name}", "-f", "-", text=BODY[:5000])
    expect("what was piped", client.ask(f"{name}-get", "get", f"{base}/{name}"), BODY[:5000])


@contextlib.contextmanager
def our_server(setting, address, port, role="server", options=(), schemes=SCHEMES):
    served = setting.folder / f"coap-served-{port}"
    served.mkdir(exist_ok=True)
    command = [program(setting), "serve", *setting.chosen(role), *options, "-A", address, "-p", str(port), served]
    with Program(f"nal-coap-serve-{port}", command, setting.folder) as server:
        for scheme in schemes:
            server.wait_for_line(f"^listening on {re.escape(scheme)}:")
        yield server
        server.signal(signal.SIGINT)
        server.finish()
        if server.complained():
            raise Failure(f"the server complains: {server.complained().strip()}")


def group(server, client, name):
    """Whoever is in the group answers a request to it."""
    with server:
        said = client.ask(name, "get", f"coap://{GROUP}:{GROUP_PORT}/time", "-N", "-B", "7")
    if said.count(b":") < 2:
        raise Failure(f"no time came: {said!r}")


def groups(table, peer, setting):
    """Groups are on one interface alone here; only sockets at any address hear them."""
    subprocess.run(["ip", "link", "set", setting.group_interface, "multicast", "on"], check=True)
    subprocess.run(["ip", "route", "replace", "224.0.0.0/4", "dev", setting.group_interface], check=True)
    theirs = libcoap_server(setting, "coap-server-group", "-p", str(GROUP_PORT), "-g", GROUP)
    table.row("COAP to a group, nal to libcoap", peer, group, theirs, Ours(setting), "coap-group-out")
    table.row("COAP to a group, libcoap to nal", peer, group, our_server(setting, "0.0.0.0", GROUP_PORT, "client"),
              Theirs(setting), "coap-group-in")


def ends_well(setting, body):
    """All of it with our server, which then ends cleanly."""
    with our_server(setting, setting.server_v4, PORT):
        body()


def exchanges(table, setting, peer):
    try:
        ours = Ours(setting)
    except Failure as failure:
        def not_there(why=failure):
            raise why
        table.row("CoAP", peer, not_there)
        return
    with contextlib.ExitStack() as servers:
        for address in (network.V4, network.V6)[:2 if setting.v6 else 1]:
            servers.enter_context(libcoap_server(setting, f"coap-server-{address.replace(':', '.')}", "-A", address, "-p",
                                                 str(PORT)))
        for scheme in SCHEMES:
            base = f"{scheme}://{network.NAME_V4}:{PORT}"
            tag = "coap-tcp" if "tcp" in scheme else "coap-udp"
            rows(table, peer, "nal to libcoap", ours, base, f"{tag}-out")
            table.row(f"{scheme.upper()} ping, nal to libcoap", peer, ping, ours, base, f"{tag}-ping")
        table.row("COAP from standard input, nal to libcoap", peer, standard_input, ours,
                  f"coap://{network.NAME_V4}", "coap-stdin")
        # Not the last answer to a body in blocks: libcoap's server takes a request that comes again for another one.
        with libcoap_server(setting, "coap-server-losing", "-A", network.V4, "-p", str(LOSING_PORT), "-l", "2,4,12"):
            table.row("COAP with losses, nal to libcoap", peer, losses, ours, f"coap://{network.V4}:{LOSING_PORT}",
                      "coap-losses-out")
        table.row("COAP by address, nal to libcoap", peer, by_address, setting, ours)
        # lwIP tells no socket of ICMP errors: there is nothing to wait for but the end of all tries.
        if setting.backend != "lwip":
            table.row("COAP to nobody", peer, nobody, ours)

    def against_ours():
        for scheme in SCHEMES:
            base = f"{scheme}://{setting.server_v4}:{PORT}"
            tag = "coap-tcp" if "tcp" in scheme else "coap-udp"
            rows(table, peer, "libcoap to nal", Theirs(setting), base, f"{tag}-in")
            rows(table, peer, "nal to nal", ours, base, f"{tag}-both")
            table.row(f"{scheme.upper()} ping, nal to nal", peer, ping, ours, base, f"{tag}-ping-both")
        table.row("COAP with losses, libcoap to nal", peer, losses, Theirs(setting), f"coap://{setting.server_v4}:{PORT}",
                  "coap-losses-in", ("2,4", "1", "3"))
    table.row("CoAP server ends well", peer, ends_well, setting, against_ours)
    groups(table, peer, setting)
