"""The programs over TLS and DTLS: nal-mqtt against Mosquitto, nal-coap against libcoap, nal-serve against curl."""

import contextlib
import json
import signal

import coap
import mqtt
import network
from processes import Failure, Program, run

SECRET = "a shared secret."  # libcoap's programs take it as text, the others in hexadecimal digits
IDENTITY = "device"
BY_KEY = ["--psk", SECRET.encode().hex(), "--psk-identity", IDENTITY]
MQTT_VERSIONS = {"1.2": "tlsv1.2", "1.3": "tlsv1.3"}
COAP_PORT = 5685  # of libcoap's servers, which have DTLS and TLS one above it
OUR_COAP_PORT = 5684
LOSING_PORT = 5695
LIBCOAP_CLIENT = "coap-client-openssl"
LIBCOAP_SERVER = "coap-server-openssl"


class Certificates:
    """What openssl makes for one run: an authority, a server by the names that ours have here, and a client; a
    stranger, whom nobody has heard of, and a server by another name."""

    EXTENSIONS = {
        "authority": ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"],
        "server": ["basicConstraints=CA:FALSE", "extendedKeyUsage=serverAuth",
                   "subjectAltName=" + ",".join(f"DNS:{name}" for name in (network.NAME, network.NAME_V4,
                                                                            network.NAME_TAP))],
        "elsewhere": ["basicConstraints=CA:FALSE", "extendedKeyUsage=serverAuth", "subjectAltName=DNS:elsewhere.test"],
        "client": ["basicConstraints=CA:FALSE", "extendedKeyUsage=clientAuth"],
    }

    def __init__(self, folder):
        self.folder = folder / "certificates"
        self.folder.mkdir()
        for name in ("authority", "stranger"):
            self._make(name, "authority")
        for name in ("server", "elsewhere", "client"):
            self._make(name, name, "-CA", self.pem("authority"), "-CAkey", self.key("authority"))

    def pem(self, name):
        return self.folder / f"{name}.pem"

    def key(self, name):
        return self.folder / f"{name}.key"

    def trust(self, name="authority", option="--cafile"):
        return [option, self.pem(name)]

    def show(self, name, options=("--cert", "--key")):
        return [options[0], self.pem(name), options[1], self.key(name)]

    def _make(self, name, kind, *signed):
        # A config of nothing: the system's would add extensions of its own.
        config = self.folder / "config"
        config.write_text("[req]\ndistinguished_name = none\n[none]\n")
        extensions = [word for extension in self.EXTENSIONS[kind] for word in ("-addext", extension)]
        run(f"openssl-{name}",
            ["openssl", "req", "-config", config, "-x509", "-new", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", f"/CN={name}.nal.test", "-out",
             self.pem(name), "-keyout", self.key(name), *extensions, *signed], self.folder)


# MQTT


def mosquitto(setting, name, *lines):
    return mqtt.Broker(setting.folder, name, tls=lines)


def with_tls(peer, *options):
    """The same programs, told of TLS."""
    return mqtt.Peer(*([*command, *options] for command in (peer.publish, peer.subscribe, peer.request)))


def refused(setting, publisher, why, name):
    said = run(name, [*publisher.publish, *mqtt.arguments("3.1.1", "nal/refused", 0, name), "-m", "hello"],
               setting.folder, good=False).decode()
    if why not in said:
        raise Failure(f"it says: {said.strip()}")


def knows_tls13(setting, broker, publisher):
    """Mbed TLS 2.28 does not: it has no version in common then. Anything else that fails is for the rows to tell."""
    with Program("tls13-probe", [*publisher.publish, *mqtt.arguments("3.1.1", "nal/probe", 0, "probe"), "-m", "x"],
                 setting.folder) as probe:
        with contextlib.suppress(Failure):
            probe.finish()
        return "protocol_version" not in probe.complained()


def flows(table, setting, peer, broker, ours, theirs, how, tag):
    for version in mqtt.VERSIONS:
        short = version.replace(".", "")
        for qos in (0, 1, 2):
            for way, direction, publisher, receiver in (("out", "nal to mosquitto_sub", ours, theirs),
                                                        ("in", "mosquitto_pub to nal", theirs, ours)):
                table.row(f"MQTT {version} QoS {qos} over {how}, {direction}", peer, mqtt.flow, setting, broker, publisher,
                          receiver, version, qos, f"{tag}-v{short}-qos{qos}-{way}")


