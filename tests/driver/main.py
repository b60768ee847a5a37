#!/usr/bin/env python3
"""Builds and runs the suites of tests, and reports. Started by tests/run, which has put in place what it needs."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import builds
import catch2
import coverage

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SUITES = ("unit", "conformance", "interop", "quirks", "fail", "sizes", "bench", "firmware", "fuzz")
QUICK = ("unit", "conformance", "fail")

# The builds whose Catch2 programs of a suite are run; of those of the suite "threads", under TSan.
CATCH2_BUILDS = ("gcc", "clang", "asan", "coverage")
CATCH2_SUITES = ("unit", "conformance")

# Every other test: suite, folder under tests/ with an executable `run`, the builds it is started with, in which of them
# with --quick, whether it wants to find the tree built there. See tests/README.md for how it is called.
SCRIPTS = (
    ("unit", "layers", ("gcc", "clang"), ("gcc",), False),
    ("unit", "install", ("gcc", "clang"), ("gcc",), True),
    ("unit", "examples", ("gcc", "clang"), ("gcc",), True),
    ("fail", "fail", ("gcc", "clang"), ("gcc",), False),
    ("quirks", "quirks", ("gcc", "clang"), (), False),
    ("quirks", "style", ("clang",), (), True),
    ("interop", "interop", ("gcc",), (), True),
    ("sizes", "sizes", ("gcc", "clang"), (), False),
    ("bench", "bench", ("gcc-release", "clang-release"), (), True),
    ("firmware", "firmware", ("gcc",), (), False),
    ("fuzz", "fuzz", ("clang",), (), False),
)
SCRIPT_TIMEOUT = 1500  # seconds; what a run script bounds itself to is shorter


class Results:
    """What happened so far, and the lines about it."""

    def __init__(self):
        self.rows = []

    def test(self, suite, build, name, result, reason=None, program=None):
        row = {"suite": suite, "name": name, "result": result, "build": build}
        if program:
            row["program"] = program
        if reason:
            row["reason"] = reason
        self.rows.append(row)
        if result != "passed":
            where = f"{build}, {program}" if program else build
            print(f"{result.upper()}: {suite} [{where}] {name}" + (f": {reason}" if reason else ""), flush=True)

    def figure(self, build, row):
        self.rows.append(dict(row, build=build))

    def count(self, result):
        return sum(row.get("result") == result for row in self.rows)


def say(text):
    print(text, flush=True)


def made(results, build, suite, only=None):
    """True when the build (or what the tests of the suites `only` need of it) is up to date; else a test has failed."""
    try:
        started = time.monotonic()
        build.make(only)
        seconds = time.monotonic() - started
        if seconds > 1:
            say(f"built {build.name} ({build.compiler}) in {seconds:.0f} s")
        return True
    except builds.BuildFailed as failure:
        say(str(failure))
        results.test(suite, build.name, "everything builds without a warning", "failed")
        return False


def run_catch2(results, build, suites):
    """Runs the Catch2 programs, and Meson tests of any other kind, that belong to one of the suites."""

    def run_one(test):
        suite = next(suite for suite in test["suite"] if suite in CATCH2_SUITES)
        env = dict(build.environment(), **test["env"])
        timeout = max(test["timeout"], 1) * build.kind.slower
        command = list(test["cmd"])
        if build.name == "tsan" and subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0:
            # Kernels that randomise more of an address than clang 16's TSan knows of make it refuse to start.
            command = ["setarch", "-R", *command]
        cwd = test["workdir"] or build.path
        if "catch2" in test["suite"]:
            return suite, test["name"], *catch2.run(command, env, cwd, timeout)
        try:
            done = subprocess.run(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout)
        except subprocess.TimeoutExpired:
            return suite, test["name"], [(test["name"], "failed", f"no end within {timeout} s")], ""
        result = {0: "passed", 77: "skipped"}.get(done.returncode, "failed")
        return suite, test["name"], [(test["name"], result, "")], done.stdout if result == "failed" else ""

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for suite, program, cases, text in pool.map(run_one, build.tests(suites)):
            if text:
                say(f"----- {program} [{build.name}]\n{text}\n-----")
            for name, result, why in cases:
                results.test(suite, build.name, name, result, why, program)


def run_script(results, suite, folder, build, extra):
    script = SOURCE / "tests" / folder / "run"
    say(f"{suite}: tests/{folder}/run [{build.name}]")
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [str(script), "--report", report.name, "--build", str(build.path), *extra]
        try:
            code = subprocess.run(command, cwd=SOURCE, env=build.environment(), stdin=subprocess.DEVNULL,
                                  timeout=SCRIPT_TIMEOUT).returncode
        except subprocess.TimeoutExpired:
            code = f"no end within {SCRIPT_TIMEOUT} s"
        text = pathlib.Path(report.name).read_text()
    rows, bad = [], None
    if text.strip():
        try:
            rows = json.loads(text)
        except json.JSONDecodeError as error:
            bad = f"its report is no JSON: {error}"
    failed = 0
    tests = 0
    for row in rows:
        if "result" in row:
            tests += 1
            failed += row["result"] == "failed"
            results.test(suite, build.name, row["name"], row["result"], row.get("reason"))
        else:
            results.figure(build.name, row)
    if bad or (code != 0 and not failed):
        results.test(suite, build.name, f"tests/{folder}/run ends well", "failed", bad or f"status {code}")
    elif not tests:
        results.test(suite, build.name, f"tests/{folder}/run ends well", "passed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--report")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--builds")
    parser.add_argument("suites", nargs="*", metavar="SUITE", choices=[[], *SUITES])
    arguments = parser.parse_args()
    chosen = arguments.suites or (QUICK if arguments.quick else SUITES)

    folder = builds.folder_of_builds(SOURCE, arguments.builds)
    made_of = {name: builds.Build(name, SOURCE, folder) for name in builds.KINDS}
    results = Results()

    suites = [suite for suite in CATCH2_SUITES if suite in chosen]
    if suites:
        for name in ("gcc",) if arguments.quick else CATCH2_BUILDS:
            if name == "coverage":
                coverage.forget(made_of[name].path)
            if made(results, made_of[name], suites[0]):
                run_catch2(results, made_of[name], suites)
                if name == "coverage" and set(suites) == set(CATCH2_SUITES):
                    coverage.check(results, made_of[name], SOURCE)
        if not arguments.quick and made(results, made_of["tsan"], suites[0], ["threads"]):
            run_catch2(results, made_of["tsan"], ["threads"])

    for suite, script, usual, quick, wants_build in SCRIPTS:
        if suite not in chosen:
            continue
        if not (SOURCE / "tests" / script / "run").exists():
            say(f"{suite}: there is no tests/{script}/run")
            continue
        extra = ["--minutes", str(arguments.minutes)] if script == "fuzz" and arguments.minutes else []
        for name in quick if arguments.quick else usual:
            if made(results, made_of[name], suite, None if wants_build else []):
                run_script(results, suite, script, made_of[name], extra)

    if arguments.report:
        pathlib.Path(arguments.report).write_text(json.dumps(results.rows, indent=1) + "\n")
    failures = [row for row in results.rows if row.get("result") == "failed"]
    if failures:
        say("\nfailed:")
        for row in failures:
            say(f"  {row['suite']} [{row['build']}] {row['name']}")
    say(f"{results.count('passed')} passed, {len(failures)} failed, {results.count('skipped')} skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
