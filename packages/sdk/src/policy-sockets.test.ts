/**
 * Goal: programs reach what the rules allow, by address, port and name, and nothing else; what is unclear is denied;
 * changed rules end what is open. Method: sockets that record what leaves, and answers of a name server by hand.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EAGAIN, ECONNRESET } from "@stratos/abi";
import type { HostAddress, HostSocket, HostSocketEvents, HostSocketType, SocketProvider } from "@stratos/host";
import type { NetPolicy } from "./api.ts";
import { PolicySockets } from "./policy-sockets.ts";
import { PRIVATE_NETWORKS } from "./private-networks.ts";

const SERVER: HostAddress = { family: 4, address: "192.0.2.53", port: 53 };

/** A host whose sockets say what they were asked. */
class RecordingHost {
  readonly said: string[] = [];
  /** What the next read gives. */
  incoming: { readonly bytes: Uint8Array; readonly from: HostAddress } | null = null;

  get provider(): SocketProvider {
    const socket = {
      connect: ({ address, port }: HostAddress) => (this.said.push(`connect ${address} ${port}`), 0),
      write: (_bytes: Uint8Array, _at: number, length: number) => (this.said.push(`write ${length}`), length),
      read: (bytes: Uint8Array, at: number) => {
        bytes.set(this.incoming!.bytes, at);
        return this.incoming!.bytes.length;
      },
      abort: () => void this.said.push("abort"),
      readable: () => false,
      ended: () => false,
      takeError: () => 0,
    };
    Object.defineProperty(socket, "lastSender", { get: () => this.incoming?.from ?? null });
    Object.defineProperty(socket, "lastLength", { get: () => this.incoming?.bytes.length ?? 0 });
    const create = (): HostSocket => socket as unknown as HostSocket;
    return { create, nameServers: () => [SERVER.address], localAddresses: () => [] };
  }
}

function open(policy: NetPolicy): {
  host: RecordingHost;
  sockets: PolicySockets;
  denied: string[];
  clock: { ms: number };
  socket(type: HostSocketType, events?: HostSocketEvents): HostSocket;
} {
  const host = new RecordingHost();
  const denied: string[] = [];
  const clock = { ms: 0 };
  const loop = { nowMs: () => clock.ms, callSoon: (act: () => void) => act() };
  const sockets = new PolicySockets(host.provider, { policy, loop }, ({ host: name, port, rule }) =>
    denied.push(`${name} ${port} ${rule}`),
  );
  const socket = (type: HostSocketType, events: HostSocketEvents = { changed: () => {} }): HostSocket =>
    sockets.create(4, type, events) as HostSocket;
  return { host, sockets, denied, clock, socket };
}

function connects(of: ReturnType<typeof open>, address: string, port: number): boolean {
  const family = address.includes(":") ? 6 : 4;
  const result = of.socket("stream").connect({ family, address, port });
  assert.ok(result === 0 || result === -EACCES);
  return result === 0;
}

/** @param answers  addresses; absent: it is a question */
function message(
  name: string,
  answers?: readonly { readonly bytes: readonly number[]; readonly seconds: number }[],
): Uint8Array {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  const head = [
    0,
    7,
    answers === undefined ? 1 : 0x81,
    answers === undefined ? 0 : 0x80,
    0,
    1,
    0,
    answers?.length ?? 0,
  ];
  const records = (answers ?? []).flatMap(({ bytes, seconds }) => [
    ...[0xc0, 12, 0, bytes.length === 4 ? 1 : 28, 0, 1],
    ...[24, 16, 8, 0].map((shift) => (seconds >>> shift) & 0xff),
    ...[0, bytes.length, ...bytes],
  ]);
  return Uint8Array.from([...head, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1, ...records]);
}

/** Asks the name server, which answers so; @returns what the program reads */
function resolve(of: ReturnType<typeof open>, name: string, bytes: readonly number[], seconds = 300): Uint8Array {
  const socket = of.socket("datagram");
  assert.equal(socket.connect(SERVER), 0);
  const query = message(name);
  assert.equal(socket.write(query, 0, query.length, null), query.length);
  of.host.incoming = { bytes: message(name, [{ bytes, seconds }]), from: SERVER };
  const into = new Uint8Array(512);
  return into.slice(0, socket.read(into, 0, into.length, false));
}

