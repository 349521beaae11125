#!/usr/bin/env python3
"""A Maelstrom broadcast node, for `conform certify --protocol maelstrom` as for Maelstrom itself: python3 broadcast.py
[--once] [--broken=lost|duplicate|phantom]

Whoever sees a number for the first time hands it on to all its neighbours, again and again until they say that they have it.
With --once each is told only once: that needs no timer, and a network that loses nothing. With --broken it forgets a number
(lost), keeps one that it has already (duplicate), or makes one up (phantom).
"""
import json
import os
import select
import sys
import time

ONCE = "--once" in sys.argv
BROKEN = next((a[len("--broken="):] for a in sys.argv if a.startswith("--broken=")), "")
AGAIN = 0.1  # seconds


class Node:
    def __init__(self):
        self.me, self.near, self.last = "", [], 0
        self.have, self.told = [], {}  # told: by neighbour and number, when it is told again

    def say(self, dest, **body):
        sys.stdout.write(json.dumps({"src": self.me, "dest": dest, "body": body}) + "\n")

    def reply(self, request, **body):
        self.say(request["src"], in_reply_to=request["body"]["msg_id"], **body)

    def take(self, line):
        body = line["body"]
        {"init": self.init, "topology": self.topology, "broadcast": self.broadcast, "read": self.read,
         "spread": self.spread, "spread_ok": self.spread_ok}[body["type"]](line, body)
        sys.stdout.flush()

    def init(self, line, body):
        self.me = body["node_id"]
        self.near = [n for n in body["node_ids"] if n != self.me]
        self.reply(line, type="init_ok")

    def topology(self, line, body):
        self.near = body["topology"][self.me]
        self.reply(line, type="topology_ok")

    def broadcast(self, line, body):
        self.keep(body["message"], None)
        self.reply(line, type="broadcast_ok")

    def read(self, line, body):
        self.reply(line, type="read_ok", messages=self.have)

    def spread(self, line, body):
        self.say(line["src"], type="spread_ok", message=body["message"])
        self.keep(body["message"], line["src"])

    def spread_ok(self, line, body):
        self.told.pop((line["src"], body["message"]), None)

    def keep(self, number, source):
        if number in self.have:
            if BROKEN == "duplicate" and source:
                self.have.append(number)
            return
        if BROKEN == "lost" and source and self.have:
            return
        self.have.append(number)
        if BROKEN == "phantom" and source and len(self.have) > 1:
            self.have.append(number + 1000)
        for n in self.near:
            if n != source:
                self.told[n, number] = time.monotonic() + AGAIN
                self.say(n, type="spread", message=number)

    def again(self):
        now = time.monotonic()
        for (n, number), due in self.told.items():
            if due <= now:
                self.told[n, number] = now + AGAIN
                self.say(n, type="spread", message=number)
        sys.stdout.flush()

    def patience(self):
        """How long to wait for a line, in seconds; None: for ever."""
        if ONCE or not self.told:
            return None
        return max(0, min(self.told.values()) - time.monotonic())


def main():
    node, rest = Node(), b""
    while True:
        if select.select([0], [], [], node.patience())[0]:
            more = os.read(0, 65536)
            if not more:
                return
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                node.take(json.loads(line))
        if not ONCE:
            node.again()


if __name__ == "__main__":
    main()
