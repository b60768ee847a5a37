"""Programs that are started, waited for within bounds, and ended with all that they started."""

import ctypes
import os
import pathlib
import re
import signal
import subprocess
import time

PATIENCE = 20.0  # seconds that anything may take which depends on another program

_libc = ctypes.CDLL(None)


class Failure(Exception):
    """Something did not go as it should. The message is what a person should read."""


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def wait_until(condition, what, patience=PATIENCE):
    """Gives what `condition()` gives once that is true."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {patience:g} s in vain until {what}")
        time.sleep(0.01)


class Program:
    """A running program in a process group of its own; what it prints goes to files. Leaving its `with` ends it."""

    def __init__(self, name, command, folder, stdin=subprocess.DEVNULL):
        self.name = name
        self.command = [str(part) for part in command]
        self.output = pathlib.Path(folder) / f"{name}.out"
        self.errors = pathlib.Path(folder) / f"{name}.err"
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self._process = subprocess.Popen(self.command, stdin=stdin, stdout=output, stderr=errors,
                                             start_new_session=True, preexec_fn=_die_with_parent)
        self.stdin = self._process.stdin
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def said(self):
        """What it has printed so far."""
        return self.output.read_bytes()

    def complained(self):
        return self.errors.read_text(errors="replace")

    def running(self):
        return self._process.poll() is None

    def wait_for_line(self, pattern, file=None):
        """The match of a regular expression in what it prints (or in its errors), once it is there."""
        def look():
            match = re.search(pattern, (file or self.output).read_text(errors="replace"), re.MULTILINE)
            if not match and not self.running():
                raise Failure(f"{self.name} ended early: {self.why()}")
            return match
        return wait_until(look, f"{self.name} says '{pattern}'")

    def write(self, data):
        try:
            self.stdin.write(data)
            self.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name} ended early: {self.why()}") from None

    def close_input(self):
        try:
            self.stdin.close()
        except BrokenPipeError:
            pass

    def finish(self, patience=PATIENCE):
        """Waits for its end, which must be a good one."""
        try:
            status = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {patience:g} s") from None
        if status != 0:
            raise Failure(f"{self.name}: {self.why()}")

    def why(self):
        status = self._process.poll()
        complaint = self.complained().strip().splitlines()
        return f"status {status}" + (f", {complaint[-1]}" if complaint else "")

    def signal(self, number):
        if self.running():
            os.killpg(self._process.pid, number)

    def end(self, patience=3.0):
        """Asks it to end, then makes it and whatever it has started."""
        if self.stdin and not self.stdin.closed:
            self.close_input()
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self._process.wait()


def run(name, command, folder, text=None, good=True):
    """Runs a program to its end; gives what it printed, or with `good=False`, when it must fail, what it said of that."""
    pipe = subprocess.PIPE if text is not None else subprocess.DEVNULL
    with Program(name, command, folder, stdin=pipe) as program:
        if text is not None:
            program.write(text)
            program.close_input()
        if good:
            program.finish()
            return program.said()
        try:
            program.finish()
        except Failure:
            return program.errors.read_bytes()
        raise Failure(f"{name} ended well, which it should not have")
