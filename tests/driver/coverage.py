"""Line coverage of a run, by gcovr, against floors that only rise."""

import json
import pathlib
import subprocess

FLOORS = pathlib.Path(__file__).with_name("coverage-floors.json")


def forget(path):
    """Throws away the counts of earlier runs."""
    for counts in path.rglob("*.gcda"):
        counts.unlink()


def check(results, build, source):
    """One test a floor: the share of lines of a folder's files that the tests ran."""
    summary = build.path / "coverage.json"
    command = ["gcovr", "--root", str(source), "--object-directory", str(build.path), "--json-summary", str(summary),
               "--html-details", str(build.path / "coverage.html"), "--exclude-unreachable-branches",
               "--gcov-ignore-parse-errors", "--exclude", "tests/", "--exclude", "subprojects/", str(build.path)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stderr, flush=True)
        results.test("unit", build.name, "coverage can be told", "failed")
        return
    files = json.loads(summary.read_text())["files"]
    for folder, floor in json.loads(FLOORS.read_text()).items():
        counted = [file for file in files if file["filename"].startswith(folder)]
        total = sum(file["line_total"] for file in counted)
        if total == 0:
            continue
        share = 100 * sum(file["line_covered"] for file in counted) / total
        results.test("unit", build.name, f"tests run {floor} % of the lines of {folder}",
                     "passed" if share >= floor else "failed", None if share >= floor else f"they run {share:.1f} %")
        print(f"coverage of {folder}: {share:.1f} % of {total} lines (floor {floor} %)", flush=True)
        if share < floor:
            for file in sorted(counted, key=lambda one: one["line_covered"] - one["line_total"])[:8]:
                print(f"  {file['filename']}: {file['line_covered']} of {file['line_total']}", flush=True)
