"""nal-mqtt against Mosquitto, with mosquitto_pub and mosquitto_sub as the other end."""

import contextlib
import random
import re
import signal
import subprocess
import time

import network
from processes import PATIENCE, Failure, Program, run, wait_until
from witness import Witness

PORT = 1883
PORT_WITH_PASSWORD = 1884
PORT_OF_WITNESS = 1885
USER, PASSWORD = "nal", "not a secret"
COUNT = 200
VERSIONS = {"3.1.1": "mqttv311", "5": "mqttv5"}  # as both make of programs are told
LARGE = 1 << 20  # bytes


class Broker:
    """Mosquitto, which can be killed and started again."""

    def __init__(self, folder, name, saves=False, tls=None):
        """`tls` is what its one listener is told of that."""
        self.folder = folder
        self.name = name
        self.starts = 0
        self.program = None
        self.config = folder / f"{name}.conf"
        passwords = folder / f"{name}.passwords"
        run(f"{name}-passwd", ["mosquitto_passwd", "-b", "-c", passwords, USER, PASSWORD], folder)
        # It would become another user, of which a user namespace has none.
        # With fewer messages of QoS 2 in flight than are queued, 2.0.11 forgets to send the rest.
        config = ["user root", "per_listener_settings true", "log_type all", "max_inflight_messages 0",
                  "max_queued_messages 0", f"listener {PORT}", "allow_anonymous true"]
        if tls is None:
            config += [f"listener {PORT_WITH_PASSWORD}", "allow_anonymous false", f"password_file {passwords}"]
        else:
            config += tls
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
    """How to call one make of the programs: those of Mosquitto have the habits that nal-mqtt has."""

    def __init__(self, publish, subscribe, request):
        self.publish = publish
        self.subscribe = subscribe
        self.request = request


def mosquitto():
    return Peer(["mosquitto_pub"], ["mosquitto_sub"], ["mosquitto_rr"])


def ours(setting):
    program = next((path for path in sorted(setting.build.glob("examples/**/nal-mqtt")) if path.is_file()), None)
    if program is None:
        raise Failure("nal-mqtt is not built")
    here, there = setting.chosen(), setting.chosen("server")
    return Peer([program, "pub", *here], [program, "sub", *there], [program, "rr", *here])


def arguments(version, topic, qos, identity, port=PORT):
    return ["-V", VERSIONS[version], "-h", network.NAME, "-p", str(port), "-t", topic, "-q", str(qos), "-i", identity]


def subscriber(setting, broker, peer, version, topic, qos, name, *others, port=PORT):
    """A subscriber, once the broker knows it."""
    if version == "5" and peer.subscribe[0] == "mosquitto_sub":
        # With the 20 that it asks for otherwise, it and its broker count those of QoS 2 in different ways.
        others = [*others, "-D", "connect", "receive-maximum", "1000"]
    program = Program(name, [*peer.subscribe, *arguments(version, topic, qos, name, port), *others], setting.folder)
    try:
        broker.saw(f"Sending SUBACK to {name}")
    except Failure:
        program.end()
        raise
    return program


def lines(first, last, word):
    return [f"{word} {i} äöü {'x' * (i % 50)}" for i in range(first, last)]


def flow(setting, broker, publisher, receiver, version, qos, name):
    """COUNT messages in a row, all of which arrive, in their order and each once."""
    topic = f"nal/{name}"
    sent = lines(0, COUNT, name)
    with subscriber(setting, broker, receiver, version, topic, qos, f"{name}-sub", "-C", str(COUNT)) as sub:
        with Program(f"{name}-pub", [*publisher.publish, *arguments(version, topic, qos, f"{name}-pub"), "-l"],
                     setting.folder, subprocess.PIPE) as pub:
            pub.write("".join(line + "\n" for line in sent).encode())
            pub.close_input()
            pub.finish()
        sub.finish()
        received = sub.said().decode().splitlines()
        if received != sent:
            raise Failure(f"{len(received)} of {COUNT} messages arrived, or not in order; first missing: "
                          f"{next((line for line in sent if line not in received), 'none')}")


