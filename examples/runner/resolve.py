"""nal-resolve against a name server: by the system's resolver, and by nal's own."""

import contextlib
import re
import subprocess

import network
from processes import Failure, Program, run

SERVER = "10.77.0.53"
ALIAS = "alias.nal.test"
SERVICE = "_mqtt._tcp.nal.test"
TEXT = "text.nal.test"
MANY = "many.nal.test"  # has more addresses than one datagram holds
MANY_ADDRESSES = [f"10.77.1.{number}" for number in range(1, 101)]


def expect(lines, wanted):
    if sorted(lines) != sorted(wanted):
        raise Failure(f"it says {lines}, not {wanted}")


@contextlib.contextmanager
def records(folder, v6):
    """A name server with records of every kind, that only who names it asks."""
    subprocess.run(["ip", "address", "replace", f"{SERVER}/32", "dev", "lo"], check=True)
    both = f"{network.V4},{network.V6}" if v6 else network.V4
    command = ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--no-hosts", "--no-resolv",
               "--log-queries", "--bind-interfaces", "--port=53", f"--listen-address={SERVER}",
               "--local-ttl=100", "--local=/test/", f"--host-record={network.NAME},{both}",
               f"--cname={ALIAS},{network.NAME}", f"--srv-host={SERVICE},{network.NAME},1883,10,5",
               f"--txt-record={TEXT},hello,one two", *(f"--host-record={MANY},{address}" for address in MANY_ADDRESSES)]
    with Program("dnsmasq-records", command, folder) as server:
        server.wait_for_line("started", server.errors)
        yield server


def questions(server):
    """How many times it was asked."""
    return len(re.findall(r"\bquery\[", server.complained()))


def exchanges(table, setting, peer):
    def ask(name, *arguments, good=True):
        command = setting.program("resolve/nal-resolve", *setting.chosen(), "--short", *arguments)
        return run(name, command, setting.folder, good=good).decode().splitlines()

    both = [network.V4, network.V6] if setting.v6 else [network.V4]

    def addresses():
        expect(ask("resolve", network.NAME), both)
        expect(ask("resolve-4", "-4", network.NAME), [network.V4])

    def nobody():
        said = ask("resolve-nobody", network.NOBODY, good=False)
        expect(said, [f"error: '{network.NOBODY}': name not found"])

    table.row("the addresses of a name", peer, addresses)
    table.row("the name of an address", peer, lambda: expect(ask("resolve-reverse", network.V4), [network.NAME]))
    table.row("a name that is not there", peer, nobody)
    with records(setting.folder, setting.v6) as server:
        own_exchanges(table, setting, peer, server, ask, both)


def own_exchanges(table, setting, peer, server, ask_any, both):
    def ask(name, *arguments, good=True):
        return ask_any(f"resolve-own-{name}", "--resolver", "nal", "--server", SERVER, *arguments, good=good)

    def addresses():
        expect(ask("any", network.NAME), both)
        expect(ask("4", "-4", network.NAME), [network.V4])

    def others():
        expect(ask("service", "--type", "SRV", SERVICE), [f"10 5 1883 {network.NAME}"])
        expect(ask("text", "--type", "TXT", TEXT), ['"hello" "one two"'])
        expect(ask("alias", "--type", "CNAME", ALIAS), [network.NAME])

    def large():
        expect(ask("large", "--type", "A", MANY), MANY_ADDRESSES)
        expect(ask("tcp", "--tcp", "-4", network.NAME), [network.V4])

    def nobody():
        said = ask("nobody", network.NOBODY, good=False)
        expect(said, [f"error: '{network.NOBODY}': name not found"])
        # Was not asked of anybody.
        before = questions(server)
        expect(ask("local", "host.local", good=False), ["error: 'host.local': name servers do not know such names, only neighbours do"])
        expect(ask("localhost", "-4", "localhost"), ["127.0.0.1"])
        if questions(server) != before:
            raise Failure("names that are none of a name server's business were asked of one")

    def kept():
        before = questions(server)
        expect(ask("kept", "-4", network.NAME, network.NAME, ALIAS, ALIAS), [network.V4] * 4)
        asked = questions(server) - before
        if asked != 2:
            raise Failure(f"two names were asked for {asked} times")

    def passed_over():
        # Nobody listens at the first one.
        expect(ask_any("resolve-own-dead", "--server", f"{SERVER}:9", "--server", SERVER, "-4", network.NAME),
               [network.V4])

    rows = {
        "the addresses of a name": addresses,
        "the addresses of an alias": lambda: expect(ask("of-alias", ALIAS), both),
        "the name of an address": lambda: [expect(ask("reverse", address), [network.NAME]) for address in both],
        "a service, a text and an alias": others,
        "an answer too large for a datagram": large,
        "a name that is not there": nobody,
        "an answer that was kept": kept,
        "a server that is not there": passed_over,
    }
    for what, exchange in rows.items():
        table.row(f"nal's resolver: {what}", peer, exchange)
