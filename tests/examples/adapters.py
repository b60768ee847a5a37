"""The examples of the adapters, against those that they were made for: started in a network of its own by `run`.

Prints a JSON list of [what, whether it went well, why not]; a peer or device that is not here makes it null.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples/runner"))
from processes import Failure, Program, run, wait_until  # noqa: E402

TAP, KERNEL, STACK = "nal0", "10.9.0.1", "10.9.0.2:4433"
MOSQUITTO_PORT = "18830"


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def certificate(folder):
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-subj",
                    "/CN=nal", "-days", "1"], check=True, capture_output=True)
    return key, certificate


def asio_client(programs, folder):
    """co_await: openssl answers what it is sent, turned round."""
    key, certificate_file = certificate(folder)
    ip("tuntap", "add", TAP, "mode", "tap")
    ip("link", "set", TAP, "up")
    ip("address", "add", f"{KERNEL}/24", "dev", TAP)
    server = ["openssl", "s_server", "-quiet", "-rev", "-accept", "4433", "-cert", certificate_file, "-key", key]
    with Program("openssl-server", server, folder):
        def listening():
            return subprocess.run(["ss", "-Hltn", "sport = :4433"], capture_output=True, text=True).stdout
        wait_until(listening, "openssl listens")
        said = run("asio-client", [programs / "asio/nal-asio-tls-client", TAP, certificate_file, f"{KERNEL}:4433",
                                   "over the wire"], folder)
    if said.strip() != b"eriw eht revo":
        raise Failure(f"it says {said!r}")


def asio_server(programs, folder):
    """Callbacks: openssl has what it sends sent back."""
    key, certificate_file = certificate(folder)
    with Program("asio-server", [programs / "asio/nal-asio-tls-server", TAP, certificate_file, key], folder) as server:
        server.wait_for_line("^serving on ")
        ip("link", "set", TAP, "up")
        subprocess.run(["ip", "address", "replace", f"{KERNEL}/24", "dev", TAP], check=True, capture_output=True)
        command = ["openssl", "s_client", "-quiet", "-verify_return_error", "-connect", STACK, "-CAfile", certificate_file]
        with Program("openssl-client", command, folder, stdin=subprocess.PIPE) as client:
            client.write(b"there and back\n")
            client.wait_for_line("^there and back$")
            client.close_input()
        if server.complained():
            raise Failure(server.complained())


def c_echo(programs, folder):
    program = programs / "c/nal-c-echo"
    with Program("c-echo-server", [program, "serve", "127.0.0.1:0", "1"], folder) as server:
        port = server.wait_for_line(r"^listening on 127\.0\.0\.1:(\d+)$")[1]
        said = run("c-echo-client", [program, "ask", "127.0.0.1", port, "one", "two"], folder)
        server.finish()
    if said != b"one\ntwo\n":
        raise Failure(f"it says {said!r}")


def c_mqtt(name):
    def publish(programs, folder):
        """A subscriber of Mosquitto's gets what the program publishes."""
        config = folder / "mosquitto.conf"
        config.write_text(f"user root\nlistener {MOSQUITTO_PORT} 127.0.0.1\nallow_anonymous true\nlog_type all\n")
        with Program("mosquitto", ["mosquitto", "-c", config], folder) as broker:
            broker.wait_for_line("running", broker.errors)
            command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", MOSQUITTO_PORT, "-t", "room/1", "-C", "1"]
            with Program("subscriber", command, folder) as subscriber:
                broker.wait_for_line("Sending SUBACK", broker.errors)
                run(f"c-{name}", [programs / f"c/nal-c-{name}", "127.0.0.1", MOSQUITTO_PORT, "room/1", "21 degrees"], folder)
                subscriber.finish()
                if subscriber.said() != b"21 degrees\n":
                    raise Failure(f"the subscriber has {subscriber.said()!r}")
            if re.search("protocol error|malformed", broker.complained(), re.IGNORECASE):
                raise Failure(broker.complained())
    return publish


# What, the programs of ours, those of others, whether it wants a TAP, how.
EXAMPLES = (
    ("Asio's ssl::stream over the embedded stack, by co_await, asks openssl", ["asio/nal-asio-tls-client"],
     ["openssl", "ss"], True, asio_client),
    ("Asio's ssl::stream over the embedded stack, by callbacks, answers openssl", ["asio/nal-asio-tls-server"],
     ["openssl"], True, asio_server),
    ("the echo in C serves and asks", ["c/nal-c-echo"], [], False, c_echo),
    ("the coreMQTT example publishes to Mosquitto", ["c/nal-c-coremqtt"], ["mosquitto", "mosquitto_sub"], False,
     c_mqtt("coremqtt")),
    ("the Paho example publishes to Mosquitto", ["c/nal-c-paho"], ["mosquitto", "mosquitto_sub"], False, c_mqtt("paho")),
)


def outcome(programs, folder, ours, others, wants_tap, act):
    """(whether it went well or None, why not)"""
    missing = [name for name in ours if not (programs / name).exists()]
    if missing:
        return None, f"not built: {', '.join(missing)}"
    missing = [name for name in others if not shutil.which(name)]
    if missing:
        return None, f"not installed: {', '.join(missing)}"
    if wants_tap and not os.access("/dev/net/tun", os.W_OK):
        return None, "no TUN driver here"
    try:
        act(programs, folder)
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        return False, f"  {failure}"
    return True, ""


def main():
    programs, scratch = map(pathlib.Path, sys.argv[1:])
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    ip("link", "set", "lo", "up")
    told = []
    for number, (what, *how) in enumerate(EXAMPLES):
        folder = scratch / f"adapters-{number}"
        folder.mkdir()
        told.append((what, *outcome(programs, folder, *how)))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