def mqtt_rows(table, setting, certificates, peer):
    nal, others = mqtt.ours(setting), mqtt.mosquitto()
    shown = [f"certfile {certificates.pem('server')}", f"keyfile {certificates.key('server')}"]
    trust = certificates.trust()
    ours = with_tls(nal, *trust)
    for version, word in MQTT_VERSIONS.items():
        how, tag = f"TLS {version}", f"tls{version.replace('.', '')}"
        theirs = with_tls(others, *trust, "--tls-version", word)
        with mosquitto(setting, f"mosquitto-{tag}", *shown, f"tls_version {word}") as broker:
            if version == "1.3" and not knows_tls13(setting, broker, ours):
                print(f"{setting.backend}: this Mbed TLS has no TLS 1.3", flush=True)
                continue
            flows(table, setting, peer, broker, ours, theirs, how, tag)
            table.row(f"MQTT 5 over {how}, 1 MiB, nal to mosquitto_sub", peer, mqtt.large, setting, broker, ours, theirs,
                      "5", 1, f"{tag}-large-out")
            table.row(f"MQTT 5 over {how}, 1 MiB, mosquitto_pub to nal", peer, mqtt.large, setting, broker, theirs, ours,
                      "5", 1, f"{tag}-large-in")
            if setting.backend not in network.ON_DEVICES:  # whose end the broker takes long to notice
                table.row(f"MQTT 5 over {how}, last will of nal to mosquitto_sub", peer, mqtt.last_will, setting, broker,
                          ours, theirs, "5", f"{tag}-will")
            table.row(f"MQTT over {how}, another's authority", peer, refused, setting,
                      with_tls(nal, *certificates.trust("stranger")), "signed by none of the trusted", f"{tag}-stranger")
    theirs = with_tls(others, *trust, *certificates.show("client"))
    with mosquitto(setting, "mosquitto-mutual", *shown, f"cafile {certificates.pem('authority')}",
                   "require_certificate true") as broker:
        known = with_tls(ours, *certificates.show("client"))
        for way, publisher, receiver in (("out", known, theirs), ("in", theirs, known)):
            direction = "nal to mosquitto_sub" if way == "out" else "mosquitto_pub to nal"
            table.row(f"MQTT 5 with a client's certificate, {direction}", peer, mqtt.flow, setting, broker,
                      publisher, receiver, "5", 1, f"tls-mutual-{way}")
        table.row("MQTT with no client's certificate", peer, refused, setting, ours, "error", "tls-mutual-none")
    shown = [f"certfile {certificates.pem('elsewhere')}", f"keyfile {certificates.key('elsewhere')}"]
    with mosquitto(setting, "mosquitto-elsewhere", *shown):
        table.row("MQTT to a server of another name", peer, refused, setting, ours, "another host's", "tls-elsewhere")
    keys = setting.folder / "mosquitto.psk"
    keys.write_text(f"{IDENTITY}:{SECRET.encode().hex()}\n")
    with mosquitto(setting, "mosquitto-psk", "psk_hint nal", f"psk_file {keys}") as broker:
        known = with_tls(nal, *BY_KEY)
        theirs = with_tls(others, *BY_KEY)
        for way, publisher, receiver in (("out", known, theirs), ("in", theirs, known)):
            direction = "nal to mosquitto_sub" if way == "out" else "mosquitto_pub to nal"
            table.row(f"MQTT 3.1.1 by a shared key, {direction}", peer, mqtt.flow, setting, broker, publisher,
                      receiver, "3.1.1", 2, f"tls-psk-{way}")
        table.row("MQTT by a wrong key", peer, refused, setting,
                  with_tls(nal, "--psk", "00" * 16, "--psk-identity", IDENTITY), "error", "tls-psk-wrong")


# CoAP


class Ours(coap.Ours):
    def __init__(self, setting, *options):
        super().__init__(setting)
        self.options = options

    def command(self, method, url, *arguments, role="client"):
        return super().command(method, url, *self.options, *arguments, role=role)


class Theirs(coap.Theirs):
    def __init__(self, setting, *options):
        super().__init__(setting)
        self.options = options

    def command(self, method, url, *arguments):
        return [LIBCOAP_CLIENT, *super().command(method, url, *self.options, *arguments)[1:]]


def coap_refused(client, base, why, name):
    said = client.refused(name, "get", f"{base}/time")
    if why not in said:
        raise Failure(f"it says: {said.strip()}")


def coap_row(table, peer, what, scheme, how, direction, check, *arguments):
    table.row(f"{scheme.upper()} {what} by {how}, {direction}", peer, check, *arguments)


def coap_exchanges(table, peer, how, direction, client, base, tag):
    scheme = base.split(":")[0]
    rows = [("get, put, delete", coap.small, "small", ()), ("discovery", coap.discovery, "discovery", ())]
    if scheme == "coaps":
        rows += [("1 MiB both ways", coap.big, "big", (None,)), ("non-confirmable", coap.non_confirmable, "non", ())]
    if tag.startswith("dtls-psk"):  # a server tells of changes every three seconds, which adds up
        rows += [("observe", coap.observe, "observe", (2,))]
    for what, check, short, others in rows:
        coap_row(table, peer, what, scheme, how, direction, check, client, base, f"{tag}-{short}", *others)