def large(setting, broker, publisher, receiver, version, qos, name, *others):
    """A payload of LARGE bytes, from a file."""
    topic = f"nal/{name}"
    file = setting.folder / f"{name}.payload"
    file.write_bytes(random.Random(name).randbytes(LARGE))
    sub_others = ["-C", "1", "-N", *(others if receiver.subscribe[0] != "mosquitto_sub" else [])]
    pub_others = ["-f", file, *(others if publisher.publish[0] != "mosquitto_pub" else [])]
    with subscriber(setting, broker, receiver, version, topic, qos, f"{name}-sub", *sub_others) as sub:
        run(f"{name}-pub", [*publisher.publish, *arguments(version, topic, qos, f"{name}-pub"), *pub_others],
            setting.folder)
        sub.finish()
        if sub.said() != file.read_bytes():
            raise Failure(f"{len(sub.said())} bytes arrived, and not those that were sent")


def retained(setting, broker, publisher, receiver, version, name):
    """A message that was published before anybody subscribed."""
    topic = f"nal/{name}"
    run(f"{name}-pub", [*publisher.publish, *arguments(version, topic, 1, f"{name}-pub"), "-r", "-m", "kept"],
        setting.folder)
    with subscriber(setting, broker, receiver, version, topic, 1, f"{name}-sub", "-C", "1") as sub:
        sub.finish()
        if sub.said() != b"kept\n":
            raise Failure(f"it got {sub.said()}")


def last_will(setting, broker, client, witness, version, name, *others):
    """A client that vanishes is announced by the broker."""
    topic = f"nal/{name}"
    if setting.backend in network.ON_DEVICES:
        others = [*others, "-k", "5"]  # a stack that is killed with its program resets no connection
    with subscriber(setting, broker, witness, version, topic, 1, f"{name}-witness", "-C", "1") as sub:
        vanishes = subscriber(setting, broker, client, version, "nal/nothing", 1, f"{name}-client", "--will-topic",
                              topic, "--will-payload", "gone", "--will-qos", "1", *others)
        vanishes.signal(signal.SIGKILL)
        vanishes.end()
        if others:
            time.sleep(0.3)
            if sub.said():
                raise Failure("the will came at once")
        sub.finish()
        if sub.said() != b"gone\n":
            raise Failure(f"the witness got {sub.said()}")


def password(setting, publisher, version, name):
    """The broker takes the right password, and a wrong one is told as what it is."""
    command = [*publisher.publish, "-V", VERSIONS[version], "-h", network.NAME, "-p", str(PORT_WITH_PASSWORD), "-t",
               "nal/password", "-q", "1", "-m", "hello", "-u", USER, "-P"]
    run(f"{name}-right", [*command, PASSWORD], setting.folder)
    said = run(f"{name}-wrong", [*command, "guessed"], setting.folder, good=False).decode()
    if not re.search("password|authori[sz]ed", said, re.IGNORECASE):
        raise Failure(f"with a wrong password it says: {said.strip()}")


def session_kept(setting, broker, publisher, receiver, version, name):
    """What was published while a subscriber of QoS 2 was away is there when it comes back."""
    topic = f"nal/{name}"
    keeping = ["-c", *(["-x", "60"] if version == "5" else [])]
    with subscriber(setting, broker, receiver, version, topic, 2, f"{name}-sub", *keeping, "-W", "0.5"
                    if receiver.subscribe[0] != "mosquitto_sub" else "1") as sub:
        wait_until(lambda: not sub.running(), "the subscriber goes away")
    sent = lines(0, 20, name)
    run(f"{name}-pub", [*publisher.publish, *arguments(version, topic, 2, f"{name}-pub"), "-l"], setting.folder,
        "".join(line + "\n" for line in sent).encode())
    with subscriber(setting, broker, receiver, version, topic, 2, f"{name}-sub", *keeping, "-C", "20") as sub:
        sub.finish()
        if sub.said().decode().splitlines() != sent:
            raise Failure(f"it got {len(sub.said().splitlines())} messages of {len(sent)}, or not in order")


