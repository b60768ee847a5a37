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

# The builds whose Catch2 programs of a suite are run; of those of the suite "threads", under TSan. The plain clang build
# (--wide) compiles everything a third time to show little that the one under ASan does not.
CATCH2_BUILDS = ("gcc", "asan")
WIDE_CATCH2_BUILDS = ("gcc", "clang", "asan")
CATCH2_SUITES = ("unit", "conformance")

# What a script wants to find built: nothing, the tests, everything.
NOTHING, TESTS, EVERYTHING = [], list(CATCH2_SUITES), None

# Every other test: suite, folder under tests/ with an executable `run`, the builds it is started with, those with --wide
# besides, those with --quick, what it wants to find built there. See tests/README.md for how it is called.
SCRIPTS = (
    ("unit", "layers", ("gcc",), ("clang",), ("gcc",), NOTHING),
    ("unit", "install", ("gcc",), ("clang",), ("gcc",), EVERYTHING),
    ("unit", "examples", ("gcc",), ("clang",), ("gcc",), EVERYTHING),
    ("fail", "fail", ("gcc", "clang"), (), ("gcc",), NOTHING),
    ("quirks", "quirks", ("gcc",), ("clang",), (), NOTHING),
    ("quirks", "style", ("asan",), (), (), TESTS),
    ("interop", "interop", ("gcc",), (), (), EVERYTHING),
    ("sizes", "sizes", ("gcc", "clang"), (), (), NOTHING),
    ("bench", "bench", ("gcc-release",), ("clang-release",), (), EVERYTHING),
    ("firmware", "firmware", ("gcc",), (), (), NOTHING),
    ("fuzz", "fuzz", ("clang",), (), (), NOTHING),
)
ALONE = ("bench",)  # scripts that measure times, if only to tell them
WAITING = ("interop",)  # scripts that mostly wait, and run while others compile
WIDER = ("sizes", "style")  # scripts that do more with --wide
SCRIPT_TIMEOUT = 1500  # seconds; what a run script bounds itself to is shorter


class Results:
    """What happened so far, and the lines about it. Several threads add to it."""

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


def test_catch2(results, made_of, suites, names, then):
    """Builds one after the other; the programs of one, which mostly wait, run while the next is compiled. Calls then()
    when the first is built."""

    def run(build, wanted):
        run_catch2(results, build, wanted)
        if build.name == "asan" and set(wanted) == set(CATCH2_SUITES):
            programs = sorted({test["cmd"][0] for test in build.tests(wanted) if "catch2" in test["suite"]})
            coverage.check(results, build, SOURCE, programs)

    with concurrent.futures.ThreadPoolExecutor(1) as runner:
        running = []
        for name in names:
            build = made_of[name]
            wanted = ["threads"] if name == "tsan" else suites
            coverage.forget(build)
            if made(results, build, suites[0], wanted if build.kind.tests_only else None):
                running.append(runner.submit(run, build, wanted))
            if name == names[0]:
                then()
        for one in running:
            one.result()


def jobs_of(chosen, made_of, arguments):
    """Every script to run, on each of its builds: (suite, script, build, what it wants built, further arguments)."""
    for suite, script, usual, wide, quick, wanted in SCRIPTS:
        if suite not in chosen:
            continue
        if not (SOURCE / "tests" / script / "run").exists():
            say(f"{suite}: there is no tests/{script}/run")
            continue
        extra = ["--minutes", str(arguments.minutes)] if script == "fuzz" and arguments.minutes else []
        extra += ["--wide"] if script in WIDER and arguments.wide else []
        names = quick if arguments.quick else (*usual, *(wide if arguments.wide else ()))
        for name in names:
            yield suite, script, made_of[name], wanted, extra


def run_job(results, job, alone=False):
    suite, script, build, wanted, extra = job
    if made(results, build, suite, wanted):
        run_script(results, suite, script, build, extra, alone)


def run_jobs(results, jobs, workers):
    """Starts them, some at a time; what is given back ends when all have."""
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    running = [pool.submit(run_job, results, job) for job in jobs]
    pool.shutdown(wait=False)
    return running


def run_script(results, suite, folder, build, extra, alone):
    """Runs a script; what it prints is shown as it comes where nothing else runs, else at its end in one piece."""
    script = SOURCE / "tests" / folder / "run"
    title = f"{suite}: tests/{folder}/run [{build.name}]"
    if alone:
        say(title)
    started = time.monotonic()
    with tempfile.NamedTemporaryFile(suffix=".json") as report, tempfile.TemporaryFile() as printed:
        command = [str(script), "--report", report.name, "--build", str(build.path), *extra]
        try:
            code = subprocess.run(command, cwd=SOURCE, env=build.environment(), stdin=subprocess.DEVNULL,
                                  stdout=None if alone else printed, stderr=None if alone else subprocess.STDOUT,
                                  timeout=SCRIPT_TIMEOUT).returncode
        except subprocess.TimeoutExpired:
            code = f"no end within {SCRIPT_TIMEOUT} s"
        text = pathlib.Path(report.name).read_text()
        printed.seek(0)
        seconds = f"{title} took {time.monotonic() - started:.0f} s"
        say(seconds if alone else f"{seconds}\n{printed.read().decode(errors='replace')}".rstrip())
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
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--report")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--builds")
    parser.add_argument("suites", nargs="*", metavar="SUITE", choices=[[], *SUITES])
    arguments = parser.parse_args()
    chosen = arguments.suites or (QUICK if arguments.quick else SUITES)

    folder = builds.folder_of_builds(SOURCE, arguments.builds)
    made_of = {name: builds.Build(name, SOURCE, folder) for name in builds.KINDS}
    results = Results()

    jobs = list(jobs_of(chosen, made_of, arguments))
    waiting = [job for job in jobs if job[1] in WAITING]
    measuring = [job for job in jobs if job[1] in ALONE]
    others = [job for job in jobs if job not in waiting and job not in measuring]
    if len(jobs) == 1:
        waiting, others, measuring = [], [], jobs
    running = []

    def start_waiting():
        running.extend(run_jobs(results, waiting, 1))

    suites = [suite for suite in CATCH2_SUITES if suite in chosen]
    if suites:
        compared = WIDE_CATCH2_BUILDS if arguments.wide else CATCH2_BUILDS
        test_catch2(results, made_of, suites, ("gcc",) if arguments.quick else (*compared, "tsan"), start_waiting)
    else:
        start_waiting()
    # Two at a time, since many wait more than they compute; alone those that measure.
    running += run_jobs(results, others, 2)
    for one in running:
        one.result()
    for job in measuring:
        run_job(results, job, True)

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
