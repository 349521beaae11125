"""Reliable FIFO multicast for `conform certify --world netns` over IP multicast: python3 mcast.py [--broken | --once]

Each message is one datagram to the address of the group, which `init` tells as groups.NAME.address, and each of its receivers
says so to its sender alone. What somebody has not acknowledged is multicast again, also by those who were given it by another:
with --once it is not. With --broken nobody looks whether it has seen a message.
"""
import json, os, selectors, socket, struct, sys, time

BROKEN, ONCE = "--broken" in sys.argv, "--once" in sys.argv
FAULTS = "crash pause nic rogue flood clock-skew" + ("" if ONCE else " crash-lossy loss omit-send omit-receive partition delay "
                                                     "duplicate reorder corrupt router igmp-loss ttl")
HELLO = {"op": "hello", "protocol": 1, "name": "mcast.py", "version": "1", "network": "own", "tolerates": FAULTS.split(),
         "claims": ["best-effort"] if ONCE else ["reliable", "fifo"]}
AGAIN = 0.05  # seconds


def say(**line):
    print(json.dumps(line), flush=True)


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


class Node:
    def __init__(self, init):
        self.me, self.name, self.sent = init["node"], init["group"], 0
        if "address" not in init["groups"][self.name]:
            sys.exit("mcast.py: the group has no address: this network carries no IP multicast")
        self.group = address(init["groups"][self.name]["address"])
        self.peers = {n: address(a) for n, a in init["addresses"].items()}
        here = self.peers.pop(self.me)
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # it sends, and is told what has arrived
        self.out.bind(here)
        self.out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(here[0]))
        self.out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        self.ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.ear.bind(self.group)  # to this address, so that it hears no other group of its host
        self.ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(self.group[0]) + socket.inet_aton(here[0]))
        self.seen, self.next, self.held, self.unacked = set(), {}, {}, {}
        say(op="ready")

    def send(self, line):
        self.sent += 1
        self.take({"msg": line["msg"], "from": self.me, "number": self.sent, "body": line["body"]})
        say(op="done", of=line["id"])

    def take(self, m):
        if m["msg"] not in self.seen:
            self.seen.add(m["msg"])
            self.unacked[m["msg"]] = [0.0, m, set(self.peers)]
            if not ONCE or m["from"] == self.me:
                self.again()
        elif not BROKEN:
            return
        if BROKEN:
            return self.deliver(m)
        self.held[m["from"], m["number"]] = m
        if ONCE:
            return self.deliver(m)
        while ready := self.held.pop((m["from"], self.next.get(m["from"], 1)), None):
            self.next[m["from"]] = ready["number"] + 1
            self.deliver(ready)

    def deliver(self, m):
        say(op="deliver", group=self.name, msg=m["msg"], body=m["body"], **{"from": m["from"]})

    def again(self):
        for item in self.unacked.values():
            if item[2] and time.monotonic() - item[0] > AGAIN and not (ONCE and item[0]):
                item[0] = time.monotonic()
                self.put({"m": item[1], "by": self.me}, self.group)

    def put(self, packet, to):
        try:
            self.out.sendto(json.dumps(packet).encode(), to)
        except OSError:
            pass  # lost, as anything may be

    def receive(self, where):
        try:
            packet = json.loads(where.recv(65536))
            by = packet["by"]
            if by not in self.peers:
                return
            if "ack" in packet:
                self.unacked.get(packet["ack"], [0, 0, set()])[2].discard(by)
            else:
                m = {k: packet["m"][k] for k in ("msg", "from", "number", "body")}
                self.put({"ack": m["msg"], "by": self.me}, self.peers[by])
                self.take(m)
        except (ValueError, KeyError, TypeError):
            pass  # noise of a stranger


node, buffer, ready = None, b"", selectors.DefaultSelector()
ready.register(0, selectors.EVENT_READ)
while True:
    for key, _ in ready.select(AGAIN):
        if key.fd != 0:
            node.receive(key.fileobj)
            continue
        if not (piece := os.read(0, 65536)):
            sys.exit()
        *lines, buffer = (buffer + piece).split(b"\n")
        for line in map(json.loads, lines):
            if line["op"] == "hello":
                say(**HELLO)
            elif line["op"] == "init":
                node = Node(line)
                ready.register(node.out, selectors.EVENT_READ)
                ready.register(node.ear, selectors.EVENT_READ)
            elif line["op"] == "send":
                node.send(line)
            else:
                say(op="error", of=line.get("id", 0), code="unsupported", definite=True)
    node and not ONCE and node.again()
