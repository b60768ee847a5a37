"""The builds that the suites run in: one Meson folder a compiler and kind."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

SANITIZED = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_init_order=1:abort_on_error=0",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """How a build is configured, and how much slower than a plain one its programs are."""

    compiler: str  # "g++" or "clang++"
    options: tuple = ()
    slower: int = 1
    tests_only: bool = False  # nothing but what the tests need is built


# Optimised where the compilers' own faults show, not where the sanitizers look and lines are counted; debug information
# only where it is read: most of what the tests take is compiling.
SANITIZE = ("-Ddebug=false", "-Doptimization=0", "-Db_lundef=false")
RELEASE = ("-Dbuildtype=release", "-Db_ndebug=if-release", "-Dtests=disabled", "-Dexamples=disabled",
           "-Dbench=true")
KINDS = {
    "gcc": Kind("g++", ("-Ddebug=false", "-Doptimization=2")),
    "clang": Kind("clang++", ("-Ddebug=false", "-Doptimization=1")),
    "asan": Kind("clang++", (*SANITIZE, "-Db_sanitize=address,undefined",
                             "-Dcpp_args=-g1 -fno-omit-frame-pointer -fno-sanitize=vptr "
                             "-fprofile-instr-generate -fcoverage-mapping",
                             "-Dcpp_link_args=-fprofile-instr-generate"), 5, True),
    "tsan": Kind("clang++", (*SANITIZE, "-Db_sanitize=thread", "-Dcpp_args=-g1"), 10, True),
    "gcc-release": Kind("g++", RELEASE),
    "clang-release": Kind("clang++", RELEASE),
}


class BuildFailed(Exception):
    """The message is what a person should read."""


def find_clang():
    """The clang++ to use: 16 where there is one, as the oldest supported; else the next newer; None without any."""
    for version in range(16, 30):
        if shutil.which(f"clang++-{version}"):
            return f"clang++-{version}"
    plain = shutil.which("clang++")
    if plain:
        found = re.search(r"version (\d+)", subprocess.run([plain, "--version"], capture_output=True, text=True).stdout)
        if found and int(found[1]) >= 16:
            return "clang++"
    return None


class Build:
    """One build folder, set up and brought up to date at most once a run."""

    def __init__(self, name, source, folder):
        self.name = name
        self.kind = KINDS[name]
        self.source = source
        self.path = folder / name
        self._made = set()
        self._making = threading.Lock()
        self.profiles = self.path / "profiles"  # how often each line ran, where the build counts that

    @property
    def compiler(self):
        return self.kind.compiler if self.kind.compiler == "g++" else find_clang()

    def environment(self):
        env = dict(os.environ, CXX=self.compiler or "", **SANITIZED)
        env["CC"] = env["CXX"].replace("clang++", "clang").replace("g++", "gcc")
        env["LLVM_PROFILE_FILE"] = str(self.profiles / "%4m.profraw")
        # Meson would pass them on to every compiler of every build.
        for name in ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS"):
            env.pop(name, None)
        return env

    def make(self, suites=None):
        """Sets the folder up where needed and builds everything in it, or only what the tests of some suites need; with
        no suites nothing, but a compiler there must be."""
        if self.compiler is None:
            raise BuildFailed("no clang++ of release 16 or later is here")
        if suites == []:
            return
        with self._making:
            self._make(suites)

    def _make(self, suites):
        self._set_up()
        targets = []
        if suites is not None:
            programs = [pathlib.Path(test["cmd"][0]) for test in self.tests(suites)]
            targets = sorted({str(program.relative_to(self.path)) for program in programs
                              if program.is_relative_to(self.path)})
            if not targets:
                return
        if tuple(targets) not in self._made:
            self._run(["ninja", "-C", str(self.path), "-k", "0", f"-j{os.cpu_count() or 1}", *targets], "the build")
            self._made.add(tuple(targets))

    def _set_up(self):
        options = [*self.kind.options, "-Dwerror=true", "-Dwarning_level=3"]
        if any((self.source / "subprojects").glob("lwip-STABLE-2_2*")):
            options.append("-Dbackends=posix,embedded,lwip")
        # Those whose tests are there; what they need stands beside them.
        adapters = sorted(file.parent.name for file in (self.source / "tests" / "adapters").glob("*/meson.build"))
        if adapters:
            options.append("-Dadapters=" + ",".join(adapters))
        if "mbedtls" in adapters:
            # Debian's release and a current one, each in some of the builds.
            options.append("-Dmbedtls=" + ("auto" if self.name.startswith("gcc") else "wrap"))
        stamp = self.path / "nal-options.json"
        wanted = json.dumps([self.compiler, options])
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._run(["meson", "setup", *options, str(self.path), str(self.source)], "meson setup")
            stamp.write_text(wanted)
        else:
            # Only what changed; the list of tests is read before ninja would see to it.
            self._run(["ninja", "-C", str(self.path), "build.ninja"], "meson setup")

    def _run(self, command, what):
        log = self.path.parent / f"{self.name}.log"
        with open(log, "w") as out:
            code = subprocess.run(command, cwd=self.source, env=self.environment(), stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=subprocess.STDOUT).returncode
        if code != 0:
            lines = log.read_text(errors="replace").splitlines()
            # ninja's progress says nothing about a failure; what the compiler said does.
            telling = [line for line in lines if not re.match(r"\[\d+/\d+\] (?!.*FAILED)", line)]
            raise BuildFailed(f"{what} failed ({log}):\n" + "\n".join(telling[-60:]))

    def tests(self, suites):
        """Those of Meson's tests that belong to one of the suites: dictionaries with name, cmd, env, suite, timeout."""
        listed = subprocess.run(["meson", "introspect", "--tests", str(self.path)], check=True, capture_output=True,
                                text=True)
        tests = json.loads(listed.stdout)
        for test in tests:
            # Meson writes a suite as "nal:unit".
            test["suite"] = [suite.split(":")[-1] for suite in test["suite"]]
        return [test for test in tests if any(suite in test["suite"] for suite in suites)]


def folder_of_builds(source, argument):
    return pathlib.Path(argument).resolve() if argument else source / "build" / "tests"
