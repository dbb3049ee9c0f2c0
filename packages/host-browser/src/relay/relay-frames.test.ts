/** Goal: frames come back as they were, and whatever else comes is refused, never thrown at. Chance is seeded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ECONNREFUSED } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import {
  DATA_MAX,
  FRAME_MAX,
  parseRelayFrame,
  RELAY_PROTOCOL,
  type RelayFrame,
  relayFrame,
  relayProtocols,
  relayToken,
  WINDOW_BYTES,
} from "./relay-frames.ts";

const V4 = { family: 4, address: "192.0.2.7", port: 443 } as const;
const V6 = { family: 6, address: "2001:db8::1", port: 65535 } as const;
const FRAMES: readonly RelayFrame[] = [
  { kind: "connect", id: 1, to: V4 },
  { kind: "connect", id: 0xffffffff, to: V6 },
  { kind: "open", id: 2 },
  { kind: "connected", id: 3 },
  { kind: "failed", id: 4, errno: ECONNREFUSED, words: "nobody listens – dort" },
  { kind: "data", id: 5, bytes: Uint8Array.of(0, 1, 255) },
  { kind: "credit", id: 6, count: WINDOW_BYTES },
  { kind: "finish", id: 7 },
  { kind: "datagram", id: 8, to: V6, bytes: new Uint8Array() },
  { kind: "close", id: 9 },
  { kind: "reset", id: 10 },
];

test("a frame comes back as it was", () => {
  for (const frame of FRAMES) assert.deepEqual(parseRelayFrame(relayFrame(frame)), frame);
});

test("an IPv4 address in an IPv6 one is that IPv4 address, however it was written", () => {
  for (const address of ["::ffff:127.0.0.1", "0:0:0:0:0:FFFF:7f00:1"]) {
    const read = parseRelayFrame(relayFrame({ kind: "connect", id: 1, to: { family: 6, address, port: 80 } }));
    assert.deepEqual(read, { kind: "connect", id: 1, to: { family: 4, address: "127.0.0.1", port: 80 } });
  }
});

test("what is too short, too long, of no socket or of no kind is no frame", () => {
  const credit = relayFrame({ kind: "credit", id: 1, count: 1 });
  const wrong = [
    new Uint8Array(),
    Uint8Array.of(4, 0, 0, 0),
    Uint8Array.of(10, 0, 0, 0, 1),
    Uint8Array.of(255, 0, 0, 0, 1),
    relayFrame({ kind: "open", id: 0 }),
    relayFrame({ kind: "data", id: 1, bytes: new Uint8Array() }),
    relayFrame({ kind: "data", id: 1, bytes: new Uint8Array(DATA_MAX + 1) }),
    relayFrame({ kind: "datagram", id: 1, to: V4, bytes: new Uint8Array(FRAME_MAX) }),
    relayFrame({ kind: "credit", id: 1, count: 0 }),
    relayFrame({ kind: "credit", id: 1, count: WINDOW_BYTES + 1 }),
    relayFrame({ kind: "failed", id: 1, errno: 0, words: "" }),
    relayFrame({ kind: "failed", id: 1, errno: 5000, words: "" }),
    credit.subarray(0, -1),
    Uint8Array.of(...credit, 0),
    Uint8Array.of(...relayFrame({ kind: "close", id: 1 }), 0),
  ];
  for (const message of wrong) assert.equal(parseRelayFrame(message), null, String(message.slice(0, 20)));
});

test("a hundred thousand messages of chance throw nothing", () => {
  const seed = Number(process.env["STRATOS_SEED"] ?? 14);
  const random = new SeededRandom(seed);
  for (let count = 0; count < 100_000; count++) {
    const message = Uint8Array.from({ length: random.below(40) }, () => random.below(256));
    if (message.length > 0) message[0] = random.below(12);
    const frame = parseRelayFrame(message);
    if (frame !== null && frame.kind !== "failed") assert.deepEqual(relayFrame(frame), message, `seed ${seed}`);
  }
});

test("any token passes through the handshake, and what a page did not offer is none", () => {
  for (const token of ["abc", "a b/c+d=,", "schlüssel ✓", ""]) {
    const offered = relayProtocols(token);
    assert.match(offered.join(), /^[\w.,-]*$/);
    assert.equal(relayToken(offered.join(", ")), token);
  }
  for (const offered of ["", RELAY_PROTOCOL, "bearer.YQ", `${RELAY_PROTOCOL}, bearer.%`, "other, bearer.YQ"])
    assert.equal(relayToken(offered), null, offered);
});
