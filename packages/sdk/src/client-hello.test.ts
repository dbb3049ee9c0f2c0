/** Goal: the host that TLS means is read however it comes, and nothing that a program sends is a fault. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, SeededRandom, utf8Of } from "@stratos/base";
import { HELLO_BYTES_MAX, readClientHello } from "./client-hello.ts";

const number = (value: number, width: number): Uint8Array =>
  Uint8Array.from({ length: width }, (_, at) => (value >> (8 * (width - 1 - at))) & 0xff);
const field = (width: number, ...parts: Uint8Array[]): Uint8Array => {
  const bytes = concatBytes(parts);
  return concatBytes([number(bytes.length, width), bytes]);
};
const nameExtension = (name: string): Uint8Array =>
  concatBytes([number(0, 2), field(2, field(2, number(0, 1), field(2, utf8Of(name))))]);
const other = concatBytes([number(43, 2), field(2, number(0x0304, 2))]);

function messageOf(extensions: Uint8Array[] | null): Uint8Array {
  const body = [number(0x0303, 2), new Uint8Array(32), field(1, new Uint8Array(32)), field(2, number(0x1301, 2))];
  body.push(field(1, number(0, 1)), ...(extensions === null ? [] : [field(2, ...extensions)]));
  return concatBytes([number(1, 1), field(3, ...body)]);
}

function recordsOf(message: Uint8Array, size = message.length): Uint8Array {
  const records: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += size)
    records.push(concatBytes([number(22, 1), number(0x0301, 2), field(2, message.subarray(at, at + size))]));
  return concatBytes(records);
}

test("the name of the host is read, in as many records and pieces as it comes", () => {
  const message = messageOf([other, nameExtension("API.example.test"), other]);
  for (const size of [message.length, 50, 7, 1]) {
    const bytes = recordsOf(message, size);
    assert.deepEqual(readClientHello(bytes), { serverName: "api.example.test" });
    for (let cut = 0; cut < bytes.length; cut++) assert.equal(readClientHello(bytes.subarray(0, cut)), "more");
  }
  assert.deepEqual(readClientHello(concatBytes([recordsOf(message), Uint8Array.of(20, 3, 3, 0, 1, 1)])), {
    serverName: "api.example.test",
  });
});

test("a program may name no host", () => {
  for (const extensions of [null, [], [other]])
    assert.deepEqual(readClientHello(recordsOf(messageOf(extensions))), { serverName: null });
});

test("what is no beginning of TLS is told at once", () => {
  const server = concatBytes([number(2, 1), field(3, new Uint8Array(40))]);
  for (const bytes of [utf8Of("GET / HTTP/1.1\r\n"), Uint8Array.of(22, 2), recordsOf(server), Uint8Array.of(21, 3)])
    assert.equal(readClientHello(bytes), null);
  const huge = concatBytes([number(1, 1), number(HELLO_BYTES_MAX + 1, 3), new Uint8Array(100)]);
  assert.equal(readClientHello(recordsOf(huge)), null);
  const short = messageOf([nameExtension("a.test")]);
  short[short.length - 8] = 200;
  assert.equal(readClientHello(recordsOf(short)), null);
});

test("no damage is a fault", () => {
  const random = new SeededRandom(Number(process.env.STRATOS_SEED ?? 7));
  const whole = recordsOf(messageOf([other, nameExtension("api.example.test")]));
  for (let round = 0; round < 2000; round++) {
    const bytes = whole.slice();
    for (let count = random.below(4); count >= 0; count--) bytes[random.below(bytes.length)] = random.below(256);
    const read = readClientHello(bytes);
    assert.ok(read === null || read === "more" || read.serverName === null || typeof read.serverName === "string");
  }
});
