/** Goal: lists of addresses do what Linux's do (net/netfilter/xt_recent.c). Method: packets and times of this test. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  EINVAL,
  XT_RECENT_CHECK,
  XT_RECENT_DEST,
  XT_RECENT_REAP,
  XT_RECENT_REMOVE,
  XT_RECENT_SET,
  XT_RECENT_TTL,
  XT_RECENT_UPDATE,
  XtRecentMtinfo,
  XtRecentMtinfoV1,
} from "@stratos/abi";
import { checkRecent } from "../rules/recent-match.ts";
import { PacketView } from "../track/packet-view.ts";
import { matchesRecent, RecentLists } from "./recent.ts";

interface Asked {
  readonly seconds?: number;
  readonly hits?: number;
  readonly invert?: boolean;
  readonly side?: number;
  readonly name?: string;
  readonly mask?: number;
}

function rule(flags: number, { seconds = 0, hits = 0, invert = false, side = 0, name = "k", mask }: Asked = {}) {
  const info = new Uint8Array(XtRecentMtinfoV1.size).fill(255, XtRecentMtinfoV1.offset.mask);
  const { offset } = XtRecentMtinfo;
  const view = new DataView(info.buffer);
  view.setUint32(offset.seconds, seconds, true);
  view.setUint32(offset.hit_count, hits, true);
  info.set([flags, invert ? 1 : 0], offset.check_set);
  info.set(Buffer.from(name, "latin1"), offset.name);
  info[offset.side] = side;
  if (mask !== undefined) info[XtRecentMtinfoV1.offset.mask + 3] = mask;
  return info;
}

/** Asks by packets from 10.0.0.`from` to 10.9.9.9. */
function asker(): (info: Uint8Array, from: number, second?: number, ttl?: number) => boolean {
  const lists = new RecentLists();
  return (info, from, second = 0, ttl = 64) => {
    const packet = new PacketView();
    const bytes = Uint8Array.of(0x45, 0, 0, 20, 0, 0, 0, 0, ttl, 17, 0, 0, 10, 0, 0, from, 10, 9, 9, 9);
    packet.begin(bytes, 0, 20);
    return matchesRecent(info, 1, packet, lists, second * 1e9);
  };
}

it("who was seen is in the list, until he is taken off", () => {
  const ask = asker();
  assert.equal(ask(rule(XT_RECENT_CHECK), 1), false);
  assert.equal(ask(rule(XT_RECENT_CHECK, { invert: true }), 1), true);
  assert.equal(ask(rule(XT_RECENT_SET), 1), true);
  assert.equal(ask(rule(XT_RECENT_CHECK), 1), true);
  assert.equal(ask(rule(XT_RECENT_CHECK), 2), false);
  assert.equal(ask(rule(XT_RECENT_CHECK, { name: "other" }), 1), false);
  assert.equal(ask(rule(XT_RECENT_CHECK, { mask: 0xf0 }), 2), false, "the list has whole addresses");
  assert.equal(ask(rule(XT_RECENT_REMOVE), 1), true);
  assert.equal(ask(rule(XT_RECENT_REMOVE), 1), false);
  ask(rule(XT_RECENT_SET, { mask: 0xf0 }), 33);
  assert.equal(ask(rule(XT_RECENT_CHECK, { mask: 0xf0 }), 34), true);
  ask(rule(XT_RECENT_SET, { side: XT_RECENT_DEST, name: "to" }), 3);
  assert.equal(ask(rule(XT_RECENT_CHECK, { side: XT_RECENT_DEST, name: "to" }), 4), true);
});

it("times that are long ago don't count, and updates make it longer", () => {
  const ask = asker();
  const twice = { seconds: 10, hits: 2 };
  ask(rule(XT_RECENT_SET), 1, 100);
  assert.equal(ask(rule(XT_RECENT_CHECK, twice), 1, 101), false);
  ask(rule(XT_RECENT_SET), 1, 105);
  assert.equal(ask(rule(XT_RECENT_CHECK, twice), 1, 106), true);
  assert.equal(ask(rule(XT_RECENT_CHECK, twice), 1, 112), false);
  assert.equal(ask(rule(XT_RECENT_UPDATE, { seconds: 10 }), 1, 112), true);
  assert.equal(ask(rule(XT_RECENT_UPDATE, { seconds: 10 }), 1, 121), true);
  assert.equal(ask(rule(XT_RECENT_CHECK, { seconds: 10 }), 1, 132), false);
  assert.equal(ask(rule(XT_RECENT_CHECK), 1, 1000), true);
});

it("a hop limit tells forged ones, the oldest goes when it is over, and for a new one", () => {
  const ask = asker();
  ask(rule(XT_RECENT_SET), 1, 0, 60);
  assert.equal(ask(rule(XT_RECENT_CHECK | XT_RECENT_TTL), 1, 0, 61), false);
  assert.equal(ask(rule(XT_RECENT_CHECK | XT_RECENT_TTL), 1, 0, 60), true);
  ask(rule(XT_RECENT_SET), 2, 20);
  assert.equal(ask(rule(XT_RECENT_CHECK | XT_RECENT_REAP, { seconds: 10 }), 2, 21), true);
  assert.equal(ask(rule(XT_RECENT_CHECK), 1, 21), false);
  for (let from = 3; from <= 102; from++) ask(rule(XT_RECENT_SET), from, 22);
  assert.equal(ask(rule(XT_RECENT_CHECK), 2, 23), false);
  assert.equal(ask(rule(XT_RECENT_CHECK), 3, 23), true);
});

it("what does not go together is refused", () => {
  const refused: [number, Asked?][] = [
    [0],
    [64 | XT_RECENT_SET],
    [XT_RECENT_SET | XT_RECENT_CHECK],
    [XT_RECENT_SET, { seconds: 1 }],
    [XT_RECENT_REMOVE, { hits: 1 }],
    [XT_RECENT_SET | XT_RECENT_TTL],
    [XT_RECENT_CHECK | XT_RECENT_REAP],
    [XT_RECENT_CHECK, { hits: 256 }],
    [XT_RECENT_CHECK, { name: "" }],
    [XT_RECENT_CHECK, { name: "a/b" }],
  ];
  for (const [flags, asked] of refused)
    assert.equal(checkRecent(rule(flags, asked)), EINVAL, JSON.stringify([flags, asked]));
  assert.equal(checkRecent(rule(XT_RECENT_UPDATE | XT_RECENT_TTL | XT_RECENT_REAP, { seconds: 1, hits: 255 })), 0);
});
