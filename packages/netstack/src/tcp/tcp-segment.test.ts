/** The bytes of segments: known answers, and what hostile bytes are read as. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { SeededRandom } from "@stratos/base";
import { ipOfText } from "../ip-text.ts";
import {
  ACK,
  SYN,
  tcpChecksum,
  TcpSegment,
  writeChecksum,
  writeHeader,
  writeMss,
  writeSackBlock,
  writeSackHead,
  writeSackPermitted,
  writeTimestamps,
  writeWindowScale,
} from "./tcp-segment.ts";

const HERE = ipOfText("10.0.0.1")!,
  THERE = ipOfText("10.0.0.2")!;

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

it("writes a SYN as Linux does, and reads it back", () => {
  const bytes = new Uint8Array(40);
  let at = writeMss(bytes, 20, 1460);
  at = writeSackPermitted(bytes, at);
  at = writeTimestamps(bytes, at, 0x01020304, 0);
  writeHeader(bytes, 40000, 80, 0x7ffffffe, 0, SYN, 64240, 0, at);
  writeChecksum(HERE, THERE, bytes, at);
  assert.equal(
    hex(bytes.subarray(0, at)),
    "9c4000507ffffffe00000000a002faf01a800000020405b4010104020101080a0102030400000000",
  );
  const segment = new TcpSegment();
  assert.ok(segment.read(HERE, THERE, bytes, 0, at));
  const { sourcePort, destinationPort, seq, window, mss, isSackPermitted, tsValue, size } = segment;
  assert.deepEqual(
    { sourcePort, destinationPort, seq, window, mss, isSackPermitted, tsValue, size },
    {
      sourcePort: 40000,
      destinationPort: 80,
      seq: 0x7ffffffe,
      window: 64240,
      mss: 1460,
      isSackPermitted: true,
      tsValue: 0x01020304,
      size: 1,
    },
  );
});

it("sums over IPv6 with its longer pseudo-header", () => {
  const bytes = new Uint8Array(23);
  writeHeader(bytes, 1, 2, 3, 4, ACK, 5, 0, 20);
  bytes.set([0xff, 0x80, 0x7f], 20);
  const [one, other] = [ipOfText("2001:db8::1")!, ipOfText("2001:db8::2")!];
  writeChecksum(one, other, bytes, 23);
  assert.equal(tcpChecksum(one, other, bytes, 0, 23), 0);
  assert.notEqual(tcpChecksum(HERE, THERE, bytes, 0, 23), 0);
  // RFC 1071 §2: the order of 16-bit words doesn't matter, each bit does.
  for (let bit = 0; bit < 23 * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.notEqual(tcpChecksum(one, other, bytes, 0, 23), 0);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});

it("reads SACK blocks, and passes over options that are cut short or of a wrong length", () => {
  const read = (options: number[], flags = ACK): TcpSegment => {
    const bytes = new Uint8Array(20 + options.length);
    bytes.set(options, 20);
    writeHeader(bytes, 1, 2, 3, 4, flags, 5, 0, bytes.length);
    writeChecksum(HERE, THERE, bytes, bytes.length);
    const segment = new TcpSegment();
    assert.ok(segment.read(HERE, THERE, bytes, 0, bytes.length));
    return segment;
  };
  const sack = new Uint8Array(12);
  writeSackBlock(sack, writeSackHead(sack, 0, 1), 100, -5);
  const { sackCount, sacks } = read([...sack]);
  assert.deepEqual([sackCount, sacks[0], sacks[1]], [1, 100, -5]);
  assert.equal(read([...sack], SYN).sackCount, 0, "a SYN has none");
  assert.equal(read([5, 3, 0, 0]).sackCount, 0);
  assert.equal(read([2, 4, 5, 180], SYN).mss, 1460);
  assert.equal(read([2, 4, 5, 180], ACK).mss, 0, "a SYN alone tells the MSS");
  assert.equal(read([2, 3, 5, 0], SYN).mss, 0);
  assert.equal(read([8, 10, 1, 2], SYN).hasTimestamps, false);
  assert.equal(read([254, 0, 2, 4], SYN).mss, 0, "a length of nothing ends them");
  assert.equal(read([0, 2, 4, 5], SYN).mss, 0);
  const scale = new Uint8Array(4);
  writeWindowScale(scale, 0, 200);
  assert.equal(read([...scale], SYN).windowScale, 14, "RFC 7323 §2.3");
});

it("refuses what is no segment, whatever the bytes", () => {
  const random = new SeededRandom(5);
  const segment = new TcpSegment();
  for (let run = 0; run < 20_000; run++) {
    const bytes = new Uint8Array(random.below(80));
    random.fill(bytes);
    const isRight = run % 2 === 0 && bytes.length >= 20;
    if (isRight) writeChecksum(HERE, THERE, bytes, bytes.length);
    const offset = (bytes[12]! >>> 4) * 4;
    const expected = isRight && offset >= 20 && offset <= bytes.length;
    if (isRight) assert.equal(segment.read(HERE, THERE, bytes, 0, bytes.length), expected);
    else segment.read(HERE, THERE, bytes, 0, bytes.length);
    if (expected) assert.ok(segment.dataAt + segment.dataLength === bytes.length);
    assert.equal(segment.read(HERE, THERE, bytes, 0, bytes.length + 1), false, "beyond the end");
  }
});
