"""What every `run` script below tests/ shares: its command line, and the report it writes (see tests/README.md)."""

import argparse
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments(description, *options):
    """Parses the command line; `options` are (name, keywords) for what a suite takes besides."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--report", metavar="FILE", help="write the results as a JSON list")
    parser.add_argument("--build", metavar="DIR", type=pathlib.Path, default=ROOT / "build" / "by-hand",
                        help="an existing build of the tree; what is built here goes below it")
    for name, keywords in options:
        parser.add_argument(name, **keywords)
    parsed = parser.parse_args()
    parsed.build = parsed.build.resolve()
    return parsed


class Report:
    """Collects results, prints the failures, and says how it went."""

    def __init__(self, suite, file=None):
        self.suite = suite
        self.file = file
        self.rows = []

    def test(self, name, good, why=""):
        """`good`: True, False, or None for skipped."""
        result = "skipped" if good is None else "passed" if good else "failed"
        row = {"suite": self.suite, "name": name, "result": result}
        if why and result == "skipped":
            row["reason"] = why
        self.rows.append(row)
        if result != "passed":
            print(f"{result}: {name}" + (f"\n{why}" if why else ""), flush=True)

    def figure(self, name, value, unit, peer="nal"):
        self.rows.append({"name": name, "value": value, "unit": unit, "peer": peer})
        print(f"{name}: {value} {unit} ({peer})", flush=True)

    def finish(self):
        """Writes the report; returns the exit status."""
        if self.file:
            pathlib.Path(self.file).write_text(json.dumps(self.rows, indent=1) + "\n")
        results = [row["result"] for row in self.rows if "result" in row]
        print(", ".join(f"{results.count(result)} {result}" for result in ("passed", "failed", "skipped")), flush=True)
        return 1 if "failed" in results else 0
