"""The echo programs against socat: each style as client and as server, over TCP and UDP."""

import contextlib
import hashlib
import signal
import subprocess

import network
from processes import Failure, Program, run, wait_until

STYLES = ("coroutine", "non-blocking", "blocking")
TEXT = "many happy returns"


def ours(setting, protocol, style, *arguments):
    role, *others = arguments
    return setting.program(f"echo/nal-echo-{protocol}-{style}", role, *setting.chosen(role), *others)


def as_client(setting, protocol, style, port):
    """Each of a hundred texts has come back; the program checks that itself."""
    said = run(f"{protocol}-client-{style}", ours(setting, protocol, style, "client", "--count", "100", network.NAME,
                                                  str(port), TEXT), setting.folder)
    if said.decode().splitlines() != [TEXT] * 100:
        raise Failure(f"not every text came back: {said[-200:]}")


def as_server(setting, protocol, style):
    name = f"{protocol}-server-{style}"
    with Program(name, ours(setting, protocol, style, "server", f"{setting.server_v4}:0"), setting.folder) as server:
        port = server.wait_for_line(r"^listening on .*:(\d+)$")[1]
        (tcp_peer if protocol == "tcp" else udp_peer)(f"{name}-peer", setting, port)
        server.signal(signal.SIGINT)
        server.finish()
        complaint = server.complained()
        if complaint:
            raise Failure(f"the server complains: {complaint.strip()}")


def tcp_peer(name, setting, port):
    """socat ends its direction behind the data, and must get all of it back, and then the server's end."""
    data = b"".join(hashlib.sha512(i.to_bytes(4, "big")).digest() for i in range(4096))
    address = f"TCP:{setting.server_v4}:{port}"
    if run(name, ["socat", "-t", "15", "-", address], setting.folder, text=data) != data:
        raise Failure("what came back is not what was sent")


def udp_peer(name, setting, port):
    address = f"UDP:{setting.server_v4}:{port}"
    with Program(name, ["socat", "-b", "2048", "-", address], setting.folder, subprocess.PIPE) as peer:
        wanted = b""
        for i in range(20):
            datagram = f"{TEXT} {i}\n".encode()
            wanted += datagram
            peer.write(datagram)
            wait_until(lambda: peer.said() == wanted, f"datagram {i} comes back")


@contextlib.contextmanager
def echo_servers(setting, protocol, port):
    """socat sending back what arrives, at each address; each connection and datagram gets a process of its own."""
    kind = "LISTEN" if protocol == "tcp" else "RECVFROM"
    with contextlib.ExitStack() as servers:
        for version, address in ((4, network.V4), (6, f"[{network.V6}]"))[:2 if setting.v6 else 1]:
            command = ["socat", "-d", "-d", f"{protocol.upper()}{version}-{kind}:{port},bind={address},fork,reuseaddr",
                       "PIPE"]
            server = servers.enter_context(Program(f"socat-{protocol}{version}", command, setting.folder))
            server.wait_for_line("(listening|receiving) on", server.errors)
        yield


def exchanges(table, setting, peer):
    for protocol, port in (("tcp", 7001), ("udp", 7002)):
        with echo_servers(setting, protocol, port):
            for style in STYLES:
                table.row(f"{protocol.upper()} echo, {style} client", peer, as_client, setting, protocol, style, port)
        for style in STYLES:
            table.row(f"{protocol.upper()} echo, {style} server", peer, as_server, setting, protocol, style)
