"""Runs one Catch2 program and tells the outcome of each of its test cases."""

import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree


def run(command, env, cwd, timeout):
    """Returns (cases, text): cases is a list of (name, result, why), text what a person should see of the failures."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        try:
            done = subprocess.run([*command, "--reporter", f"xml::out={report.name}", "--reporter", "console"], env=env,
                                  cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=timeout)
            code, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            code, output = f"no end within {timeout} s", late.stdout or b""
        cases, unfinished = read_report(report.read())
    failed = any(result == "failed" for _, result, _ in cases)
    # 4: every case was skipped.
    if code not in (0, 4) and (unfinished or not failed):
        how = code if isinstance(code, str) else f"signal {-code}" if code < 0 else f"exit status {code}"
        cases.append((unfinished or "the whole program", "failed", how))
        failed = True
    if not cases:
        cases.append(("the whole program", "failed", "it has no test case"))
        failed = True
    return cases, output.decode(errors="replace") if failed else ""


def read_report(data):
    """Reads as much of Catch2's XML as there is: a program that crashed leaves half of it."""
    cases = []
    running = None
    parser = ElementTree.XMLPullParser(events=("start", "end"))
    try:
        parser.feed(data)
        for event, element in parser.read_events():
            if element.tag == "TestCase" and event == "start":
                running = element.get("name")
            elif element.tag == "TestCase":
                overall = element.find("OverallResult")
                if overall is None or overall.get("success") != "true":
                    result = "failed"
                else:
                    result = "skipped" if int(overall.get("skips", "0")) > 0 else "passed"
                why = " ".join(skip.text.strip() for skip in element.iter("Skip") if skip.text)
                cases.append((element.get("name"), result, why))
                running = None
                element.clear()
    except ElementTree.ParseError:
        pass
    return cases, running
