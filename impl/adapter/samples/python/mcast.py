"""Multicast for `conform certify --world netns` over IP multicast: python3 mcast.py [--once] [--broken | --leaky | --stays]

Each message is one datagram to the address of its group, which `init` tells as groups.NAME.address. It is reliable and FIFO: each
receiver acknowledges it to whoever sent it, and what somebody has not acknowledged is multicast again, also by those who got it from
others. With --once nothing is: that is best effort (a flood may overrun a receiver), and members come and go.
Planted bugs: with --broken nobody looks whether it has seen a message; with --leaky a socket listens to its port only, and not to
the address of its group; with --stays (and --once) who leaves goes on to listen.
"""
import json, os, selectors, socket, sys, time

BROKEN, LEAKY, ONCE, STAYS = (x in sys.argv for x in ("--broken", "--leaky", "--once", "--stays"))
HELLO = {"op": "hello", "protocol": 1, "name": "mcast.py", "version": "1", "network": "own", "groups": 3}
if ONCE:
    HELLO.update(claims=["best-effort", "NO-DELIVERY-AFTER-LEAVE"], tolerates="crash pause nic rogue clock-skew".split())
else:
    HELLO.update(claims=["reliable", "fifo"],
                 tolerates="crash crash-lossy pause omit-send omit-receive loss partition delay duplicate reorder corrupt "
                           "nic router ttl igmp-loss rogue flood clock-skew".split())
AGAIN, SWITCH = 0.05, 0.3  # seconds: between repetitions; until the switch knows for sure who has joined
EVENTS = selectors.DefaultSelector()


def say(**line):
    print(json.dumps(line), flush=True)


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


class Group:
    def __init__(self, node, name, at, members):
        self.node, self.name, self.at, self.ear, self.sent = node, name, at, None, 0
        self.others = set(members) - {node.name}
        self.seen, self.next, self.held, self.unacked = set(), {}, {}, {}

    def join(self):
        if not self.ear:
            self.ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.ear.bind(("", self.at[1]) if LEAKY else self.at)  # else it hears what other sockets of its host have joined
            self.ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(self.at[0]) + socket.inet_aton(self.node.host))
            EVENTS.register(self.ear, selectors.EVENT_READ, self)

    def leave(self):
        if self.ear and not STAYS:
            EVENTS.unregister(self.ear)
            self.ear.close()
            self.ear = None

    def send(self, line):
        self.sent += 1
        m = {"msg": line["msg"], "from": self.node.name, "number": self.sent, "body": line["body"]}
        if self.ear:
            self.take(m)
        else:
            self.node.put({"m": m, "by": self.node.name}, self.at)
        say(op="done", of=line["id"])

    def take(self, m):
        if m["msg"] not in self.seen:
            self.seen.add(m["msg"])
            if not ONCE or m["from"] == self.node.name:
                self.unacked[m["msg"]] = [0.0, m, set(self.others)]
                self.again()
        elif not BROKEN:
            return
        if ONCE or BROKEN:
            return self.deliver(m)
        self.held[m["from"], m["number"]] = m
        while ready := self.held.pop((m["from"], self.next.get(m["from"], 1)), None):
            self.next[m["from"]] = ready["number"] + 1
            self.deliver(ready)

    def deliver(self, m):
        say(op="deliver", group=self.name, msg=m["msg"], body=m["body"], **{"from": m["from"]})

    def again(self):
        for item in self.unacked.values():
            if item[2] and time.monotonic() - item[0] > AGAIN and not (ONCE and item[0]):
                item[0] = time.monotonic()
                self.node.put({"m": item[1], "by": self.node.name}, self.at)

    def hear(self, packet):
        m = {k: packet["m"][k] for k in ("msg", "from", "number", "body")}
        self.node.put({"ack": m["msg"], "group": self.name, "by": self.node.name}, self.node.peers[packet["by"]])
        self.take(m)


class Node:
    def __init__(self, init):
        self.name, self.later = init["node"], []
        self.peers = {n: address(a) for n, a in init["addresses"].items()}
        here = self.peers.pop(self.name)
        self.host = here[0]
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # sends, and hears what is acknowledged
        self.out.bind(here)
        self.out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self.host))
        self.out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        EVENTS.register(self.out, selectors.EVENT_READ, self)
        if not all("address" in g for g in init["groups"].values()):
            sys.exit("mcast.py: a group has no address: this network carries no IP multicast")
        self.groups = {name: Group(self, name, address(g["address"]), g["members"]) for name, g in init["groups"].items()}
        for name, g in init["groups"].items():
            if self.name in g["members"]:
                self.groups[name].join()
        say(op="ready")

    def call(self, line):
        group = self.groups.get(line.get("group"))
        if line["op"] == "send":
            group.send(line)
        elif line["op"] == "join" and ONCE:
            group.join()
            self.later.append((time.monotonic() + SWITCH, line["id"]))
        elif line["op"] == "leave" and ONCE:
            group.leave()
            say(op="done", of=line["id"])
        else:
            say(op="error", of=line.get("id", 0), code="unsupported", definite=True)

    def put(self, packet, to):
        try:
            self.out.sendto(json.dumps(packet).encode(), to)
        except OSError:
            pass  # lost, as anything may be

    def hear(self, packet):
        self.groups[packet["group"]].unacked.get(packet["ack"], [0, 0, set()])[2].discard(packet["by"])

    def tick(self):
        while self.later and self.later[0][0] < time.monotonic():
            say(op="done", of=self.later.pop(0)[1])
        for group in self.groups.values():
            group.again()


node, buffer = None, b""
EVENTS.register(0, selectors.EVENT_READ)
while True:
    for key, _ in EVENTS.select(AGAIN):
        if key.fd != 0:
            try:
                packet = json.loads(key.fileobj.recv(65536))
                if packet["by"] in node.peers:
                    key.data.hear(packet)
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                pass  # noise of a stranger, a changed byte, or a group that it has just left
            continue
        if not (piece := os.read(0, 65536)):
            sys.exit()
        *lines, buffer = (buffer + piece).split(b"\n")
        for line in map(json.loads, lines):
            if line["op"] == "hello":
                say(**HELLO)
            elif line["op"] == "init":
                node = Node(line)
            else:
                node.call(line)
    node and node.tick()
