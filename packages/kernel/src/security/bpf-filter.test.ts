/**
 * Goal: a program that passes the check runs to its end, whatever it is. Method: random programs, mostly near to legal
 * ones; the seed is in the message.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EINVAL,
  SKF_AD_IFINDEX,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
  SKF_AD_PROTOCOL,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { BpfFilter, type Instruction, RECORD_WORDS } from "./bpf-filter.ts";

const RET_K = 0x06;
const LD_ABS = 0x20;
const CODES = [
  0x20, 0x80, 0x81, 0x00, 0x01, 0x60, 0x61, 0x02, 0x03, 0x07, 0x87, 0x06, 0x16, 0x84, 0x05, 0x04, 0x14, 0x24, 0x34,
  0x44, 0x54, 0x64, 0x74, 0xa4, 0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x6c, 0x7c, 0xac, 0x15, 0x25, 0x35, 0x45, 0x1d,
  0x2d, 0x3d, 0x4d,
];
const PACKET_CODES = [...CODES, 0x28, 0x30, 0x40, 0x48, 0x50, 0xb1, 0x94, 0x9c];

test("random programs are refused, or return a word", () => {
  const seed = 20;
  const random = new SeededRandom(seed);
  const below = (most: number): number => random.below(most);
  const record = new Uint32Array(RECORD_WORDS);
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    const length = 1 + below(12);
    const program: Instruction[] = [];
    for (let at = 0; at < length; at++)
      program.push({
        code: below(50) === 0 ? random.u32() & 0xffff : CODES[below(CODES.length)]!,
        jt: below(6),
        jf: below(6),
        k: below(3) === 0 ? random.u32() >>> 0 : below(16) * 4,
      });
    if (below(10) > 0) program[length - 1] = { code: RET_K, jt: 0, jf: 0, k: round };
    const filter = BpfFilter.check(program);
    if (typeof filter === "number") continue;
    accepted++;
    for (let word = 0; word < RECORD_WORDS; word++) record[word] = random.u32();
    const result = filter.run(record);
    assert.ok(
      Number.isInteger(result) && result >= 0 && result <= 0xffffffff,
      `seed ${seed}, round ${round}: ${JSON.stringify(program)} returned ${result}`,
    );
  }
  assert.ok(accepted > 500, `only ${accepted} programs were legal`);
});

test("random programs over packets are refused, or return a word, wherever they look", () => {
  const seed = 21;
  const random = new SeededRandom(seed);
  const below = (most: number): number => random.below(most);
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    const program: Instruction[] = Array.from({ length: 1 + below(12) }, () => ({
      code: PACKET_CODES[below(PACKET_CODES.length)]!,
      jt: below(4),
      jf: below(4),
      k: below(3) === 0 ? (below(2) === 0 ? 0xffe00000 + below(1 << 21) : random.u32() >>> 0) : below(24),
    }));
    program.push({ code: RET_K, jt: 0, jf: 0, k: round });
    const filter = BpfFilter.check(program, true);
    if (typeof filter === "number") continue;
    accepted++;
    const bytes = Uint8Array.from({ length: 8 + below(40) }, () => below(256));
    const places = { start: below(8), link: below(3) - 1, network: below(12) - 1 };
    const about = { protocol: 0x800, packetType: 0, interfaceIndex: 1, hardwareType: 772 };
    const result = filter.run(new Uint32Array(0), { bytes, ...places, ...about });
    assert.ok(
      Number.isInteger(result) && result >= 0 && result <= 0xffffffff,
      `seed ${seed}, round ${round}: ${JSON.stringify(program)} returned ${result}`,
    );
  }
  assert.ok(accepted > 500, `only ${accepted} programs were legal`);
});

test("a filter of packets may ask for what there is to know about them, and for nothing else", () => {
  const program = (at: number): Instruction[] => [
    { code: LD_ABS, jt: 0, jf: 0, k: SKF_AD_OFF + at },
    { code: RET_K, jt: 0, jf: 0, k: 1 },
  ];
  for (const known of [SKF_AD_PROTOCOL, SKF_AD_PKTTYPE, SKF_AD_IFINDEX])
    assert.ok(BpfFilter.check(program(known), true) instanceof BpfFilter, `SKF_AD_OFF + ${known}`);
  for (const unknown of [1, 0xff0]) assert.equal(BpfFilter.check(program(unknown), true), -EINVAL);
});

test("a filter of packets reads from the first byte to the last, and what lies beyond ends it", () => {
  const bytes = Uint8Array.of(0x11, 0x22, 0x33, 0x44, 0x55);
  const about = { protocol: 0x800, packetType: 0, interfaceIndex: 1, hardwareType: 772 };
  const load = (code: number, k: number): number => {
    const program = [
      { code, jt: 0, jf: 0, k },
      { code: 0x16, jt: 0, jf: 0, k: 0 },
    ];
    const filter = BpfFilter.check(program, true);
    assert.ok(typeof filter !== "number");
    return filter.run(new Uint32Array(0), { bytes, start: 0, link: 0, network: 0, ...about });
  };
  assert.deepEqual([load(0x30, 0), load(0x28, 0), load(0x20, 0)], [0x11, 0x1122, 0x11223344]);
  assert.deepEqual([load(0x30, 4), load(0x28, 3), load(0x20, 1)], [0x55, 0x4455, 0x22334455]);
  assert.deepEqual([load(0x30, 5), load(0x28, 4), load(0x20, 2)], [0, 0, 0]);
  // Both headers begin with the packet here.
  assert.deepEqual([load(0x28, SKF_LL_OFF), load(0x28, SKF_NET_OFF + 2)], [0x1122, 0x3344]);
});
