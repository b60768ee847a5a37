"""What programs of the embedded stack take on Cortex-M: images of several sets of features, linked and not run.

Each is compiled from the sources as a product would with a features header of its own, so that every set is also known
to compile and to link.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess

import cross
from report import ROOT

FOLDER = ROOT / "tests" / "sizes" / "embedded"
# (the number of its column in sets.hpp, processor, link-time optimisation, what it has)
IMAGES = [
    (1, "cortex-m3", False, "echo client, IPv4 and IPv6, DHCP, DNS, fragments"),
    (2, "cortex-m3", False, "echo client, IPv4 and IPv6, DHCP, DNS"),
    (3, "cortex-m3", False, "echo client, IPv4, DHCP, DNS"),
    (4, "cortex-m3", False, "echo client, IPv4"),
    (5, "cortex-m4", True, "echo server, IPv4, UDP"),
    (6, "cortex-m4", True, "echo server, IPv4, UDP, TCP"),
    (7, "cortex-m4", True, "echo server, IPv4, UDP, TCP, DHCP, DNS, reassembly"),
    (8, "cortex-m4", True, "echo server, IPv4 and IPv6, UDP, TCP, DHCP, DNS, fragments, multicast"),
]
FLAGS = ["-mthumb", "-Os", "-DNDEBUG", "-DNAL_NO_ASSERT", "-std=c++20", "-ffreestanding", "-fno-exceptions", "-fno-rtti",
         "-ffunction-sections", "-fdata-sections", "-fno-threadsafe-statics", "-fno-use-cxa-atexit", "-I."]
MORE = ['-DNAL_EMBEDDED_FEATURES_HEADER="tests/sizes/embedded/sets.hpp"', "-Wall", "-Wextra", "-Wno-psabi"]
OBJECTS = ("Connection", "ListenerEntry", "SynEntry", "TimeWaitEntry", "UdpSlot", "Interface", "InterfaceAddress",
           "Neighbor", "Stack")


def sources(number):
    """The stack and what it needs, out of the lists of their meson.build."""
    def listed(folder):
        names = re.findall(r"'([^']*\.cpp)'", (ROOT / folder / "meson.build").read_text())
        return [ROOT / folder / name for name in names if (ROOT / folder / name).exists()]
    # Probe and raw sockets want what only the last set has.
    stack = [path for path in listed("backends/embedded") if number == 8 or path.parent.name not in ("ping", "raw")]
    return [*stack, *listed("nal"), *listed("nal/resolver"), FOLDER / "image.cpp", FOLDER / "objects.cpp",
            ROOT / "examples/firmware/mps2-an385/memory.cpp"]


def run(command):
    # In the tree's root, by relative paths: a compiler cache then knows what another clone has compiled.
    ran = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ran.returncode != 0:
        raise cross.BuildFailed(ran.stdout[-4000:])
    return ran.stdout


def build(number, cpu, lto, folder):
    """(the image, the object that tells of sizes)"""
    folder.mkdir(parents=True, exist_ok=True)
    flags = [f"-mcpu={cpu}", *FLAGS, f"-DNAL_SIZES_SET={number}", *MORE, *(["-flto"] if lto else [])]
    compiler = [*(["ccache"] if shutil.which("ccache") else []), "arm-none-eabi-g++"]

    def compile_one(path):
        out = folder / (str(path.relative_to(ROOT)).replace("/", "_") + ".o")
        # What the compiler itself calls must be there at its last step; and see memory.cpp.
        extra = {"memory.cpp": ["-fno-tree-loop-distribute-patterns", "-fno-lto"], "objects.cpp": ["-fno-lto"]}
        run([*compiler, *flags, *extra.get(path.name, []), "-c", "-o", str(out), str(path.relative_to(ROOT))])
        return out

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = list(pool.map(compile_one, sources(number)))
    image = folder / "image.elf"
    told = next(path for path in objects if path.name.endswith("objects.cpp.o"))
    run(["arm-none-eabi-g++", *flags, "-nostdlib", "-Wl,--gc-sections,-e,main",
         "-o", str(image), *(str(path) for path in objects if path != told), "-lgcc"])
    return image, told


def figures(number, cpu, lto, folder):
    """{name: bytes} of an image."""
    image, told = build(number, cpu, lto, folder.resolve() / f"{number}{'-lto' if lto else ''}")
    rows = run(["arm-none-eabi-size", str(image)]).splitlines()[1].split()
    out = {"flash: image": int(rows[0]) + int(rows[1]), "ram: image": int(rows[1]) + int(rows[2])}
    for line in run(["arm-none-eabi-nm", "--print-size", str(told)]).splitlines():
        columns = line.split()
        name = columns[-1].removeprefix("object_")
        if len(columns) == 4 and name in OBJECTS:
            out[f"ram: {name}"] = int(columns[1], 16)
    return out