def libcoap_server(setting, name, *options, port=COAP_PORT):
    """One for DTLS and TLS at the port above."""
    return coap.libcoap_server(setting, name, "-A", network.V4, "-p", str(port), *options, program=LIBCOAP_SERVER)


def coap_rows(table, setting, certificates, peer):
    trust = certificates.trust()
    key = ["-u", IDENTITY, "-k", SECRET]
    host = f"{network.NAME_V4}:{COAP_PORT + 1}"
    to_them, to_us, both = "nal to libcoap", "libcoap to nal", "nal to nal"

    with libcoap_server(setting, "coaps-server-psk", "-k", SECRET):
        coap_exchanges(table, peer, "key", to_them, Ours(setting, *BY_KEY), f"coaps://{host}", "dtls-psk-out")
        table.row("COAPS by a wrong key, nal to libcoap", peer, coap_refused,
                  Ours(setting, "--psk", "00" * 16, "--psk-identity", IDENTITY, "-B", "1"), f"coaps://{host}", "error",
                  "dtls-psk-wrong")
    shown = certificates.show("server", ("-c", "-j"))
    with libcoap_server(setting, "coaps-server-pki", *shown, "-n"):
        for scheme in ("coaps", "coaps+tcp"):
            tag = "tls" if "tcp" in scheme else "dtls"
            coap_exchanges(table, peer, "certificate", to_them, Ours(setting, *trust), f"{scheme}://{host}",
                           f"{tag}-pki-out")
        table.row("COAPS, another's authority, nal to libcoap", peer, coap_refused,
                  Ours(setting, *certificates.trust("stranger")), f"coaps://{host}", "signed by none of the trusted",
                  "dtls-stranger")
    with libcoap_server(setting, "coaps-server-mutual", *shown, "-C", certificates.pem("authority")):
        coap_row(table, peer, "get, put, delete", "coaps", "both's certificates", to_them, coap.small,
                 Ours(setting, *trust, *certificates.show("client")), f"coaps://{host}", "dtls-mutual-out")
    with libcoap_server(setting, "coaps-server-elsewhere", *certificates.show("elsewhere", ("-c", "-j")), "-n"):
        table.row("COAPS to a server of another name, nal to libcoap", peer, coap_refused, Ours(setting, *trust),
                  f"coaps://{host}", "another host's", "dtls-elsewhere")
    # Of flights and of answers, and of its session with who asks next.
    with libcoap_server(setting, "coaps-server-losing", "-k", SECRET, "-l", "1,3,6", port=LOSING_PORT):
        coap_row(table, peer, "with losses", "coaps", "key", to_them, coap.losses, Ours(setting, *BY_KEY),
                 f"coaps://{network.NAME_V4}:{LOSING_PORT + 1}", "dtls-losses-out")

    where = f"{network.NAME_TAP if setting.backend in network.ON_DEVICES else network.NAME_V4}:{OUR_COAP_PORT}"

    def server(*options):
        return coap.our_server(setting, setting.server_v4, OUR_COAP_PORT, options=options, schemes=("coaps", "coaps+tcp"))

    def by_key():
        with server(*BY_KEY):
            coap_exchanges(table, peer, "key", to_us, Theirs(setting, *key), f"coaps://{where}", "dtls-psk-in")
            coap_row(table, peer, "1 MiB both ways", "coaps", "key", both, coap.big, Ours(setting, *BY_KEY),
                     f"coaps://{where}", "dtls-psk-both", None)
            coap_row(table, peer, "with losses", "coaps", "key", to_us, coap.losses, Theirs(setting, *key),
                     f"coaps://{where}", "dtls-losses-in", ("1,4", "2", "3"))

    def by_certificate():
        with server(*certificates.show("server")):
            for scheme in ("coaps", "coaps+tcp"):
                tag = "tls" if "tcp" in scheme else "dtls"
                theirs = Theirs(setting, "-C", certificates.pem("authority"))
                coap_exchanges(table, peer, "certificate", to_us, theirs, f"{scheme}://{where}", f"{tag}-pki-in")
            coap_row(table, peer, "get, put, delete", "coaps", "certificate", both, coap.small, Ours(setting, *trust),
                     f"coaps://{where}", "dtls-pki-both")

    def by_both():
        with server(*certificates.show("server"), *trust):
            for direction, client in (
                    (to_us, Theirs(setting, "-C", certificates.pem("authority"), *certificates.show("client", ("-c", "-j")))),
                    (both, Ours(setting, *trust, *certificates.show("client")))):
                coap_row(table, peer, "get, put, delete", "coaps", "both's certificates", direction, coap.small, client,
                         f"coaps://{where}", f"dtls-mutual-{'both' if direction == both else 'in'}")
            table.row("COAPS with no client's certificate, nal to nal", peer, coap_refused, Ours(setting, *trust),
                      f"coaps://{where}", "handshake_failure", "dtls-mutual-none")

    for what, body in (("by key", by_key), ("by certificate", by_certificate), ("by both's certificates", by_both)):
        table.row(f"nal-coap serves and ends well, {what}", peer, body)


