/**
 * Random messages of netlink(7): heads of each family's kinds, and attributes within attributes. What they are made of
 * is random, their lengths seldom.
 */
import type { SeededRandom } from "@stratos/base";

/** By the socket's protocol: kinds of messages, and bytes of the head that follows `struct nlmsghdr`. */
const FAMILIES = [
  { types: range(16, 120), heads: [1, 4, 8, 12, 16, 20] },
  // nfnetlink: a subsystem in the upper byte; batches begin and end by 16 and 17.
  {
    types: [16, 17, ...[0, 1, 2, 3, 5, 6, 8, 10, 11, 12].flatMap((system) => range(system << 8, (system << 8) + 34))],
    heads: [4],
  },
  { types: range(16, 48), heads: [4] },
  { types: [18, 19, 20, 21], heads: [24, 56, 72] },
] as const;
const NAMES = ["lo", "x0", "t", "filter", "nat", "input", "forward", "nf_tables", "meta", "cmp", "lookup", "immediate"];
const KINDS = ["bridge", "dummy", "veth", "tun", "counter", "payload", "bitwise", "limit", "masq", "set", "taskstats"];
const DEPTH_MAX = 5;
const NLM_F_MULTI_MAX = 12;

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** @returns some messages, at most `room` bytes */
export function randomNetlink(random: SeededRandom, room: number): Uint8Array {
  const bytes = new Uint8Array(room);
  const view = new DataView(bytes.buffer);
  const family = FAMILIES[random.below(FAMILIES.length)]!;
  let at = 0;
  const isBatch = random.below(3) > 0;
  const count = 1 + random.below(NLM_F_MULTI_MAX);
  for (let index = 0; index < count && at + 512 < room; index++) {
    const start = at;
    const type =
      isBatch && family === FAMILIES[1] && (index === 0 || index === count - 1)
        ? index === 0
          ? 16
          : 17
        : family.types[random.below(family.types.length)]!;
    view.setUint16(at + 4, type, true);
    // NLM_F_REQUEST and ACK mostly; ROOT, MATCH, EXCL, CREATE, APPEND at random.
    view.setUint16(at + 6, 1 | (random.below(2) << 2) | (random.below(4) === 0 ? random.below(16) << 8 : 0), true);
    view.setUint32(at + 8, index, true);
    at += 16;
    const head = family.heads[random.below(family.heads.length)]!;
    for (let end = at + head; at < end; at++) bytes[at] = random.below(3) === 0 ? random.below(12) : 0;
    at = attributes(random, view, (at + 3) & ~3, Math.min(room - 64, at + 480), 0);
    view.setUint32(start, random.below(20) === 0 ? random.below(1000) : at - start, true);
    at = (at + 3) & ~3;
  }
  return bytes.subarray(0, at);
}

function attributes(random: SeededRandom, view: DataView, from: number, end: number, depth: number): number {
  let at = from;
  for (let left = random.below(6); left > 0 && at + 24 < end; left--) {
    const start = at;
    const isNested = depth < DEPTH_MAX && random.below(3) === 0;
    at += 4;
    if (isNested) at = attributes(random, view, at, end, depth + 1);
    else at += value(random, view, at);
    view.setUint16(start, random.below(30) === 0 ? random.below(300) : at - start, true);
    view.setUint16(start + 2, (1 + random.below(random.below(2) === 0 ? 8 : 60)) | (isNested ? 0x8000 : 0), true);
    at = (at + 3) & ~3;
  }
  return at;
}

/** @returns its bytes */
function value(random: SeededRandom, view: DataView, at: number): number {
  const big = random.below(2) === 0;
  switch (random.below(6)) {
    case 0:
      view.setUint8(at, random.below(256));
      return 1;
    case 1:
      view.setUint16(at, random.below(random.below(2) === 0 ? 8 : 65536), big);
      return 2;
    case 2:
    case 3:
      view.setUint32(at, random.below(3) === 0 ? random.u32() : random.below(20), big);
      return 4;
    case 4:
      view.setUint32(at + 4, random.below(3) === 0 ? random.u32() : random.below(20), big);
      return 8;
    default: {
      const words = random.below(2) === 0 ? NAMES : KINDS;
      const text = words[random.below(words.length)]!;
      for (let index = 0; index < text.length; index++) view.setUint8(at + index, text.charCodeAt(index));
      return text.length + 1;
    }
  }
}
