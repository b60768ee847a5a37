"""nal-mqtt against Mosquitto, with mosquitto_pub and mosquitto_sub as the other end."""

import contextlib
import re
import signal
import subprocess
import time

import network
from processes import PATIENCE, Failure, Program, run, wait_until

PORT = 1883
PORT_WITH_PASSWORD = 1884
USER, PASSWORD = "nal", "not a secret"
COUNT = 200


class Broker:
    """Mosquitto, which can be killed and started again."""

    def __init__(self, folder, name, saves=False):
        self.folder = folder
        self.name = name
        self.starts = 0
        self.program = None
        self.config = folder / f"{name}.conf"
        passwords = folder / f"{name}.passwords"
        run(f"{name}-passwd", ["mosquitto_passwd", "-b", "-c", passwords, USER, PASSWORD], folder)
        # It would become another user, of which a user namespace has none.
        config = ["user root", "per_listener_settings true", "log_type all",
                  f"listener {PORT}", "allow_anonymous true",
                  f"listener {PORT_WITH_PASSWORD}", "allow_anonymous false", f"password_file {passwords}"]
        if saves:
            # Whatever changes, at once, so that what it has acknowledged survives it.
            store = folder / name
            store.mkdir()
            config += ["persistence true", f"persistence_location {store}/", "autosave_interval 1",
                       "autosave_on_changes true"]
        self.config.write_text("\n".join(config) + "\n")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.program:
            self.program.end()

    def start(self):
        self.starts += 1
        self.program = Program(f"{self.name}-{self.starts}", ["mosquitto", "-c", self.config], self.folder)
        self.program.wait_for_line("running", self.program.errors)

    def kill(self):
        """As a crash or a power cut would: it can say nothing to anybody, and save nothing."""
        self.program.signal(signal.SIGKILL)
        self.program.end()

    def saw(self, pattern):
        """Waits until its log, since it was last started, has a line of that form."""
        self.program.wait_for_line(pattern, self.program.errors)


class Peer:
    """How to call one make of the two programs: mosquitto_pub and mosquitto_sub have the habits that nal-mqtt has."""

    def __init__(self, publish, subscribe):
        self.publish = publish
        self.subscribe = subscribe


def mosquitto():
    return Peer(["mosquitto_pub"], ["mosquitto_sub"])


def ours(setting):
    program = next((path for path in sorted(setting.build.glob("examples/**/nal-mqtt")) if path.is_file()), None)
    if program is None:
        raise Failure("nal-mqtt is not built")
    backend = ["--backend", setting.backend]
    return Peer([program, "pub", *backend], [program, "sub", *backend])


def arguments(topic, qos, identity):
    return ["-h", network.NAME, "-p", str(PORT), "-t", topic, "-q", str(qos), "-i", identity]


def subscriber(setting, broker, peer, topic, qos, name, *others):
    """A subscriber, once the broker knows it."""
    program = Program(name, [*peer.subscribe, *arguments(topic, qos, name), *others], setting.folder)
    try:
        broker.saw(f"Sending SUBACK to {name}")
    except Failure:
        program.end()
        raise
    return program


def lines(first, last, word):
    return [f"{word} {i} äöü {'x' * (i % 50)}" for i in range(first, last)]


def flow(setting, broker, publisher, receiver, qos, name):
    """COUNT messages in a row, all of which arrive, in their order."""
    topic = f"nal/{name}"
    sent = lines(0, COUNT, name)
    with subscriber(setting, broker, receiver, topic, qos, f"{name}-sub", "-C", str(COUNT)) as sub:
        with Program(f"{name}-pub", [*publisher.publish, *arguments(topic, qos, f"{name}-pub"), "-l"], setting.folder,
                     subprocess.PIPE) as pub:
            pub.write("".join(line + "\n" for line in sent).encode())
            pub.close_input()
            pub.finish()
        sub.finish()
        received = sub.said().decode().splitlines()
        if received != sent:
            raise Failure(f"{len(received)} of {COUNT} messages arrived, or not in order; first missing: "
                          f"{next((line for line in sent if line not in received), 'none')}")


