"""Programs built outside Meson: the same sources many times over with other flags, or with one compiler's own tools."""

import os
import subprocess

from report import ROOT

WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"


class Programs:
    """Collects programs, then builds what is out of date in `folder`, with ninja."""

    def __init__(self, folder, compiler):
        self.folder = folder
        self.known = set()
        self.lines = [
            "rule compile",
            f"  command = {compiler} -std=c++20 {WARNINGS} -I{ROOT} $flags -MD -MF $out.d -c $in -o $out",
            "  depfile = $out.d",
            "  deps = gcc",
            "rule link",
            f"  command = {compiler} $flags $in -o $out -pthread",
        ]

    def objects(self, sources, flags, directory=""):
        """The objects of sources; those of the same directory are compiled once, so have the same flags."""
        objects = []
        for source in sources:
            made = os.path.join("objects", directory, str(source.relative_to(ROOT)).replace("/", "_") + ".o")
            if made not in self.known:
                self.known.add(made)
                self.lines += [f"build {made}: compile {source}", f"  flags = {flags}"]
            objects.append(made)
        return objects

    def link(self, name, objects, flags):
        """A program, and where it will stand."""
        self.lines += [f"build {name}: link {' '.join(objects)}", f"  flags = {flags}"]
        return self.folder / name

    def make(self, program=None):
        """Builds one program, or all: (whether it went well, what was said)"""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "build.ninja").write_text("\n".join(self.lines) + "\n")
        command = ["ninja", "-C", str(self.folder), f"-j{len(os.sched_getaffinity(0))}"]
        if program:
            command.append(str(program.relative_to(self.folder)))
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode == 0, done.stdout[-6000:]
