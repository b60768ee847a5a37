"""nal-resolve against a name server."""

import network
from processes import Failure, run


def expect(lines, wanted):
    if sorted(lines) != sorted(wanted):
        raise Failure(f"it says {lines}, not {wanted}")


def exchanges(table, setting, peer):
    def ask(name, *arguments, good=True):
        command = setting.program("resolve/nal-resolve", "--backend", setting.backend, "--short", *arguments)
        return run(name, command, setting.folder, good=good).decode().splitlines()

    def addresses():
        expect(ask("resolve", network.NAME), [network.V4, network.V6] if setting.v6 else [network.V4])
        expect(ask("resolve-4", "-4", network.NAME), [network.V4])

    def nobody():
        said = ask("resolve-nobody", network.NOBODY, good=False)
        expect(said, [f"error: '{network.NOBODY}': name not found"])

    table.row("the addresses of a name", peer, addresses)
    table.row("the name of an address", peer, lambda: expect(ask("resolve-reverse", network.V4), [network.NAME]))
    table.row("a name that is not there", peer, nobody)
