"""Reliable FIFO multicast for `conform certify` over a UDP socket of its own: python3 own.py [--broken | --once]

Whoever receives a message for the first time hands it on to all before delivering it, and delivers each sender's in their order.
What is not acknowledged is sent again; with --once it is not. With --broken nobody looks whether it has seen a message.
"""
import json, os, selectors, socket, sys, time

BROKEN, ONCE = "--broken" in sys.argv, "--once" in sys.argv
HELLO = {"op": "hello", "protocol": 1, "name": "own.py", "version": "1", "claims": ["reliable", "fifo"], "network": "own",
         "tolerates": ["crash", "pause"] + ([] if ONCE else "crash-lossy loss omit-send partition delay duplicate reorder".split())}
AGAIN = 0.05  # seconds


def say(**line):
    print(json.dumps(line), flush=True)


class Node:
    def __init__(self, init):
        self.me, self.group, self.sent = init["node"], init["group"], 0
        self.peers = {n: (a.rsplit(":", 1)[0], int(a.rsplit(":", 1)[1])) for n, a in init["addresses"].items()}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(self.peers.pop(self.me))
        self.seen, self.next, self.held, self.unacked = set(), {}, {}, {}
        say(op="ready")

    def send(self, line):
        self.sent += 1
        self.take({"msg": line["msg"], "from": self.me, "number": self.sent, "body": line["body"]})
        say(op="done", of=line["id"])

    def take(self, m):
        if m["msg"] not in self.seen:
            self.seen.add(m["msg"])
            self.unacked.update({(n, m["msg"]): [0.0, m] for n in self.peers})
            self.again()
        elif not BROKEN:
            return
        if BROKEN:
            return say(op="deliver", group=self.group, msg=m["msg"], body=m["body"])
        self.held[m["from"], m["number"]] = m
        while ready := self.held.pop((m["from"], self.next.get(m["from"], 1)), None):
            self.next[m["from"]] = ready["number"] + 1
            say(op="deliver", group=self.group, msg=ready["msg"], body=ready["body"])

    def again(self):
        for (to, _), item in self.unacked.items():
            if time.monotonic() - item[0] > AGAIN and not (ONCE and item[0]):
                item[0] = time.monotonic()
                self.socket.sendto(json.dumps({**item[1], "by": self.me}).encode(), self.peers[to])

    def receive(self):
        m = json.loads(self.socket.recv(65536))
        if "ack" in m:
            return self.unacked.pop((m["by"], m["ack"]), None)
        self.socket.sendto(json.dumps({"ack": m["msg"], "by": self.me}).encode(), self.peers[m["by"]])
        self.take(m)


node, buffer, ready = None, b"", selectors.DefaultSelector()
ready.register(0, selectors.EVENT_READ)
while True:
    for key, _ in ready.select(AGAIN):
        if key.fd != 0:
            node.receive()
            continue
        if not (piece := os.read(0, 65536)):
            sys.exit()
        *lines, buffer = (buffer + piece).split(b"\n")
        for line in map(json.loads, lines):
            if line["op"] == "hello":
                say(**HELLO)
            elif line["op"] == "init":
                node = Node(line)
                ready.register(node.socket, selectors.EVENT_READ)
            elif line["op"] == "send":
                node.send(line)
            else:
                say(op="error", of=line.get("id", 0), code="unsupported", definite=True)
    node and node.again()
