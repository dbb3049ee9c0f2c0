/**
 * Fields behind a directory record that say what POSIX knows of its file: names, rights, links, times. Sources: IEEE
 * P1281 (System Use Sharing Protocol) §5, IEEE P1282 (Rock Ridge Interchange Protocol) §4.1.
 */
import { byteString } from "@stratos/base";
import { readBytes, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { daysFromCivil } from "../calendar/civil-time.ts";

export const SECTOR = 2048;
/** Continuations of one record; what a tool writes has one or two. */
const CONTINUATIONS_MAX = 32;
const TARGET_MAX = 4096;
const NAME_MAX = 255;

export interface RockRidge {
  /** "": the record's own */
  name: string;
  /** type and rights; 0: it does not say */
  mode: number;
  links: number;
  uid: number;
  gid: number;
  target: string;
  device: { major: number; minor: number };
  mtime: number | null;
  atime: number | null;
  ctime: number | null;
  /** Sector of the folder that this record stands for, which lies elsewhere; 0: none. */
  childAt: number;
  /** It is that folder, where it has no name of its own. */
  isRelocated: boolean;
}

/** @param area  bytes behind the record's name. @throws FormatError, or the disk's error */
export function readRockRidge(disk: Disk, area: Uint8Array): RockRidge {
  const found: RockRidge = {
    name: "",
    mode: 0,
    links: 1,
    uid: 0,
    gid: 0,
    target: "",
    device: { major: 0, minor: 0 },
    mtime: null,
    atime: null,
    ctime: null,
    childAt: 0,
    isRelocated: false,
  };
  const link: LinkParts = { text: "", joins: true };
  for (let left = CONTINUATIONS_MAX; left > 0; left--) {
    const more = readFields(area, found, link);
    if (more === null) break;
    if (more.length > SECTOR || more.at + more.length > disk.size) throw new FormatError("a continuation lies nowhere");
    area = readBytes(disk, more.at, more.length);
  }
  found.target = link.text;
  return found;
}

interface LinkParts {
  text: string;
  /** The next component belongs to the one before, or is the first one. */
  joins: boolean;
}

/** @returns where more fields lie, or null */
function readFields(area: Uint8Array, found: RockRidge, link: LinkParts): { at: number; length: number } | null {
  const view = viewOf(area);
  let more: { at: number; length: number } | null = null;
  for (let at = 0; at + 4 <= area.length;) {
    const length = area[at + 2]!;
    if (length < 4 || at + length > area.length) break;
    const word = (place: number): number => (place + 4 <= length ? view.getUint32(at + place, true) : 0);
    switch (String.fromCharCode(area[at]!, area[at + 1]!)) {
      case "CE":
        more = { at: word(4) * SECTOR + word(12), length: word(20) };
        break;
      case "NM":
        // Others say that it is "." or "..".
        if ((area[at + 4]! & ~1) === 0 && found.name.length + length - 5 <= NAME_MAX)
          found.name += byteString(area, at + 5, at + length);
        break;
      case "PX":
        found.mode = word(4) & 0xffff;
        found.links = word(12);
        found.uid = word(20);
        found.gid = word(28);
        break;
      case "PN":
        found.device = deviceOf(word(4), word(12));
        break;
      case "SL":
        readLink(area.subarray(at + 5, at + length), link);
        break;
      case "TF":
        readTimes(area.subarray(at + 4, at + length), found);
        break;
      case "CL":
        found.childAt = word(4);
        break;
      case "RE":
        found.isRelocated = true;
        break;
      case "ST":
        return more;
    }
    at += length;
  }
  return more;
}

/** Old tools put all of the number into the low word, as a `dev_t` of 16 bits. */
function deviceOf(high: number, low: number): { major: number; minor: number } {
  return high === 0 && low > 0xff ? { major: low >>> 8, minor: low & 0xff } : { major: high, minor: low };
}

function readLink(area: Uint8Array, link: LinkParts): void {
  for (let at = 0; at + 2 <= area.length;) {
    const flags = area[at]!,
      length = area[at + 1]!;
    if (at + 2 + length > area.length) return;
    const part =
      (flags & 2) !== 0
        ? "."
        : (flags & 4) !== 0
          ? ".."
          : (flags & 8) !== 0
            ? "/"
            : byteString(area, at + 2, at + 2 + length);
    if (link.text.length + part.length >= TARGET_MAX) return;
    if (!link.joins && !link.text.endsWith("/")) link.text += "/";
    link.text += part;
    link.joins = (flags & 1) !== 0;
    at += 2 + length;
  }
}

/** Creation, modification, access, attributes, in this order, each where its bit is set. */
function readTimes(area: Uint8Array, found: RockRidge): void {
  const flags = area[0]!;
  const isLong = (flags & 0x80) !== 0;
  let at = 1;
  for (const [bit, name] of [
    [1, null],
    [2, "mtime"],
    [4, "atime"],
    [8, "ctime"],
  ] as const) {
    if ((flags & bit) === 0) continue;
    const size = isLong ? 17 : 7;
    if (at + size > area.length) return;
    if (name !== null) found[name] = isLong ? longTime(area, at) : shortTime(area, at);
    at += size;
  }
}

/** Seconds since 1970 of seven bytes (ECMA-119 §9.1.5): years since 1900, …, quarters of an hour east of Greenwich. */
export function shortTime(bytes: Uint8Array, at: number): number {
  const [year, month, day, hour, minute, second] = bytes.subarray(at, at + 6) as unknown as number[];
  if (year === 0 && month === 0) return 0;
  return civilSeconds(1900 + year!, month!, day!, hour!, minute!, second!, (bytes[at + 6]! << 24) >> 24);
}

/** The same as digits (ECMA-119 §8.4.26.1). */
function longTime(bytes: Uint8Array, at: number): number {
  const digits = (from: number, count: number): number => {
    let value = 0;
    for (let index = 0; index < count; index++) value = value * 10 + (bytes[at + from + index]! & 15);
    return value;
  };
  const zone = (bytes[at + 16]! << 24) >> 24;
  return civilSeconds(digits(0, 4), digits(4, 2), digits(6, 2), digits(8, 2), digits(10, 2), digits(12, 2), zone);
}

function civilSeconds(...[year, month, day, hour, minute, second, zone]: number[]): number {
  if (month! < 1 || month! > 12) return 0;
  return daysFromCivil(year!, month!, day!) * 86400 + hour! * 3600 + minute! * 60 + second! - zone! * 900;
}
