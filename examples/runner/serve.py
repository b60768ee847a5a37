"""nal-serve, asked by curl, socat and ping."""

import hashlib
import json
import re
import signal
import subprocess

from echo import TEXT
from processes import Failure, Program, run, wait_until

BYTES = 1_000_000


def pages(setting, host):
    """The page, the same as JSON, a page that is not there, and one that is long."""
    def get(path, *others):
        return run("serve-curl", ["curl", "-sS", "-g", "--max-time", "20", *others, f"http://{host}{path}"],
                   setting.folder)
    if b"<h1>nal-serve</h1>" not in get("/"):
        raise Failure("that is not the page")
    told = json.loads(get("/status.json"))
    # Of lwIP's addresses the page tells nothing.
    addresses = told.get("addresses", [])
    if told["server"]["backend"] != setting.backend or setting.backend != "lwip" and not any(
            host.strip("[]") in row["address"] for row in addresses):
        raise Failure(f"it tells {told['server']}, {addresses}")
    if get("/nothing", "-o", "/dev/null", "-w", "%{http_code}") != b"404":
        raise Failure("a page that is not there is not 404")
    if len(get(f"/chargen/{BYTES}")) != BYTES:
        raise Failure("the long page is not as long as it should be")


def services(setting, host):
    """Echo, daytime and discard over TCP."""
    def ask(port, text=b""):
        return run("serve-socat", ["socat", "-t", "15", "-", f"TCP:{host}:{port}"], setting.folder, text=text)
    data = b"".join(hashlib.sha512(i.to_bytes(4, "big")).digest() for i in range(4096))
    if ask(7, data) != data:
        raise Failure("what came back is not what was sent")
    if not re.fullmatch(rb"\w+, \w+ \d\d, \d{4} \d\d:\d\d:\d\d-UTC\r\n", ask(13)):
        raise Failure("that is no time of day")
    if ask(9, data) != b"":
        raise Failure("something came back from where all is discarded")


def datagrams(setting, host):
    with Program("serve-socat-udp", ["socat", "-b", "2048", "-", f"UDP:{host}:7"], setting.folder,
                 subprocess.PIPE) as peer:
        wanted = b""
        for i in range(20):
            datagram = f"{TEXT} {i}\n".encode()
            wanted += datagram
            peer.write(datagram)
            wait_until(lambda: peer.said() == wanted, f"datagram {i} comes back")


def pinged(setting, host):
    said = run("serve-ping", ["ping", "-c", "3", "-i", "0.2", "-W", "2", host.strip("[]")], setting.folder).decode()
    if " 0% packet loss" not in said:
        raise Failure(said)


def exchanges(table, setting, curl, socat):
    hosts = [setting.server_v4, *([f"[{setting.server_v6}]"] if setting.v6 else [])]
    listen = [word for host in hosts for word in ("-A", host.strip("[]"))]
    command = setting.program("tools/serve/nal-serve", *setting.chosen("server"), *listen)
    with Program("nal-serve", command, setting.folder) as server:
        server.wait_for_line("^ready$")
        for host, family in zip(hosts, ("IPv4", "IPv6")):
            table.row(f"nal-serve's pages, {family}", curl, pages, setting, host)
            table.row(f"echo, daytime, discard over TCP, {family}", socat, services, setting, host)
            table.row(f"echo over UDP, {family}", socat, datagrams, setting, host)
            table.row(f"ping, {family}", "ping", pinged, setting, host)
        server.signal(signal.SIGINT)
        server.finish()
