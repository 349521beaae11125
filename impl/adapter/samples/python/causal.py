#!/usr/bin/env python3
"""Reliable causal multicast for `conform certify`, in lock-step: python3 causal.py [--broken]

Reliable: whoever receives a message for the first time hands it on to all before delivering it. Causal: a message waits
for what its sender had delivered before sending it (Birman, Schiper, Stephenson 1991). With --broken it does not wait.
"""
import base64
import json
import sys

BROKEN = "--broken" in sys.argv
HELLO = {"op": "hello", "protocol": 1, "name": "causal.py", "version": "1", "claims": ["reliable", "fifo", "causal"],
         "tolerates": ["crash", "crash-lossy", "pause", "delay", "duplicate", "reorder"], "network": "harness",
         "reset": True}


def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")


class Node:
    def __init__(self, init):
        self.me, self.group = init["node"], init["group"]
        self.sent = 0                                   # by this node
        self.done = {n: 0 for n in init["nodes"]}       # delivered, by sender
        self.seen = set()
        self.held = []

    def send(self, line):
        self.sent += 1
        needs = {**self.done, self.me: self.sent - 1}
        self.pack({"msg": line["msg"], "from": self.me, "needs": needs, "body": line["body"]})
        say(op="done", of=line["id"])

    def pack(self, message):
        data = base64.b64encode(json.dumps(message).encode()).decode()
        say(op="packet", group=self.group, data=data)   # also to ourselves

    def packet(self, line):
        message = json.loads(base64.b64decode(line["data"]))
        if message["msg"] in self.seen:
            return
        self.seen.add(message["msg"])
        if message["from"] != self.me:
            self.pack(message)
        self.held.append(message)
        while ready := next((m for m in self.held if self.may(m)), None):
            self.held.remove(ready)
            self.done[ready["from"]] += 1
            say(op="deliver", group=self.group, msg=ready["msg"], body=ready["body"], **{"from": ready["from"]})

    def may(self, m):
        return BROKEN or m["needs"][m["from"]] == self.done[m["from"]] and all(
            count <= self.done[n] for n, count in m["needs"].items())


node = None
for text in sys.stdin:
    line = json.loads(text)
    if line["op"] == "hello":
        say(**HELLO)
    else:
        if line["op"] == "init":
            node = Node(line)
            say(op="ready")
        elif line["op"] in ("send", "packet"):
            getattr(node, line["op"])(line)
        else:
            say(op="error", of=line.get("id", 0), code="unsupported", definite=True)
        say(op="idle")
    sys.stdout.flush()
