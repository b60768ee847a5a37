"""nal-time against a server of time, where chrony is installed: its package would take the place of what keeps a
machine's clock, so that nothing here installs it."""

import datetime
import re
import shutil

import network
from processes import Failure, Program, run

FAR = datetime.timedelta(seconds=2)  # a busy machine may take so long to print


def exchanges(table, setting):
    chronyd = shutil.which("chronyd")
    if not chronyd:
        return
    addresses = [network.V4, *([network.V6] if setting.v6 else [])]

    def ask(name, *arguments, good=True):
        command = setting.program("tools/nal-time", *setting.chosen(), *arguments)
        return run(name, command, setting.folder, good=good).decode()

    def tell():
        for address in addresses:
            said = ask("time", address)
            found = re.match(r"(\S+)Z \S+: stratum 5, this host's clock ([+-][\d.]+) s, ", said)
            if not found:
                raise Failure(f"it says {said!r}")
            off = abs(datetime.datetime.fromisoformat(found[1]) - datetime.datetime.utcnow())
            if off > FAR or abs(float(found[2])) > FAR.total_seconds():
                raise Failure(f"the time is {off} off: {said!r}")

    def nobody():
        said = ask("time-nobody", "--timeout", "1", "--port", "9", network.V4, good=False)
        if "connection refused" not in said and "no answer" not in said:
            raise Failure(f"it says {said!r}")

    # It looks at the clock and leaves it alone (-x).
    command = [chronyd, "-x", "-d", "-u", "root", "local stratum 5", "allow all", "cmdport 0", "bindcmdaddress /",
               f"pidfile {setting.folder / 'chrony.pid'}"]
    with Program("chronyd", command, setting.folder) as server:
        server.wait_for_line("Disabled control of system clock", server.errors)
        table.row("the time of day", "chrony", tell)
        table.row("a server of time that is not there", "chrony", nobody)
