#!/usr/bin/env node
// Reliable causal multicast for `conform certify`, in lock-step: node causal.js [--broken]
//
// Reliable: whoever receives a message for the first time hands it on to all before delivering it. Causal: a message waits
// for what its sender had delivered before sending it (Birman, Schiper, Stephenson 1991). With --broken a node forgets what
// it has seen, and delivers a copy that was handed on a second time.
'use strict';
const readline = require('node:readline');

const broken = process.argv.includes('--broken');
const hello = {
  op: 'hello', protocol: 1, name: 'causal.js', version: '1', claims: ['reliable', 'fifo', 'causal'],
  tolerates: ['crash', 'crash-lossy', 'pause', 'delay', 'duplicate', 'reorder'], network: 'harness', reset: true,
};
const encode = (x) => Buffer.from(JSON.stringify(x)).toString('base64');
const decode = (x) => JSON.parse(Buffer.from(x, 'base64').toString());

let answer = [];
const say = (line) => answer.push(JSON.stringify(line) + '\n');

class Node {
  constructor(init) {
    this.me = init.node;
    this.group = init.group;
    this.sent = 0; // by this node
    this.done = Object.fromEntries(init.nodes.map((n) => [n, 0])); // delivered, by sender
    this.seen = new Set();
    this.held = [];
  }

  send(line) {
    this.sent++;
    this.pack({ msg: line.msg, from: this.me, needs: { ...this.done, [this.me]: this.sent - 1 }, body: line.body });
    say({ op: 'done', of: line.id });
  }

  pack(message) { // to everyone, ourselves too
    say({ op: 'packet', group: this.group, data: encode(message) });
  }

  packet(line) {
    const message = decode(line.data);
    if (this.seen.has(message.msg)) {
      if (broken) this.deliver(message);
      return;
    }
    this.seen.add(message.msg);
    if (message.from !== this.me) this.pack(message);
    this.held.push(message);
    for (let i; (i = this.held.findIndex((m) => this.may(m))) >= 0;) {
      const [ready] = this.held.splice(i, 1);
      this.done[ready.from]++;
      this.deliver(ready);
    }
  }

  may(m) {
    return m.needs[m.from] === this.done[m.from] && Object.entries(m.needs).every(([n, count]) => count <= this.done[n]);
  }

  deliver(m) { say({ op: 'deliver', group: this.group, msg: m.msg, body: m.body, from: m.from }); }
}

let node;
readline.createInterface({ input: process.stdin }).on('line', (text) => {
  const line = JSON.parse(text);
  if (line.op === 'hello') say(hello);
  else {
    if (line.op === 'init') {
      node = new Node(line);
      say({ op: 'ready' });
    } else if (line.op === 'send' || line.op === 'packet') {
      node[line.op](line);
    } else say({ op: 'error', of: line.id ?? 0, code: 'unsupported', definite: true });
    say({ op: 'idle' });
  }
  process.stdout.write(answer.join(''));
  answer = [];
});
