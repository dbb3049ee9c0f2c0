/**
 * Goal: whatever programs ask and whatever packets come, nothing breaks, and what is refused leaves no trace. Method:
 * recorded requests with damaged bytes, damaged packets and frames through rules of all kinds, from one seed,
 * and attributes as deep and as many as a message can have.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { it } from "node:test";
import { SeededRandom } from "@stratos/base";
import { Client } from "../testing/client.ts";

const FOLDER = new URL("../testing/recorded/", import.meta.url);

function requestsOf(file: string): Uint8Array[] {
  const { exchanges } = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as { exchanges: { sent: string }[] };
  return exchanges.map(({ sent }) => Uint8Array.from(Buffer.from(sent, "hex")));
}

const ALL = readdirSync(FOLDER).toSorted().flatMap(requestsOf);
/** NFT_MSG_GET*, as dumps. */
const DUMPS = [1, 4, 7, 10, 19].map((message) =>
  Uint8Array.of(20, 0, 0, 0, message, 10, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
);

const stateOf = (client: Client): string =>
  DUMPS.flatMap((dump) => client.send(dump))
    .map((one) => Buffer.from(one).toString("hex"))
    .join();

it("damaged requests are answered, and batches that fail change nothing", () => {
  const random = new SeededRandom(75);
  let refused = 0;
  for (let round = 0; round < 400; round++) {
    const client = new Client();
    for (let step = 0; step < 6; step++) {
      const bytes = ALL[random.below(ALL.length)]!.slice();
      for (let count = random.below(4); count > 0; count--) bytes[random.below(bytes.length)] = random.below(256);
      const before = stateOf(client);
      const answers = client.send(bytes);
      const isBatch = bytes[4] === 16 && bytes[5] === 0;
      const hasFailed = answers.some((one) => one[4] === 2 && one[5] === 0 && one[19] !== 0);
      if (!isBatch || !hasFailed) continue;
      refused++;
      // But for the number of the ruleset, which rises when something was done.
      assert.equal(stateOf(client), before);
    }
  }
  assert.ok(refused > 100, `${refused} batches failed`);
});

it("damaged packets pass, or are dropped", () => {
  const random = new SeededRandom(76);
  const client = new Client();
  for (const bytes of [
    ...requestsOf("ruleset.json"),
    ...requestsOf("expressions.json"),
    ...requestsOf("iptables.json"),
  ])
    client.send(bytes);
  const { netfilter } = client;
  assert.ok(netfilter.isActive);
  const counts = [0, 0, 0];
  for (let round = 0; round < 20_000; round++) {
    const packet = samplePacket(random);
    client.nowNs += random.below(1e9);
    const incoming = random.below(2) === 0;
    let verdict = incoming
      ? netfilter.incoming(packet, 0, packet.length, 1, false)
      : netfilter.outgoing(packet, 0, packet.length, 1);
    if (verdict === 0) verdict = incoming ? netfilter.local() : netfilter.leaving(2);
    counts[verdict]!++;
  }
  assert.ok(
    counts.every((count) => count > 0),
    `passed, dropped, refused: ${counts}`,
  );
});

it("damaged frames pass, or are dropped, at devices, bridges and ARP", () => {
  const random = new SeededRandom(77);
  const client = new Client();
  for (const bytes of requestsOf("families.json").slice(0, -1)) client.send(bytes);
  const { netfilter } = client;
  assert.ok(netfilter.seesFrames);
  const counts = { passed: 0, dropped: 0 };
  for (let round = 0; round < 20_000; round++) {
    const headerSize = random.below(4) === 0 ? 0 : 14;
    const packet = samplePacket(random);
    const frame = new Uint8Array(headerSize + random.below(packet.length + 1));
    frame.set(packet.subarray(0, frame.length - headerSize), headerSize);
    if (frame.length > headerSize && random.below(3) === 0) frame[headerSize] = random.below(256);
    const etherType = [0x0800, 0x86dd, 0x0806, 0x8100, random.below(0x10000)][random.below(5)]!;
    const how = { headerSize, etherType, frameType: random.below(4), inDevice: 1, outDevice: 1 };
    const passes =
      random.below(8) === 0
        ? netfilter.arp(frame, headerSize, 1, random.below(2) === 0)
        : netfilter.framePasses(5 + random.below(7), frame, how);
    counts[passes ? "passed" : "dropped"]++;
  }
  assert.ok(counts.passed > 100 && counts.dropped > 100, JSON.stringify(counts));
});

/** One attribute: `struct nlattr`, and what is in it. */
function attribute(type: number, ...parts: (Uint8Array | number[])[]): Uint8Array {
  const value = Uint8Array.from(parts.flatMap((part) => [...part, ...new Array<number>(-part.length & 3).fill(0)]));
  const size = value.length + 4;
  return Uint8Array.from([size & 255, size >> 8, type & 255, type >> 8, ...value]);
}

const text = (words: string): number[] => [...words].map((letter) => letter.charCodeAt(0)).concat(0);

/** A batch with one message of nf_tables for `table ip t`. */
function batch(message: number, flags: number, ...attributes: Uint8Array[]): Uint8Array {
  const one = (type: number, how: number, body: number[]): number[] => {
    const size = 16 + body.length;
    return [size & 255, (size >> 8) & 255, size >> 16, 0, type & 255, type >> 8, how & 255, how >> 8]
      .concat(new Array<number>(8).fill(0))
      .concat(body);
  };
  const head = [0, 0, 0, 10];
  const body = attributes.flatMap((each) => [...each]);
  return Uint8Array.from([
    ...one(0x10, 1, head),
    ...one(0x0a00 | message, flags, [2, 0, 0, 0, ...body]),
    ...one(0x11, 1, head),
  ]);
}

/** A piece so often in itself; its attributes that begin at `lengths` go to the end of all. */
function nested(piece: Uint8Array, lengths: readonly number[], count: number): Uint8Array {
  const bytes = new Uint8Array(piece.length * count);
  for (let at = 0; at < bytes.length; at += piece.length) {
    bytes.set(piece, at);
    for (const place of lengths) {
      const length = bytes.length - at - place;
      bytes[at + place] = length & 255;
      bytes[at + place + 1] = length >> 8;
    }
  }
  return bytes;
}

const errorsOf = (answers: readonly Uint8Array[]): number[] =>
  answers.filter((one) => one[4] === 2 && one[5] === 0).map((one) => new DataView(one.buffer).getInt32(16, true));

it("attributes nested as deep as a message goes, longer than what holds them, or one over another are refused", () => {
  const client = new Client();
  assert.deepEqual(errorsOf(client.send(batch(0, 0x401, attribute(1, text("t"))))), []);
  const chain = [attribute(1, text("t")), attribute(3, text("c"))];
  assert.deepEqual(errorsOf(client.send(batch(3, 0x401, ...chain))), []);
  const before = stateOf(client);
  const rule = (expressions: Uint8Array): number[] =>
    errorsOf(client.send(batch(6, 0xc01, attribute(1, text("t")), attribute(2, text("c")), expressions)));
  // dynset may have an expression, and that is a dynset …
  const name = attribute(1, text("dynset"));
  const level = attribute(0x8007, name, attribute(0x8002));
  const deep = nested(level, [0, level.length - 4], 3000);
  const outer = attribute(0x8004, attribute(0x8001, name, attribute(0x8002, deep)));
  assert.ok(rule(outer)[0]! < 0, "3,000 deep");
  assert.ok(rule(attribute(0x8004, nested(attribute(0x8001), [0], 16_000)))[0]! < 0, "16,000 deep");
  const tooLong = attribute(0x8004, attribute(0x8001, attribute(1, text("counter"))));
  tooLong[4] = 255;
  assert.deepEqual(rule(tooLong), [-22]);
  const overlapping = attribute(0x8004, attribute(0x8001, attribute(1, text("counter"))), attribute(0x8001));
  overlapping[0] = 8;
  assert.ok(rule(overlapping)[0]! < 0);
  assert.equal(stateOf(client), before);
});

/** Of IPv4, with a header that says what is there. */
function samplePacket(random: SeededRandom): Uint8Array {
  const packet = new Uint8Array(20 + random.below(80));
  for (let at = 0; at < packet.length; at++) packet[at] = random.below(256);
  packet[0] = 0x45;
  packet[2] = 0;
  packet[3] = packet.length;
  packet[6] = packet[7] = 0;
  packet[9] = [1, 6, 17, 58, 132][random.below(5)]!;
  if (packet.length > 23) packet[22] = 3 + random.below(4);
  packet.set([9 + random.below(3), 0, 0, random.below(4)], 12);
  packet.set([10, 0, 0, random.below(4)], 16);
  return packet;
}