test("echoes have a rule of their own, no port, and let nobody in who speaks of them", () => {
  const of = open([
    { allow: "10.1.0.0/16", ports: [80] },
    { allow: "10.2.0.0/16", protocol: "udp" },
    { allow: "10.3.0.0/16", protocol: "icmp" },
    { deny: "10.4.0.0/16", ports: [80] },
    { allow: "10.4.0.0/16" },
  ]);
  const socket = of.socket("echo");
  const asks = (address: string): boolean =>
    socket.write(new Uint8Array(28), 0, 28, { family: 4, address, port: 0 }) === 28;
  assert.deepEqual(["10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1", "10.5.0.1"].map(asks), [
    false,
    false,
    true,
    true,
    false,
  ]);
  of.host.incoming = { bytes: new Uint8Array(28), from: { family: 4, address: "10.5.0.1", port: 0 } };
  assert.equal(socket.read(new Uint8Array(64), 0, 64, false), 28);
  assert.ok(!asks("10.5.0.1"));
  assert.ok(!connects(of, "10.3.0.1", 80));
});

test("the first rule that fits decides, by address, prefix, port and protocol; all else is denied, and told", () => {
  const of = open([
    { deny: "10.1.0.0/16" },
    { allow: "10.0.0.0/8", ports: [80, [8000, 8999]], protocol: "tcp" },
    { allow: "2001:db8::/32" },
  ]);
  assert.deepEqual(
    [
      ...[connects(of, "10.2.3.4", 80), connects(of, "10.2.3.4", 8500), connects(of, "::ffff:10.2.3.4", 80)],
      ...[connects(of, "2001:db8::1", 1), connects(of, "10.1.2.3", 80), connects(of, "10.2.3.4", 81)],
      ...[connects(of, "127.0.0.1", 80), connects(of, "2001:db9::1", 1)],
    ],
    [true, true, true, true, false, false, false, false],
  );
  assert.equal(
    of.socket("datagram").write(new Uint8Array(9), 0, 9, { family: 4, address: "10.2.3.4", port: 80 }),
    -EACCES,
  );
  assert.equal(of.host.said.length, 4);
  assert.deepEqual(of.denied, [
    "10.1.2.3 80 0",
    ...["10.2.3.4 81", "127.0.0.1 80", "2001:db9::1 1", "10.2.3.4 80"].map((what) => `${what} null`),
  ]);
});

test("a name is reached by the addresses that were given for it, as long as they live", () => {
  const of = open([{ allow: "*.example.org", ports: [443] }, { allow: "example.com" }]);
  assert.ok(!connects(of, "198.51.100.7", 443));
  resolve(of, "www.example.org", [198, 51, 100, 7]);
  assert.ok(connects(of, "198.51.100.7", 443));
  assert.ok(!connects(of, "198.51.100.7", 80));
  resolve(of, "Example.COM", [198, 51, 100, 8], 1);
  assert.ok(connects(of, "198.51.100.8", 1));
  of.clock.ms = 200_000;
  assert.deepEqual([connects(of, "198.51.100.7", 443), connects(of, "198.51.100.8", 1)], [true, false]);
});

test("localhost is the host's loopback, for which nobody asks a name server", () => {
  const of = open([{ deny: "localhost", ports: [443] }, { allow: "localhost" }]);
  const reached = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "10.2.3.4"].map((to) => connects(of, to, 80));
  assert.deepEqual(reached, [true, true, true, true, false]);
  assert.ok(!connects(of, "127.0.0.1", 443));
});

test("other names are refused without a question that leaves; what is no question is lost", () => {
  const of = open([{ allow: "example.org" }]);
  const socket = of.socket("datagram");
  socket.connect(SERVER);
  for (const name of ["evil.test", "example.org.evil.test", "notexample.org", "www.example.org"]) {
    const query = message(name);
    assert.equal(socket.write(query, 0, query.length, null), query.length);
    assert.ok(socket.readable());
    const into = new Uint8Array(512);
    const count = socket.read(into, 0, 512, false);
    assert.deepEqual([count, into[1], into[2]! & 0x80, into[3]! & 0xf], [query.length, 7, 0x80, 5], name);
    assert.deepEqual(socket.lastSender, SERVER);
  }
  socket.write(new Uint8Array(40).fill(0xff), 0, 40, null);
  assert.deepEqual(of.host.said, ["connect 192.0.2.53 53"]);
  assert.equal(of.denied.length, 4);
  assert.ok(!connects(of, SERVER.address, 53), "TCP to the name server");
});