def retained(setting, broker, publisher, receiver, name):
    """A message that was published before anybody subscribed."""
    topic = f"nal/{name}"
    with Program(f"{name}-pub", [*publisher.publish, *arguments(topic, 1, f"{name}-pub"), "-r", "-m", "kept"],
                 setting.folder) as pub:
        pub.finish()
    with subscriber(setting, broker, receiver, topic, 1, f"{name}-sub", "-C", "1") as sub:
        sub.finish()
        if sub.said() != b"kept\n":
            raise Failure(f"it got {sub.said()}")


def last_will(setting, broker, client, witness):
    """A client that vanishes is announced by the broker."""
    with subscriber(setting, broker, witness, "nal/will", 1, "will-witness", "-C", "1") as sub:
        vanishes = subscriber(setting, broker, client, "nal/nothing", 1, "will-client", "--will-topic", "nal/will",
                              "--will-payload", "gone", "--will-qos", "1")
        vanishes.signal(signal.SIGKILL)
        vanishes.end()
        sub.finish()
        if sub.said() != b"gone\n":
            raise Failure(f"the witness got {sub.said()}")


def password(setting, publisher):
    """The broker takes the right password, and a wrong one is told as what it is."""
    command = [*publisher.publish, "-h", network.NAME, "-p", str(PORT_WITH_PASSWORD), "-t", "nal/password", "-q", "1",
               "-m", "hello", "-u", USER, "-P"]
    run("password-right", [*command, PASSWORD], setting.folder)
    said = run("password-wrong", [*command, "guessed"], setting.folder, good=False).decode()
    if not re.search("password|authori[sz]ed", said, re.IGNORECASE):
        raise Failure(f"with a wrong password it says: {said.strip()}")


def broker_killed(setting, broker, publisher, receivers):
    """Messages flow on while the broker is killed and started again: each arrives, some perhaps twice."""
    topic, count = "nal/restart", 400
    sent = lines(0, count, "restart")
    with contextlib.ExitStack() as programs:
        subs = [programs.enter_context(subscriber(setting, broker, receiver, topic, 1, f"restart-sub-{name}", "-c"))
                for name, receiver in receivers.items()]
        pub = programs.enter_context(
            Program("restart-pub", [*publisher.publish, *arguments(topic, 1, "restart-pub"), "-l"], setting.folder,
                    subprocess.PIPE))
        for i, line in enumerate(sent):
            if i == count // 4:
                wait_until(lambda: all(len(sub.said().splitlines()) > count // 8 for sub in subs), "messages flow")
                broker.kill()
            if i == count // 2:
                broker.start()
            pub.write((line + "\n").encode())
            time.sleep(0.005)
        pub.close_input()
        pub.finish(2 * PATIENCE)

        def missing():
            return {line for sub in subs for line in set(sent) - set(sub.said().decode().splitlines())}
        try:
            wait_until(lambda: not missing(), "all have arrived", 2 * PATIENCE)
        except Failure:
            lost = sorted(missing(), key=lambda line: int(re.search(r"\d+", line)[0]))
            raise Failure(f"{len(lost)} messages lost, the first is '{lost[0]}'") from None


def exchanges(table, setting, peer):
    try:
        nal = ours(setting)
    except Failure as failure:
        def not_there(why=failure):
            raise why
        table.row("MQTT 3.1.1", peer, not_there)
        return
    theirs = mosquitto()
    with Broker(setting.folder, "mosquitto") as broker:
        for qos in (0, 1):
            table.row(f"MQTT QoS {qos}, nal to mosquitto_sub", peer, flow, setting, broker, nal, theirs, qos,
                      f"qos{qos}-out")
            table.row(f"MQTT QoS {qos}, mosquitto_pub to nal", peer, flow, setting, broker, theirs, nal, qos,
                      f"qos{qos}-in")
        table.row("MQTT retained, nal to mosquitto_sub", peer, retained, setting, broker, nal, theirs, "kept-out")
        table.row("MQTT retained, mosquitto_pub to nal", peer, retained, setting, broker, theirs, nal, "kept-in")
        table.row("MQTT last will of nal to mosquitto_sub", peer, last_will, setting, broker, nal, theirs)
        table.row("MQTT user and password", peer, password, setting, nal)
    with Broker(setting.folder, "mosquitto-saving", saves=True) as broker:
        table.row("MQTT QoS 1, broker killed and restarted", peer, broker_killed, setting, broker, nal,
                  {"nal": nal, "mosquitto": theirs})
