/**
 * Goal: targets of iptables do with marks what Linux does (net/netfilter/xt_connmark.c), in each revision that iptables
 * may choose, and matches see the same packets. Method: one of them with its structure, a packet and its connection.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  EINVAL,
  EOPNOTSUPP,
  Ip6tHlInfo,
  Ip6tRt,
  IptTtlInfo,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFTA_MATCH_INFO,
  NFTA_MATCH_NAME,
  NFTA_MATCH_REV,
  NFTA_TARGET_INFO,
  NFTA_TARGET_NAME,
  NFTA_TARGET_REV,
  type Struct,
  XtConnmarkTginfo1,
  XtConnmarkTginfo2,
} from "@stratos/abi";
import { checkExtension } from "../rules/extension.ts";
import { Expression, Table } from "../rules/ruleset.ts";
import type { Connection } from "../track/connection.ts";
import { PacketView } from "../track/packet-view.ts";
import { evaluateExtension } from "./evaluate-extension.ts";
import { MATCHED } from "./outcome.ts";
import type { Surroundings } from "./surroundings.ts";

const [SET, SAVE, RESTORE] = [0, 1, 2];
const [LEFT, RIGHT] = [0, 1];

/** Little-endian words or bytes at the places of a structure's fields. */
function infoOf(layout: Struct, fields: Readonly<Record<string, number>>): Uint8Array {
  const view = new DataView(new ArrayBuffer((layout.size + 7) & ~7));
  for (const { name, offset, type } of layout.fields)
    if (type.size === 4) view.setUint32(offset, fields[name] ?? 0, true);
    else if (type.size === 1) view.setUint8(offset, fields[name] ?? 0);
  return new Uint8Array(view.buffer);
}

/** @returns the marks of packet and connection afterwards; before they are 0x12 and 0x34 */
function connmark(revision: number, layout: Struct, fields: Readonly<Record<string, number>>): number[] {
  const target = new Expression("target", 0);
  target.values[NFTA_TARGET_NAME] = "CONNMARK";
  target.values[NFTA_TARGET_REV] = revision;
  target.values[NFTA_TARGET_INFO] = infoOf(layout, fields);
  const packet = new PacketView();
  const connection = { mark: 0x34 };
  packet.mark = 0x12;
  packet.connection = connection as Connection;
  evaluateExtension(target, packet, {} as Surroundings);
  return [packet.mark, connection.mark];
}

it("CONNMARK sets, saves and restores marks; its second revision shifts what it gives", () => {
  const all = { ctmask: 0xffffffff, nfmask: 0xffffffff };
  for (const [revision, layout] of [
    [1, XtConnmarkTginfo1],
    [2, XtConnmarkTginfo2],
  ] as const) {
    assert.deepEqual(connmark(revision, layout, { mode: SET, ctmark: 0x80000001, ctmask: 0xff }), [0x12, 0x80000001]);
    assert.deepEqual(connmark(revision, layout, { mode: SAVE, ...all }), [0x12, 0x12]);
    assert.deepEqual(connmark(revision, layout, { mode: SAVE, nfmask: 0x2, ctmask: 0xf }), [0x12, 0x32]);
    assert.deepEqual(connmark(revision, layout, { mode: RESTORE, ...all }), [0x34, 0x34]);
  }
  const shifted = (mode: number, shift_dir: number, shift_bits: number): number[] =>
    connmark(2, XtConnmarkTginfo2, { mode, shift_dir, shift_bits, ctmark: 0x8, ...all });
  assert.deepEqual(shifted(SET, RIGHT, 2), [0x12, 0x2]);
  assert.deepEqual(shifted(SAVE, LEFT, 28), [0x12, 0x20000000]);
  assert.deepEqual(shifted(RESTORE, RIGHT, 4), [0x3, 0x34]);
});

function matchOf(name: string, info: Uint8Array): Expression {
  const match = new Expression("match", 0);
  match.values[NFTA_MATCH_NAME] = name;
  match.values[NFTA_MATCH_REV] = 0;
  match.values[NFTA_MATCH_INFO] = info;
  return match;
}

function sees(name: string, info: Uint8Array, bytes: Uint8Array): boolean {
  const packet = new PacketView();
  packet.begin(bytes, 0, bytes.length);
  return evaluateExtension(matchOf(name, info), packet, {} as Surroundings) === MATCHED;
}

it("ttl and hl compare how many hops are left", () => {
  const v4 = Uint8Array.from(Buffer.from("450000140000000040fd0000c0000201c0000202", "hex"));
  const v6 = Uint8Array.from(Buffer.from(`6000000000003b40${"00".repeat(32)}`, "hex"));
  const answers = (given: number): boolean[][] =>
    [0, 1, 2, 3].map((mode) => [
      sees("ttl", infoOf(IptTtlInfo, { mode, ttl: given }), v4),
      sees("hl", infoOf(Ip6tHlInfo, { mode, hop_limit: given }), v6),
    ]);
  // Equal, another, less, more: of both.
  const column = (...each: boolean[]): boolean[][] => each.map((one) => [one, one]);
  assert.deepEqual(answers(64), column(true, false, false, false));
  assert.deepEqual(answers(65), column(false, true, true, false));
  assert.deepEqual(answers(63), column(false, true, false, true));
});

it("rt finds a routing header behind other headers, by type, length and segments left", () => {
  const [TYPE, SEGMENTS, LENGTH] = [1, 2, 4];
  const head = `6000000000100040${"00".repeat(32)}`;
  const options = "2b00000000000000",
    routing = "3b00020300000000";
  const packet = Uint8Array.from(Buffer.from(head + options + routing, "hex"));
  const rt = (fields: Readonly<Record<string, number>>, least = 0, most = 0xffffffff, bytes = packet): boolean => {
    const info = infoOf(Ip6tRt, fields);
    const view = new DataView(info.buffer);
    view.setUint32(Ip6tRt.offset.segsleft, least, true);
    view.setUint32(Ip6tRt.offset.segsleft + 4, most, true);
    return sees("rt", info, bytes);
  };
  assert.equal(rt({ flags: TYPE, rt_type: 2 }), true);
  assert.equal(rt({ flags: TYPE, rt_type: 0 }), false);
  assert.equal(rt({ flags: TYPE, rt_type: 0, invflags: TYPE }), true);
  assert.deepEqual([rt({}, 3, 3), rt({}, 4, 9), rt({ invflags: SEGMENTS }, 4, 9)], [true, false, true]);
  assert.deepEqual([rt({ flags: LENGTH, hdrlen: 8 }), rt({ flags: LENGTH, hdrlen: 16 })], [true, false]);
  assert.equal(rt({}, 0, 9, Uint8Array.from(Buffer.from(`6000000000003b40${"00".repeat(32)}`, "hex"))), false);
});

it("rt is refused as by Linux, and with addresses to compare", () => {
  const check = (fields: Readonly<Record<string, number>>, family: number = NFPROTO_IPV6): number =>
    checkExtension(new Table(family, "t", 1), null, matchOf("rt", infoOf(Ip6tRt, fields)));
  assert.equal(check({ flags: 1, rt_type: 0 }), 0);
  assert.equal(check({ invflags: 8 }), EINVAL);
  assert.equal(check({ flags: 8 }), EINVAL);
  assert.equal(check({ flags: 9, rt_type: 2 }), EINVAL);
  assert.equal(check({ flags: 9 }), 0);
  assert.equal(check({ flags: 0x11 }), EOPNOTSUPP);
  assert.notEqual(check({}, NFPROTO_IPV4), 0);
});