def properties(setting, broker, publisher, receiver, name):
    """Every property of a message arrives as it was sent."""
    topic = f"nal/{name}"
    sent = {"content-type": "text/plain", "correlation-data": "id-7", "message-expiry-interval": "600",
            "payload-format-indicator": "1", "response-topic": "nal/answers"}
    words = [word for key, value in sent.items() for word in ("-D", "publish", key, value)]
    words += ["-D", "publish", "user-property", "unit", "bar", "-D", "publish", "user-property", "place", "äöü"]
    with subscriber(setting, broker, receiver, "5", topic, 1, f"{name}-sub", "-C", "1", "-F",
                    "%t|%p|%C|%D|%E|%F|%R|%P|%S", "-D", "subscribe", "subscription-identifier", "300") as sub:
        run(f"{name}-pub", [*publisher.publish, *arguments("5", topic, 1, f"{name}-pub"), "-m", "4.2", *words],
            setting.folder)
        sub.finish()
        said = sub.said().decode().strip().split("|")
        right = [topic, "4.2", "text/plain", "id-7", None, "1", "nal/answers", "unit:bar place:äöü", "300"]
        if len(said) != len(right) or any(b is not None and a != b for a, b in zip(said, right)):
            raise Failure(f"it got {said}")
        if not 590 <= int(said[4]) <= 600:
            raise Failure(f"the message expires in {said[4]} s, and not in 600")


def request(setting, broker, asker, responder, name):
    """A question, and its answer to the topic and with the correlation data that came with it."""
    topic, answers = f"nal/{name}", f"nal/{name}/answers"
    with subscriber(setting, broker, responder, "5", topic, 1, f"{name}-responder", "-C", "1", "-F", "%R|%D|%p") as sub:
        command = [*asker.request, *arguments("5", topic, 1, f"{name}-asker"), "-e", answers, "-m", "why?", "-W", "15"]
        if asker.request[0] == "mosquitto_rr":
            command += ["-D", "publish", "correlation-data", "question-7"]
        with Program(f"{name}-asker", command, setting.folder) as asking:
            sub.finish()
            answer_to, correlation, question = sub.said().decode().strip().split("|")
            if question != "why?":
                raise Failure(f"the question was '{question}'")
            for identity, data, text in (("wrong", "another question", "no"), ("right", correlation, "because")):
                if identity == "wrong" and asker.request[0] == "mosquitto_rr":
                    continue  # which takes any answer
                run(f"{name}-{identity}", [*responder.publish,
                                           *arguments("5", answer_to, 1, f"{name}-{identity}"), "-m", text, "-D",
                                           "publish", "correlation-data", data], setting.folder)
            asking.finish()
            if asking.said() != b"because\n":
                raise Failure(f"the answer was {asking.said()}")


