"""What only a stack on a device of its own has to show: how it gets its addresses, and that it answers pings."""

import contextlib
import re
import signal

import network
from echo import ours as echo_program
from processes import Failure, Program, run


# What a router says of IPv6 addresses: to make one's own; to make one's own and ask for the rest (O); to ask (M).
SLAAC, STATELESS, STATEFUL = "{},ra-only,64,1h", "{},ra-stateless,64,1h", "{0}1000,{0}10ff,64,1h"


@contextlib.contextmanager
def dhcp_server(folder, v6_range=SLAAC):
    """dnsmasq on the kernel's end of the clients' interface: DHCP, router advertisements, and names, which it tells of
    by both."""
    v4, v6 = network.tap_addresses("client", 1)
    leases = folder / "dhcp.leases"
    command = ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--no-hosts", "--no-resolv",
               "--log-dhcp", "--bind-interfaces", f"--interface={network.TAPS['client']}", "--except-interface=lo",
               "--local=/test/", f"--host-record={network.NAME},{network.V4},{network.V6}", "--no-ping",
               f"--dhcp-leasefile={leases}", f"--dhcp-range={v4[:-1]}100,{v4[:-1]}120,255.255.255.0,1h",
               "--enable-ra", f"--dhcp-range={v6_range.format(v6[:-1])}", f"--dhcp-option=option6:dns-server,[{v6}]"]
    with Program("dnsmasq-dhcp", command, folder) as server:
        server.wait_for_line("started", server.errors)
        yield server


def resolve(setting, name, settings, wanted):
    """The program has an address when it asks, and knows whom to ask."""
    command = setting.program("resolve/nal-resolve", "--backend", setting.backend, "--device", network.TAPS["client"],
                              *settings, "--pcap", setting.folder / f"{name}.pcapng", "--short", "-4", network.NAME)
    said = run(name, command, setting.folder).decode().split()
    if said != [network.V4]:
        raise Failure(f"it says {said}")
    for pattern in wanted:
        if not re.search(pattern, setting.dhcp.complained()):
            raise Failure(f"the server has not said {pattern}")


def asks_for_the_rest(setting):
    """The server hears of it, some time after the address is there."""
    command = setting.program("tools/serve/nal-serve", "--backend", setting.backend, "--device",
                              network.TAPS["client"], "--slaac")
    with Program("by-stateless", command, setting.folder) as ours:
        ours.wait_for_line("^ready$")
        setting.dhcp.wait_for_line("DHCPINFORMATION-REQUEST", setting.dhcp.errors)
        ours.signal(signal.SIGINT)
        ours.finish()


def pings(setting, address, *others):
    said = run(f"ping-{address}-{'-'.join(others)}", ["ping", "-c", "3", "-i", "0.2", "-W", "2", *others, address],
               setting.folder).decode()
    if " 0% packet loss" not in said:
        raise Failure(said)


def exchanges(table, setting):
    with dhcp_server(setting.folder) as server:
        setting.dhcp = server
        table.row("an address by DHCP, and a name", "dnsmasq", resolve, setting, "by-dhcp", ["--dhcp"],
                  ["DHCPDISCOVER", "DHCPACK"])
        if setting.v6:
            table.row("an address by SLAAC, and a name by RDNSS", "dnsmasq", resolve, setting, "by-slaac", ["--slaac"],
                      ["RTR-ADVERT"])
            table.row("addresses by DHCP and SLAAC, and a name", "dnsmasq", resolve, setting, "by-both",
                      ["--dhcp", "--slaac"], [])
    if setting.v6 and setting.backend == "embedded":
        with dhcp_server(setting.folder, STATELESS) as server:
            setting.dhcp = server
            table.row("SLAAC, and the rest by stateless DHCPv6", "dnsmasq", asks_for_the_rest, setting)
        with dhcp_server(setting.folder, STATEFUL) as server:
            setting.dhcp = server
            table.row("an address by DHCPv6, and a name", "dnsmasq", resolve, setting, "by-dhcpv6", ["--slaac"],
                      ["DHCPSOLICIT", r"DHCPREPLY\(.*::10"])
    elif setting.v6:
        table.skip("addresses and the rest by DHCPv6", "dnsmasq",
                   "lwIP asks no DHCPv6 server for addresses, and nal's backend for nothing else")
    server = echo_program(setting, "udp", "coroutine", "server", f"{setting.server_v4}:7")
    with Program("pinged", server, setting.folder) as pinged:
        pinged.wait_for_line("^listening")
        for address in (setting.server_v4, setting.server_v6)[:2 if setting.v6 else 1]:
            table.row(f"ping {address}", "ping", pings, setting, address)
            table.row(f"ping {address} with 8000 bytes, in fragments", "ping", pings, setting, address, "-s", "8000")
        pinged.signal(signal.SIGINT)
        pinged.finish()
