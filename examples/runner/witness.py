"""Stands between MQTT clients and their broker, passes everything on, and remembers what was said: so that a message
that came twice or not at all can be laid to whoever broke the protocol. A broker that is killed may forget what it has
acknowledged, and does."""

import collections
import contextlib
import socket
import threading

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)


class Stream:
    """Takes the packets off one direction of a connection."""

    def __init__(self):
        self.data = b""

    def packets(self, data):
        """(first byte, body) of each that is whole now."""
        self.data += data
        while len(self.data) >= 2:
            length, size = 0, 1
            for shift in range(0, 28, 7):
                if size == len(self.data):
                    return
                byte = self.data[size]
                size += 1
                length |= (byte & 127) << shift
                if byte < 128:
                    break
            if len(self.data) < size + length:
                return
            first, body = self.data[0], self.data[size:size + length]
            self.data = self.data[size + length:]
            yield first, body


def text(body, at):
    size = int.from_bytes(body[at:at + 2], "big")
    return body[at + 2:at + 2 + size], at + 2 + size


def behind_properties(body, at):
    length = shift = 0
    while True:
        byte = body[at]
        at += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return at + length


class Client:
    """What one client and the broker have said to each other, over all its connections."""

    def __init__(self):
        self.offered = collections.Counter()   # payloads that the broker has begun to hand over, by how often
        self.settled = set()                   # payloads that the client has acknowledged to the broker
        self.receiving = {}                    # packet identifier of QoS 2, not released yet: payload
        self.sent = {}                         # payload: the packet identifiers it was sent under
        self.acknowledged = set()              # payloads that the broker has acknowledged
        self.released = set()                  # payloads for which the client has sent PUBREL
        self.sending = {}                      # packet identifier: payload
        self.again = []                        # payloads sent after they were released


class Witness:
    def __init__(self, port, broker_port):
        self.port = port
        self.broker_port = broker_port
        self.clients = collections.defaultdict(Client)
        self._lock = threading.Lock()

    def __enter__(self):
        if socket.has_dualstack_ipv6():
            self._server = socket.create_server(("::", self.port), family=socket.AF_INET6, dualstack_ipv6=True)
        else:
            self._server = socket.create_server(("", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self):
        while True:
            try:
                ours, _ = self._server.accept()
            except OSError:
                return
            try:
                theirs = socket.create_connection(("127.0.0.1", self.broker_port), timeout=5)
            except OSError:
                ours.close()
                continue
            theirs.settimeout(None)
            for end in (ours, theirs):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            about = {"version": 4, "name": None}
            for source, sink, to_broker in ((ours, theirs, True), (theirs, ours, False)):
                threading.Thread(target=self._pump, args=(source, sink, about, to_broker), daemon=True).start()

    def _pump(self, source, sink, about, to_broker):
        stream = Stream()
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    for first, body in stream.packets(data):
                        self._note(first, body, about, to_broker)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        if to_broker:
            source.close()
        else:
            sink.close()

    def _note(self, first, body, about, to_broker):
        kind = first >> 4
        if kind == CONNECT:
            about["version"] = body[6]
            at = 10 if body[6] == 4 else behind_properties(body, 10)
            about["name"] = text(body, at)[0].decode()
            return
        client = self.clients[about["name"]]
        if kind == CONNACK and not body[0] & 1:
            client.receiving.clear()
            client.sending.clear()
        if kind == PUBLISH:
            qos = first >> 1 & 3
            _, at = text(body, 0)
            packet_id = int.from_bytes(body[at:at + 2], "big") if qos else 0
            at += 2 if qos else 0
            if about["version"] == 5:
                at = behind_properties(body, at)
            self._note_publish(client, qos, packet_id, body[at:].decode(errors="replace"), to_broker)
        elif kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
            self._note_answer(client, kind, int.from_bytes(body[:2], "big"), to_broker)

    @staticmethod
    def _note_publish(client, qos, packet_id, payload, to_broker):
        if to_broker:
            client.sent.setdefault(payload, set()).add(packet_id)
            client.sending[packet_id] = payload
            if payload in client.released:
                client.again.append(payload)
        elif qos != 2:
            client.offered[payload] += 1
        elif packet_id not in client.receiving:
            client.offered[payload] += 1
            client.receiving[packet_id] = payload
        # Else it comes again; or it is another, under an identifier that the broker has forgotten that it must release
        # first, and the standard has the client take it for the old one: it was never handed over.

    @staticmethod
    def _note_answer(client, kind, packet_id, to_broker):
        if to_broker:
            if kind == PUBREL and packet_id in client.sending:
                client.released.add(client.sending[packet_id])
            if kind == PUBREC and packet_id in client.receiving:
                client.settled.add(client.receiving[packet_id])
        else:
            if kind in (PUBACK, PUBREC) and packet_id in client.sending:
                client.acknowledged.add(client.sending[packet_id])
            if kind == PUBREL:
                client.receiving.pop(packet_id, None)

    def judge_publisher(self, name, sent):
        """What a publisher of QoS 1 or 2 that has ended well did wrong, in words."""
        client = self.clients[name]
        wrong = [f"'{line}' was never acknowledged, and it said that it was" for line in sent
                 if line not in client.acknowledged]
        wrong += [f"'{line}' was sent again after it was released" for line in client.again]
        if client.released:
            wrong += [f"'{line}' was sent under {len(ids)} packet identifiers" for line, ids in client.sent.items()
                      if len(ids) != 1]
        return wrong

    def judge_subscriber(self, name, qos, printed):
        """What a subscriber did wrong: what it acknowledged and has not printed, and what of QoS 2 it printed more
        often than the broker began to hand it over."""
        client = self.clients[name]
        count = collections.Counter(printed)
        wrong = [f"'{line}' was acknowledged and not printed" for line in client.settled if not count[line]]
        if qos == 2:
            wrong += [f"'{line}' was printed {count[line]} times and came {client.offered[line]} times"
                      for line in count if count[line] > client.offered[line]]
        return wrong

    def lost_by_broker(self, publisher, subscriber):
        """What the broker has acknowledged to the one and never handed over to the other."""
        return {line for line in self.clients[publisher].acknowledged if not self.clients[subscriber].offered[line]}