test("a name does not lead into private networks, nor by an answer that nobody asked for", () => {
  const of = open([{ allow: "example.org" }]);
  for (const bytes of [
    [127, 0, 0, 1],
    [10, 0, 0, 1],
    [169, 254, 169, 254],
    [192, 168, 1, 1],
    [0, 0, 0, 0],
  ]) {
    resolve(of, "example.org", bytes);
    assert.ok(!connects(of, bytes.join("."), 80), bytes.join("."));
  }
  const socket = of.socket("datagram");
  of.host.incoming = { bytes: message("example.org", [{ bytes: [203, 0, 113, 1], seconds: 300 }]), from: SERVER };
  socket.read(new Uint8Array(512), 0, 512, false);
  assert.ok(!connects(of, "203.0.113.1", 80));
});

test("rules that change end the connections that they deny, and leave the others", () => {
  const of = open("allow");
  const told: string[] = [];
  const gone = of.socket("stream", { changed: () => told.push("gone") });
  const kept = of.socket("stream", { changed: () => told.push("kept") });
  gone.connect({ family: 4, address: "203.0.113.1", port: 80 });
  kept.connect({ family: 4, address: "203.0.113.2", port: 80 });
  of.sockets.update([{ allow: "203.0.113.2" }]);
  assert.deepEqual(told, ["gone"]);
  assert.deepEqual([gone.readable(), gone.takeError(), gone.ended(), kept.ended()], [true, ECONNRESET, false, false]);
  assert.equal(gone.read(new Uint8Array(1), 0, 1, false), -EAGAIN, "a cut is no end in order");
  assert.equal(gone.write(new Uint8Array(1), 0, 1, null), -ECONNRESET);
  assert.ok(of.host.said.includes("abort"));
  assert.throws(() => of.sockets.update([{ allow: "10.0.0.0/33" }]), { kind: "option" });
  assert.ok(connects(of, "203.0.113.2", 80) && !connects(of, "203.0.113.1", 80), "bad rules change nothing");
  for (const bad of [
    [{}],
    [{ allow: "a", deny: "b" }],
    [{ allow: "1.2.3" }],
    [{ allow: "a b" }],
    "maybe",
    [{ allow: "a", ports: [70000] }],
  ])
    assert.throws(() => open(bad as NetPolicy), { kind: "option" }, JSON.stringify(bad));
});

test("a peer that answers datagrams is written to as long as the rules allow it", () => {
  const of = open([{ allow: "example.org" }, { allow: "203.0.113.0/24" }]);
  const bytes = new Uint8Array(9);
  const peer: HostAddress = { family: 4, address: "203.0.113.9", port: 443 };
  const stranger: HostAddress = { family: 4, address: "192.0.2.7", port: 443 };
  const socket = of.socket("datagram");
  const hear = (from: HostAddress): void => {
    of.host.incoming = { bytes, from };
    socket.read(new Uint8Array(9), 0, 9, false);
  };
  resolve(of, "example.org", [198, 51, 100, 7], 60);
  const named: HostAddress = { family: 4, address: "198.51.100.7", port: 443 };
  const write = (to: HostAddress): number => socket.write(bytes, 0, 9, to);
  assert.deepEqual([write(peer), write(named), write(stranger)], [9, 9, -EACCES]);
  hear(peer);
  hear(stranger);
  of.clock.ms = 61_000;
  assert.deepEqual([write(peer), write(named), write(stranger)], [9, 9, 9], "a name's time ends no conversation");
  of.sockets.update("deny");
  hear(peer);
  assert.deepEqual([write(peer), write(named), write(stranger)], [-EACCES, -EACCES, -EACCES]);
});

test("a connection by name outlives the name's time, until no rule allows the name", () => {
  const of = open([{ allow: "example.org" }]);
  resolve(of, "example.org", [198, 51, 100, 7], 60);
  const socket = of.socket("stream");
  socket.connect({ family: 4, address: "198.51.100.7", port: 443 });
  of.clock.ms = 61_000;
  of.sockets.update([{ allow: "example.org" }, { allow: "example.com" }]);
  assert.equal(socket.takeError(), 0);
  of.sockets.update([{ allow: "example.com" }]);
  assert.equal(socket.takeError(), ECONNRESET);
});

test("an address that was given for a denied name stays denied", () => {
  const of = open([{ deny: "evil.test" }, { allow: "*" }]);
  resolve(of, "evil.test", [198, 51, 100, 7], 60);
  resolve(of, "later.test", [198, 51, 100, 8], 60);
  of.sockets.update([{ deny: "evil.test" }, { deny: "later.test" }, { allow: "*" }]);
  of.clock.ms = 100_000;
  assert.deepEqual([connects(of, "198.51.100.7", 443), connects(of, "198.51.100.8", 443)], [false, false]);
  of.sockets.update("allow");
  assert.ok(connects(of, "198.51.100.7", 443));
});

