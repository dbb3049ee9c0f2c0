/**
 * Goal: targets of iptables do with marks what Linux does (net/netfilter/xt_connmark.c), in each revision that iptables
 * may choose. Method: the target with its structure, a packet and its connection.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  NFTA_TARGET_INFO,
  NFTA_TARGET_NAME,
  NFTA_TARGET_REV,
  type Struct,
  XtConnmarkTginfo1,
  XtConnmarkTginfo2,
} from "@stratos/abi";
import { Expression } from "../rules/ruleset.ts";
import type { Connection } from "../track/connection.ts";
import { PacketView } from "../track/packet-view.ts";
import { evaluateExtension } from "./evaluate-extension.ts";
import type { Surroundings } from "./surroundings.ts";

const [SET, SAVE, RESTORE] = [0, 1, 2];
const [LEFT, RIGHT] = [0, 1];

/** @returns the marks of packet and connection afterwards; before they are 0x12 and 0x34 */
function connmark(revision: number, layout: Struct, fields: Readonly<Record<string, number>>): number[] {
  const view = new DataView(new ArrayBuffer((layout.size + 7) & ~7));
  for (const { name, offset, type } of layout.fields)
    if (type.size === 4) view.setUint32(offset, fields[name] ?? 0, true);
    else view.setUint8(offset, fields[name] ?? 0);
  const target = new Expression("target", 0);
  target.values[NFTA_TARGET_NAME] = "CONNMARK";
  target.values[NFTA_TARGET_REV] = revision;
  target.values[NFTA_TARGET_INFO] = new Uint8Array(view.buffer);
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
