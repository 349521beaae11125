"""A group with views for `conform certify --world netns` over TCP streams of its own: python3 views.py [--broken | --early]

Node 0 serves: whatever is sent, and whoever comes and goes, has one place in its order, and all members are told in that order
over one stream each. So each message is delivered in the same view by all. It can't live without node 0, and tolerates no crash.
Planted bugs: with --broken a delivery names the view in which the message was sent; with --early who sends delivers at once.
"""
import json, os, selectors, socket, sys, time

BROKEN, EARLY = "--broken" in sys.argv, "--early" in sys.argv
HELLO = {"op": "hello", "protocol": 1, "name": "views.py", "version": "1", "network": "own", "settle": 1_500_000_000,
         "claims": ["integrity", "VALIDITY", "AGREEMENT", "total", "VIEW-AGREEMENT", "VIEW-MONOTONICITY", "SELF-INCLUSION", "INITIAL-VIEW",
                    "SAME-VIEW-DELIVERY", "VIRTUAL-SYNCHRONY", "NO-DELIVERY-AFTER-LEAVE", "MEMBERSHIP-PRECISION"],
         "tolerates": "pause loss delay duplicate reorder clock-skew".split()}
EVENTS = selectors.DefaultSelector()


def say(**line):
    print(json.dumps(line), flush=True)


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


class Stream:
    """Lines over a socket, or from stdin."""

    def __init__(self, source, use):
        self.source, self.use, self.rest = source, use, b""
        EVENTS.register(source, selectors.EVENT_READ, self)

    def read(self):
        piece = os.read(0, 65536) if self.source == 0 else self.source.recv(65536)
        if not piece:
            sys.exit()
        *lines, self.rest = (self.rest + piece).split(b"\n")
        for line in lines:
            self.use(self, json.loads(line))

    def write(self, **line):
        self.source.sendall(json.dumps(line).encode() + b"\n")


class Server:
    """Node 0 beside its membership: the order of everything."""

    def __init__(self, here, members):
        self.members, self.view, self.streams = list(members), 1, {}
        listener = socket.create_server(here, backlog=16)
        EVENTS.register(listener, selectors.EVENT_READ, self)
        self.listener = listener

    def read(self):
        Stream(self.listener.accept()[0], self.serve)

    def serve(self, stream, x):
        who = x["by"]
        if x["op"] == "hello":
            self.streams[who] = stream
        elif x["op"] == "query":
            stream.write(op="done", of=x["id"], members=self.members)
        elif x["op"] == "send" and who not in self.members:
            stream.write(op="error", of=x["id"], code="not-member", definite=True)
        elif x["op"] == "send":
            self.tell(op="deliver", **{k: x[k] for k in ("msg", "body", "from", "sent")})
            stream.write(op="done", of=x["id"])
        elif (x["op"] == "join") == (who in self.members):
            stream.write(op="done", of=x["id"], members=self.members)  # it is so already
        else:
            self.view += 1
            if x["op"] == "join":
                self.members.append(who)
            else:
                self.members.remove(who)
                stream.write(op="gone")
            self.tell(op="view", view=str(self.view), members=self.members)
            stream.write(op="done", of=x["id"], members=self.members)

    def tell(self, **line):
        for n in self.members:
            self.streams[n].write(**line)


class Node:
    def __init__(self, init):
        self.name, self.group, self.view, self.mine = init["node"], init["group"], "1", set()
        if self.name == "0":
            self.server = Server(address(init["addresses"]["0"]), init["members"])
        for _ in range(1000):  # until node 0 listens
            try:
                link = socket.create_connection(address(init["addresses"]["0"]))
                break
            except OSError:
                time.sleep(0.01)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.link = Stream(link, self.told)
        self.link.write(op="hello", by=self.name)
        first = {"op": "view", "group": self.group, "view": "1", "members": init["members"]}
        print('{"op": "ready"}', *[json.dumps(first)] * (self.name in init["members"]), sep="\n", flush=True)

    def ask(self, line):
        if line["op"] not in ("send", "join", "leave", "query"):
            return say(op="error", of=line.get("id", 0), code="unsupported", definite=True)
        if EARLY and line["op"] == "send":
            self.mine.add(line["msg"])
            self.deliver({**line, "from": self.name, "sent": self.view})
        self.link.write(**{**line, "by": self.name, "from": self.name, "sent": self.view})

    def told(self, _, x):
        if x["op"] == "deliver" and x["msg"] not in self.mine:
            self.deliver(x)
        elif x["op"] == "view":
            self.view = x["view"]
            say(**x, group=self.group)
        elif x["op"] in ("done", "error"):
            say(**x)

    def deliver(self, x):
        say(op="deliver", group=self.group, msg=x["msg"], body=x["body"], view=x["sent"] if BROKEN else self.view, **{"from": x["from"]})


def harness(_, line):
    global node
    if line["op"] == "hello":
        say(**HELLO)
    elif line["op"] == "init":
        node = Node(line)
    else:
        node.ask(line)


node = None
Stream(0, harness)
while True:
    for key, _ in EVENTS.select():
        key.data.read()
