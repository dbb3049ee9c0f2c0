/**
 * Goal: messages are read and written as GLib's are, in both orders of bytes; what is broken is a WireError, whatever
 * it is. Method: a message of every type that GLib 2.74 has written, and bytes of it that chance changes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { messageSize, readMessage, valuesOf, writeMessage } from "./message.ts";
import { typesOf } from "./signature.ts";
import { WireError } from "./value-reader.ts";
import { ValueWriter } from "./value-writer.ts";

const SIGNATURE = "ybnqiuxtdsogaya{sv}(is)aas";
const LITTLE =
  "6c01000198000000070000005d00000001016f00040000002f6f2f70000000000201730003000000782e5900000000000601730003000000" +
  "612e620000000000080167001a79626e716975787464736f676179617b73767d286973296161730003017300040000004563686f00000000" +
  "ff00000001000000fefffffffdffffff00286bee00000000fbffffffffffffff0000000000000080000000000000f83f0300000068c3a900" +
  "020000002f710005617b73767d00000002000000010200001c00000000000000010000006b00042861692900000000000800000001000000" +
  "020000000000000009000000010000007a0000001000000006000000010000006100000000000000";
const BIG =
  "4201000100000098000000070000005d01016f00000000042f6f2f70000000000201730000000003782e5900000000000601730000000003" +
  "612e620000000000080167001a79626e716975787464736f676179617b73767d286973296161730003017300000000044563686f00000000" +
  "ff00000000000001fffefffffffffffdee6b280000000000fffffffffffffffb80000000000000003ff80000000000000000000368c3a900" +
  "000000022f710005617b73767d00000000000002010200000000001c00000000000000016b00042861692900000000000000000800000001" +
  "000000020000000000000009000000017a0000000000001000000006000000016100000000000000";
const VALUES = [
  ...[255, true, -2, 65535, -3, 4_000_000_000, -5n, 1n << 63n, 1.5, "hé", "/q", "a{sv}", new Uint8Array([1, 2])],
  [["k", { signature: "(ai)", value: [[1, 2]] }]],
  [9, "z"],
  [["a"], []],
];

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g)!, (digits) => Number.parseInt(digits, 16));
}

for (const [order, hex] of [
  ["little", LITTLE],
  ["big", BIG],
] as const)
  test(`GLib's message is read, and its body written to the byte: ${order} end first`, () => {
    const bytes = bytesOf(hex);
    assert.equal(messageSize(bytes), bytes.length);
    const message = readMessage(bytes);
    const { type, serial, path, destination, member, signature, body, isLittle } = message;
    assert.deepEqual([type, serial, path, message.interface, destination], [1, 7, "/o/p", "x.Y", "a.b"]);
    assert.deepEqual([member, signature, isLittle], ["Echo", SIGNATURE, order === "little"]);
    assert.deepEqual(valuesOf(message), VALUES);
    const writer = new ValueWriter(isLittle);
    writer.values(SIGNATURE, VALUES);
    assert.deepEqual(writer.bytes, body);
    assert.deepEqual(readMessage(writeMessage(message).slice()), message);
  });

test("broken messages are refused, and nothing else happens", () => {
  const seed = Number(process.env["STRATOS_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed} (STRATOS_SEED repeats it)`);
  const random = new SeededRandom(seed);
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const bytes = bytesOf(random.below(2) === 0 ? LITTLE : BIG);
    for (let change = random.below(4); change >= 0; change--) bytes[random.below(bytes.length)] = random.below(256);
    const cut = random.below(4) === 0 ? bytes.slice(0, random.below(bytes.length)) : bytes;
    try {
      const size = messageSize(cut);
      if (size > 0 && size <= cut.length) readMessage(cut.slice(0, size));
    } catch (error) {
      assert.ok(error instanceof WireError, `${Buffer.from(cut).toString("hex")}: ${(error as Error).stack}`);
      refused++;
    }
  }
  assert.ok(refused > 1000, `${refused} were refused`);
});

test("signatures: complete types, as deep as the specification has them", () => {
  assert.deepEqual(typesOf("a{s(iv)}ad"), ["a{s(iv)}", "ad"]);
  assert.deepEqual(typesOf(""), []);
  assert.notEqual(typesOf("a".repeat(32) + "y"), null);
  for (const wrong of [
    "a",
    "()",
    "(i",
    "i)",
    "{sv}",
    "a{vs}",
    "a{s}",
    "a{sss}",
    "z",
    "a".repeat(33) + "y",
    "y".repeat(256),
  ])
    assert.equal(typesOf(wrong), null, wrong);
});
