"""Cross builds for the boards in examples/firmware, and running their images in QEMU."""

import os
import pathlib
import re
import shutil
import subprocess

from report import ROOT

FIRMWARE = ROOT / "examples" / "firmware"
CPUS = ("cortex-m0", "cortex-m3")


class BuildFailed(Exception):
    """The message is what a person should read."""


def missing_tools():
    return [tool for tool in ("meson", "ninja", "arm-none-eabi-g++", "qemu-system-arm") if not shutil.which(tool)]


def packages():
    """The Debian packages that bring the tools."""
    return (ROOT / "tests" / "firmware" / "packages").read_text().split()


def quietly(command, compiler=None):
    """Runs a build command; raises with what it said if it fails. `compiler` is the host's, None in a cross build."""
    environment = {name: value for name, value in os.environ.items() if name not in ("CC", "CXX")}
    if compiler:
        environment["CXX"] = compiler
    ran = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ran.returncode != 0:
        # ninja's progress says nothing about a failure; what the compiler said does.
        telling = [line for line in ran.stdout.splitlines() if not re.match(r"\[\d+/\d+\] ", line)]
        raise BuildFailed("\n".join(telling[-60:]))


def build(cpu, folder, options=(), targets=()):
    """Sets `folder` up where needed, and builds `targets` (all, if empty) in it for `cpu`."""
    folder = pathlib.Path(folder)
    if not (folder / "build.ninja").exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Meson 1.0 knows no path relative to the sources here, so the emulator's place comes by a file of its own.
        wrapper = folder / "qemu.ini"
        wrapper.write_text(f"[binaries]\nexe_wrapper = '{FIRMWARE / 'qemu'}'\n")
        quietly(["meson", "setup", "--cross-file", str(FIRMWARE / f"{cpu}.ini"), "--cross-file", str(wrapper),
                  "-Dfirmware=true", "-Dwerror=true", *options, str(folder), str(ROOT)])
    quietly(["ninja", "-C", str(folder), f"-j{os.cpu_count() or 1}", *targets])


def run_image(image, *arguments):
    """Runs an image to its end: (exit status, what it printed)."""
    ran = subprocess.run([str(FIRMWARE / "qemu"), str(image), *arguments], stdin=subprocess.DEVNULL, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return ran.returncode, ran.stdout
