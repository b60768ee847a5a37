"""Line coverage of a run, as clang counts it, against floors that only rise."""

import json
import pathlib
import re
import shutil
import subprocess

FLOORS = pathlib.Path(__file__).with_name("coverage-floors.json")


def forget(build):
    """Throws away the counts of earlier runs."""
    shutil.rmtree(build.profiles, ignore_errors=True)


def tool(name, compiler):
    """The tool of the compiler's own release: another one cannot read its counts."""
    found = re.search(r"-(\d+)$", compiler)
    return f"{name}-{found[1]}" if found else name


def read_listing(listing):
    """{file: {line: whether it was run}} of the lines with code, from what llvm-cov shows."""
    files = {}
    for text in listing:
        heading = re.match(r"(/.*):$", text)
        if heading:
            lines = files.setdefault(heading[1], {})
        else:
            line = re.match(r" *(\d+)\| *([\d.]+\w?)\|", text)
            if line:
                lines[int(line[1])] = line[2] != "0"
    return files


def count(build, programs):
    """{file: (lines, lines that were run)}, of functions that are in a program: what only the compiler runs, or nobody
    calls, no test can run."""
    def tool_of(name, *arguments):
        return subprocess.run([tool(name, build.compiler), *arguments], check=True, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout

    merged = str(build.path / "coverage.profdata")
    tool_of("llvm-profdata", "merge", "-o", merged, *map(str, build.profiles.glob("*.profraw")))
    in_programs = set(re.findall(r"^  (\S.*):$", tool_of("llvm-profdata", "show", "-all-functions", merged), re.M))
    first, *rest = programs
    source = re.sub(r"([][.+*?^$(){}|\\])", r"\\\1", str(build.source))
    seen = [f"-instr-profile={merged}", f"-ignore-filename-regex=^{source}/(tests|subprojects)/", first,
            *(word for program in rest for word in ("-object", program))]
    shown = tool_of("llvm-cov", "show", "-use-color=false", "-show-instantiations=false", *seen)
    (build.path / "coverage.txt").write_text(shown)
    files = read_listing(shown.splitlines())
    functions = json.loads(tool_of("llvm-cov", "export", "-skip-expansions", *seen))["data"][0]["functions"]
    for function in functions:
        lines = files.get(function["filenames"][0], {})
        if function["name"] not in in_programs:
            begin, _, end, *_ = function["regions"][0]
            for line in [line for line, ran in lines.items() if begin <= line <= end and not ran]:
                del lines[line]
    return {name: (len(lines), sum(lines.values())) for name, lines in files.items()}


def check(results, build, source, programs):
    """One test a floor: the share of lines of a folder's files that the tests ran."""
    try:
        counts = {pathlib.Path(name).resolve(): lines for name, lines in count(build, programs).items()}
        files = {str(path.relative_to(source)): lines for path, lines in counts.items() if path.is_relative_to(source)}
    except (OSError, subprocess.CalledProcessError) as failure:
        print(failure, getattr(failure, "stderr", ""), flush=True)
        results.test("unit", build.name, "coverage can be told", "failed")
        return
    for folder, floor in json.loads(FLOORS.read_text()).items():
        counted = {name: lines for name, lines in files.items() if name.startswith(folder)}
        total = sum(lines for lines, _ in counted.values())
        if total == 0:
            continue
        share = 100 * sum(ran for _, ran in counted.values()) / total
        results.test("unit", build.name, f"tests run {floor} % of the lines of {folder}",
                     "passed" if share >= floor else "failed", None if share >= floor else f"they run {share:.1f} %")
        print(f"coverage of {folder}: {share:.1f} % of {total} lines (floor {floor} %)", flush=True)
        if share < floor:
            print(f"  line by line: {build.path / 'coverage.txt'}", flush=True)
            for name, (lines, ran) in sorted(counted.items(), key=lambda one: one[1][1] - one[1][0])[:8]:
                print(f"  {name}: {ran} of {lines}", flush=True)
