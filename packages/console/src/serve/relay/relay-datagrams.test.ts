/** Goal: questions for names go to this host's name servers, and nobody is heard who was not written to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostAddress } from "@stratos/host";
import type { RelayFrame } from "@stratos/host-browser/relay";
import { SimulatedNetwork } from "@stratos/host";
import { PolicySockets } from "@stratos/sdk/policy-sockets";
import { RelayDatagrams } from "./relay-datagrams.ts";
import type { RelayNote } from "./relay-link.ts";
import { relayPolicy } from "./relay-rules.ts";

const SERVERS = ["192.168.0.1", "192.168.0.2"];
const NAMES = { family: 4, address: "10.0.2.3", port: 53 } as const;
/** RFC 1035 §4: a question for `a.b`, of type A. */
const QUESTION = Uint8Array.of(7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 1, 98, 0, 0, 1, 0, 1);

function made() {
  const network = new SimulatedNetwork();
  const here = network.host([{ family: 4, address: "192.168.0.9", prefixLength: 24 }], SERVERS);
  const loop = { nowMs: () => 0, callSoon: (act: () => void) => network.later(act) };
  const policy = relayPolicy({ allow: [], deny: [{ deny: "evil.example" }] }, []);
  const frames: RelayFrame[] = [];
  const notes: RelayNote[] = [];
  const link = {
    send: (frame: RelayFrame) => void frames.push("bytes" in frame ? { ...frame, bytes: frame.bytes.slice() } : frame),
    hasRoom: true,
    soon: (act: () => void) => network.later(act),
    forget: () => {},
    note: (entry: RelayNote) => void notes.push(entry),
    violate: () => assert.fail("no rule was broken"),
  };
  const socket = new RelayDatagrams(link, 1, new PolicySockets(here, { policy, loop }, () => {}));
  /** A program elsewhere. */
  const bound = (address: string, port: number) => {
    const other = network.host([{ family: 4, address, prefixLength: 24 }]).create(4, "datagram", { changed() {} });
    assert.ok(typeof other !== "number");
    other.bind({ family: 4, address, port }, { reuseAddress: false, v6Only: false });
    network.deliver();
    return other;
  };
  const send = (to: HostAddress, bytes: Uint8Array): void => {
    socket.send(to, to, bytes);
    network.deliver();
  };
  return { network, frames, notes, socket, bound, send };
}

test("a question goes to a name server of this host, and asked again to the next", () => {
  const { network, frames, bound, send } = made();
  const servers = SERVERS.map((address) => bound(address, 53));
  const bytes = new Uint8Array(512);
  send(NAMES, QUESTION);
  assert.deepEqual(
    servers.map((server) => server.read(bytes, 0, 512, false)),
    [QUESTION.length, -11],
  );
  servers[0]!.write(Uint8Array.of(7, 7, 9), 0, 3, servers[0]!.lastSender);
  network.deliver();
  assert.deepEqual(frames, [{ kind: "datagram", id: 1, to: NAMES, bytes: Uint8Array.of(7, 7, 9) }]);
  send(NAMES, QUESTION);
  assert.equal(servers[1]!.read(bytes, 0, 512, false), QUESTION.length);
});

test("a name server's own address is no way around the rules", () => {
  const { frames, notes, bound, send } = made();
  const server = bound(SERVERS[0]!, 53);
  send({ family: 4, address: SERVERS[0]!, port: 53 }, QUESTION);
  assert.equal(server.readable(), false);
  assert.equal(frames[0]?.kind, "failed");
  assert.equal(notes[0]?.status, 403);
});

test("who was not written to is not heard", () => {
  const { network, frames, bound, send } = made();
  const [friend, stranger] = [bound("192.0.2.1", 1000), bound("192.0.2.2", 1000)];
  send({ family: 4, address: "192.0.2.1", port: 1000 }, Uint8Array.of(1));
  friend!.read(new Uint8Array(9), 0, 9, false);
  const back = friend!.lastSender;
  for (const [from, byte] of [
    [stranger!, 3],
    [friend!, 2],
  ] as const) {
    from.write(Uint8Array.of(byte), 0, 1, back);
    network.deliver();
  }
  assert.deepEqual(
    frames.map((frame) => ("bytes" in frame ? [...frame.bytes] : frame.kind)),
    [[2]],
  );
});