# HTTPS


def served_name(setting):
    return network.NAME_TAP if setting.backend in network.ON_DEVICES else network.NAME_V4


def curl(setting, name, path, *options, good=True):
    return run(f"https-{name}", ["curl", "-sS", "--max-time", "20", *options, f"https://{served_name(setting)}{path}"],
               setting.folder, good=good)


def pages(setting, *options):
    """The page as JSON, one that is long, and two over one connection."""
    told = json.loads(curl(setting, "json", "/status.json", *options))
    if told["server"]["backend"] != setting.backend:
        raise Failure(f"it tells {told['server']}")
    if len(curl(setting, "long", "/chargen/1000000", *options)) != 1_000_000:
        raise Failure("the long page is not as long as it should be")
    twice = curl(setting, "twice", "/", "-w", "connections %{num_connects}\n", *options,
                 f"https://{served_name(setting)}/")
    if twice.count(b"<h1>nal-serve</h1>") != 2 or b"connections 0" not in twice:
        raise Failure(f"two pages over one connection are {twice!r}")


def curl_refused(setting, name, why, *options):
    said = curl(setting, name, "/", *options, good=False).decode()
    if why not in said:
        raise Failure(f"it says: {said.strip()}")


def curl_finds_tls13(setting, *options):
    with Program("https-probe", ["curl", "-sS", "--max-time", "20", *options, f"https://{served_name(setting)}/"],
                 setting.folder) as probe:
        with contextlib.suppress(Failure):
            probe.finish()
        return "alert" not in probe.complained()


@contextlib.contextmanager
def nal_serve(setting, name, *options):
    command = setting.program("tools/serve/nal-serve", *setting.chosen("server"), "-A", setting.server_v4, *options)
    with Program(name, command, setting.folder) as server:
        server.wait_for_line("^ready$")
        yield server
        server.signal(signal.SIGINT)
        server.finish()
        if server.complained():
            raise Failure(f"the server complains: {server.complained().strip()}")


def https_rows(table, setting, certificates, peer):
    trust = certificates.trust(option="--cacert")

    def by_certificate():
        with nal_serve(setting, "nal-serve-https", *certificates.show("server")):
            for version in ("1.2", "1.3"):
                chosen = [*trust, f"--tlsv{version}", "--tls-max", version]
                if version == "1.2" or curl_finds_tls13(setting, *chosen):
                    table.row(f"nal-serve's pages over TLS {version}", peer, pages, setting, *chosen)
            table.row("nal-serve's pages over TLS 1.1, refused", peer, curl_refused, setting, "old",
                      "alert protocol version", *trust, "--tlsv1.0", "--tls-max", "1.1", "--ciphers",
                      "DEFAULT@SECLEVEL=0")
            table.row("nal-serve's pages to who trusts another authority", peer, curl_refused, setting, "stranger",
                      "SSL certificate problem", *certificates.trust("stranger", "--cacert"))
            table.row("nal-serve's pages by an address that is none of its names", peer, wrong_name)
            table.row("nal-serve's pages after all that", peer, pages, setting, *trust)

    def wrong_name():
        said = run("https-name", ["curl", "-sS", "--max-time", "20", *trust, f"https://{setting.server_v4}/"],
                   setting.folder, good=False).decode()
        if "no alternative certificate subject name matches" not in said:
            raise Failure(f"it says: {said.strip()}")

    def by_both():
        with nal_serve(setting, "nal-serve-mutual", *certificates.show("server"), *certificates.trust()):
            table.row("nal-serve's pages with a client's certificate", peer, pages, setting, *trust,
                      *certificates.show("client"))
            # It is told by an alert, which the end of the connection may overtake.
            table.row("nal-serve's pages with none", peer, curl_refused, setting, "none", "curl: (", *trust)

    for what, body in (("by certificate", by_certificate), ("by both's certificates", by_both)):
        table.row(f"nal-serve serves https and ends well, {what}", peer, body)


def exchanges(table, setting, certificates, mosquitto_version, libcoap_version, curl_version):
    for name, program in (("MQTT over TLS", mqtt.ours), ("CoAP over DTLS", coap.program)):
        try:
            program(setting)
        except Failure as failure:
            def not_there(why=failure):
                raise why
            table.row(name, "", not_there)
            return
    mqtt_rows(table, setting, certificates, mosquitto_version)
    coap_rows(table, setting, certificates, libcoap_version)
    https_rows(table, setting, certificates, curl_version)