test("a denial of some ports denies no name", () => {
  const of = open([
    { deny: "*", ports: [25] },
    { deny: "*", protocol: "udp" },
    { allow: "*.example.org", ports: [443] },
  ]);
  assert.equal(resolve(of, "www.example.org", [198, 51, 100, 7])[3]! & 0xf, 0);
  assert.deepEqual([connects(of, "198.51.100.7", 443), connects(of, "198.51.100.7", 25)], [true, false]);
});

test("of the names of an address the latest are known", () => {
  const of = open([{ allow: "*.example.org" }]);
  for (let number = 0; number < 1000; number++) resolve(of, `n${number}.example.org`, [198, 51, 100, 7]);
  const names = of.sockets.namesOf({ address: "198.51.100.7" });
  assert.deepEqual([names.length, names.at(-1)], [16, "n999.example.org"]);
});

test("an IPv4 address in an IPv6 one is denied with it, and is private with it", () => {
  const of = open([{ deny: "10.0.0.0/8" }, { allow: "*" }]);
  for (const address of ["64:ff9b::a00:1", "::10.0.0.1", "2002:a00:1::1", "::ffff:a00:1"])
    assert.ok(!connects(of, address, 80), address);
  for (const address of ["64:ff9b::c633:6407", "2001:db8::a00:1", "::1"]) assert.ok(connects(of, address, 80), address);
  const byName = open([{ allow: "example.org" }]);
  const translated = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1];
  for (const bytes of [translated, [198, 18, 0, 1], [240, 0, 0, 1]]) resolve(byName, "example.org", bytes);
  const addresses = ["64:ff9b::a00:1", "198.18.0.1", "240.0.0.1"];
  assert.deepEqual(
    addresses.map((address) => connects(byName, address, 80)),
    [false, false, false],
  );
});

test("a fork's rules are its own, and so is what they deny; names are known in both", () => {
  const of = open([{ allow: "example.org" }]);
  resolve(of, "example.org", [198, 51, 100, 7]);
  const denied: string[] = [];
  const loop = { nowMs: () => of.clock.ms, callSoon: (act: () => void) => act() };
  const fork = of.sockets.fork({ policy: [{ allow: "example.org" }], loop }, ({ host }) => denied.push(host));
  const reaches = (sockets: PolicySockets, address: string): boolean =>
    (sockets.create(4, "stream", { changed() {} }) as HostSocket).connect({ family: 4, address, port: 1 }) === 0;
  assert.ok(reaches(fork, "198.51.100.7"));
  assert.ok(!reaches(fork, "203.0.113.1"));
  fork.update("allow");
  assert.deepEqual([reaches(fork, "203.0.113.1"), reaches(of.sockets, "203.0.113.2")], [true, false]);
  assert.deepEqual([denied, of.denied], [["203.0.113.1"], ["203.0.113.2 1 null"]]);
});

test("what is no private network is the internet; neighbours hear no datagram either", () => {
  const of = open([...PRIVATE_NETWORKS.map((deny) => ({ deny })), { allow: "*" }]);
  const reached = (addresses: readonly string[]): string[] =>
    addresses.filter((address) => {
      const to: HostAddress = { family: address.includes(":") ? 6 : 4, address, port: 1900 };
      return connects(of, address, 80) || of.socket("datagram").write(new Uint8Array(9), 0, 9, to) === 9;
    });
  const outside = ["1.1.1.1", "192.0.1.1", "223.255.255.255", "2606:4700::1", "64:ff9b::101:101", "2002:101:101::"];
  assert.deepEqual(reached(outside), outside);
  assert.deepEqual(
    reached([
      ...["0.0.0.0", "10.1.1.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.8"],
      ...["192.168.1.1", "198.18.0.1", "224.0.0.251", "239.1.2.3", "240.0.0.1", "255.255.255.255"],
      ...["::", "::1", "fc00::1", "fe80::1", "fec0::1", "ff02::fb", "64:ff9b:1::a00:1", "64:ff9b::10.0.0.1"],
      ...["::ffff:127.0.0.1", "::ffff:224.0.0.251", "2002:a00:1::", "::10.0.0.1"],
    ]),
    [],
  );
});