def broker_killed(setting, broker, publisher, receiver, version, qos):
    """Messages flow on while the broker is killed in the middle of them and started again, twice: nal loses none that
    was acknowledged and shows none of QoS 2 twice. What the broker forgets and repeats itself a witness tells."""
    name = f"restart-{version}-{qos}"
    sent = lines(0, 400, name)
    keeping = ["-c", *(["-x", "600"] if version == "5" else [])]
    with contextlib.ExitStack() as programs:
        witness = programs.enter_context(Witness(PORT_OF_WITNESS, PORT))
        sub = programs.enter_context(
            subscriber(setting, broker, receiver, version, f"nal/{name}", qos, f"{name}-sub", *keeping,
                       port=PORT_OF_WITNESS))
        pub = programs.enter_context(
            Program(f"{name}-pub", [*publisher.publish, *arguments(version, f"nal/{name}", qos, f"{name}-pub",
                                                                   PORT_OF_WITNESS), *keeping, "-l"], setting.folder,
                    subprocess.PIPE))
        for i, line in enumerate(sent):
            if i in (100, 250):
                wait_until(lambda: len(sub.said().splitlines()) > i // 2, "messages flow")
                broker.kill()
            if i in (150, 300):
                broker.start()
            pub.write((line + "\n").encode())
            time.sleep(0.005)
        pub.close_input()
        pub.finish(2 * PATIENCE)

        before = [0, time.monotonic()]

        def quiet():
            received = sub.said().decode().splitlines()
            if len(received) != before[0]:
                before[:] = len(received), time.monotonic()
            return not set(sent) - set(received) or time.monotonic() > before[1] + 3
        wait_until(quiet, "all have arrived", 2 * PATIENCE)
        wrong = witness.judge_publisher(f"{name}-pub", sent)
        received = sub.said().decode().splitlines()
        wrong += witness.judge_subscriber(f"{name}-sub", qos, received)
        lost = witness.lost_by_broker(f"{name}-pub", f"{name}-sub")
        wrong += [f"'{line}' never arrived" for line in sent if line not in received and line not in lost]
        if not set(sent[-20:]) & set(received):
            wrong.append("the subscriber did not hear the last of what was said")
        if wrong:
            raise Failure(f"{len(wrong)} faults, the first: {wrong[0]}")


def version_rows(table, setting, peer, broker, nal, theirs, version):
    short = version.replace(".", "")
    for qos in (0, 1, 2):
        table.row(f"MQTT {version} QoS {qos}, nal to mosquitto_sub", peer, flow, setting, broker, nal, theirs, version,
                  qos, f"v{short}-qos{qos}-out")
        table.row(f"MQTT {version} QoS {qos}, mosquitto_pub to nal", peer, flow, setting, broker, theirs, nal, version,
                  qos, f"v{short}-qos{qos}-in")
    for qos in (0, 1, 2):
        table.row(f"MQTT {version} QoS {qos}, 1 MiB, nal to mosquitto_sub", peer, large, setting, broker, nal, theirs,
                  version, qos, f"v{short}-large{qos}-out")
        table.row(f"MQTT {version} QoS {qos}, 1 MiB, mosquitto_pub to nal", peer, large, setting, broker, theirs, nal,
                  version, qos, f"v{short}-large{qos}-in")
    table.row(f"MQTT {version}, 1 MiB through 16 KiB, nal to nal", peer, large, setting, broker, nal, nal, version, 1,
              f"v{short}-streamed", "--max-packet", "16384")
    table.row(f"MQTT {version} retained, nal to mosquitto_sub", peer, retained, setting, broker, nal, theirs, version,
              f"v{short}-kept-out")
    table.row(f"MQTT {version} retained, mosquitto_pub to nal", peer, retained, setting, broker, theirs, nal, version,
              f"v{short}-kept-in")
    table.row(f"MQTT {version} last will of nal to mosquitto_sub", peer, last_will, setting, broker, nal, theirs,
              version, f"v{short}-will")
    table.row(f"MQTT {version} session kept while nal is away", peer, session_kept, setting, broker, theirs, nal,
              version, f"v{short}-session")
    table.row(f"MQTT {version} user and password", peer, password, setting, nal, version, f"v{short}-password")


def exchanges(table, setting, peer):
    try:
        nal = ours(setting)
    except Failure as failure:
        def not_there(why=failure):
            raise why
        table.row("MQTT", peer, not_there)
        return
    theirs = mosquitto()
    with Broker(setting.folder, "mosquitto") as broker:
        for version in VERSIONS:
            version_rows(table, setting, peer, broker, nal, theirs, version)
        table.row("MQTT 5 delayed will of nal to mosquitto_sub", peer, last_will, setting, broker, nal, theirs, "5",
                  "v5-delayed-will", "-x", "60", "-D", "will", "will-delay-interval", "1")
        table.row("MQTT 5 properties, nal to mosquitto_sub", peer, properties, setting, broker, nal, theirs,
                  "v5-properties-out")
        table.row("MQTT 5 properties, mosquitto_pub to nal", peer, properties, setting, broker, theirs, nal,
                  "v5-properties-in")
        table.row("MQTT 5 request of nal, answer of mosquitto_pub", peer, request, setting, broker, nal, theirs,
                  "v5-request-out")
        table.row("MQTT 5 request of mosquitto_rr, answer of nal", peer, request, setting, broker, theirs, nal,
                  "v5-request-in")
    with Broker(setting.folder, "mosquitto-saving", saves=True) as broker:
        for version in VERSIONS:
            for qos in (1, 2):
                table.row(f"MQTT {version} QoS {qos}, broker killed and restarted", peer, broker_killed, setting,
                          broker, nal, nal, version, qos)
