"""The rows of a run: what was exchanged with whom, how it went, how long it took."""

import json
import pathlib
import time

from processes import Failure


class Table:
    def __init__(self):
        self.rows = []
        self.backend = None  # of the rows to come

    def row(self, exchange, peer, check, *arguments):
        """Runs `check(*arguments)`, which raises `Failure` when something is wrong."""
        begin = time.monotonic()
        why = None
        try:
            check(*arguments)
        except Failure as failure:
            why = str(failure)
        milliseconds = round((time.monotonic() - begin) * 1000)
        result = "failed" if why else "passed"
        self.rows.append({"backend": self.backend, "exchange": exchange, "peer": peer, "result": result,
                          "milliseconds": milliseconds})
        print(f"{result}: {self.backend}, {exchange}" + (f"\n  {why}" if why else ""), flush=True)

    def skip(self, exchange, peer, why):
        """A row of what the backend cannot do."""
        self.rows.append({"backend": self.backend, "exchange": exchange, "peer": peer, "result": "skipped",
                          "milliseconds": 0, "reason": why})
        print(f"skipped: {self.backend}, {exchange}: {why}", flush=True)

    def good(self):
        results = {row["result"] for row in self.rows}
        return "passed" in results and "failed" not in results

    def write(self, file):
        pathlib.Path(file).write_text(json.dumps(self.rows, indent=1) + "\n")

    def show(self):
        columns = ("backend", "exchange", "peer", "result", "milliseconds")
        lines = [[str(row[column]) for column in columns] for row in self.rows]
        head = ["backend", "exchange", "peer", "result", "ms"]
        widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(columns))]
        for line in [head, ["-" * width for width in widths], *lines]:
            cells = [cell.rjust(width) if i == 4 else cell.ljust(width)
                     for i, (cell, width) in enumerate(zip(line, widths))]
            print("  ".join(cells).rstrip())
