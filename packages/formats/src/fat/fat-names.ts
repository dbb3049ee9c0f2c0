/**
 * Names in FAT folders: eleven bytes of a short name, and before it, when that says too little, entries of thirteen
 * UTF-16 units each that hold the long name backwards. Source: Microsoft FAT specification (2005) §6 and §7.
 */
import { FormatError } from "../format-error.ts";

export const ENTRY_BYTES = 32;
export const ATTRIBUTE_DIRECTORY = 0x10;
export const ATTRIBUTE_VOLUME = 0x08;
export const ATTRIBUTE_ARCHIVE = 0x20;
export const ATTRIBUTE_LONG = 0x0f;

const LONG_UNITS = 13;
const LONG_PLACES = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
const SHORT_NAME = /^[A-Z0-9!#$%&'()@^_`{}~-]{1,8}(\.[A-Z0-9!#$%&'()@^_`{}~-]{1,3})?$/;

/** @throws FormatError when FAT has no form for the name */
export function checkName(name: string): void {
  // Control characters, and those that FAT keeps for itself.
  for (const character of name) {
    if (character < " " || '"*/:<>?\\|'.includes(character))
      throw new FormatError(`${name}: a FAT name cannot hold ${JSON.stringify(character)}`);
  }
  if (name === "" || name.length > 255 || name.endsWith(".") || name.endsWith(" "))
    throw new FormatError(`${JSON.stringify(name)}: not a name that FAT can hold`);
}

/** FAT finds names whatever their case. */
export function foldName(name: string): string {
  return name.toUpperCase();
}

/**
 * Eleven bytes, as text, that no other name in the folder has; `isWhole` when with `flags` (byte 12 of the entry: 8 the
 * stem, 16 the extension in lower case, as Windows NT and Linux's vfat write it) the short name says all.
 */
export function shortName(
  name: string,
  isTaken: (short: string) => boolean,
): { short: string; isWhole: boolean; flags: number } {
  if (SHORT_NAME.test(name.toUpperCase())) {
    const parts = splitName(name);
    const [stem, extension] = parts.map((part) => part.toUpperCase()) as [string, string];
    const short = stem.padEnd(8) + extension.padEnd(3);
    const isOneCase = parts.every((part) => part === part.toUpperCase() || part === part.toLowerCase());
    if (isOneCase && !isTaken(short))
      return { short, isWhole: true, flags: (parts[0] === stem ? 0 : 8) | (parts[1] === extension ? 0 : 16) };
  }
  const clean = (text: string): string =>
    text
      .toUpperCase()
      .replace(/[ .]/g, "")
      .replace(/[^A-Z0-9!#$%&'()@^_`{}~-]/g, "_");
  const [stem, extension] = splitName(name.replace(/^\.+/, ""));
  const base = clean(stem) || "FILE",
    end = clean(extension).slice(0, 3).padEnd(3);
  for (let number = 1; number < 1_000_000; number++) {
    const tail = `~${number}`;
    const short = (base.slice(0, 8 - tail.length) + tail).padEnd(8) + end;
    if (!isTaken(short)) return { short, isWhole: false, flags: 0 };
  }
  throw new FormatError(`${name}: the folder has no short name left for it`);
}

function splitName(name: string): [string, string] {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot + 1)];
}

export function shortChecksum(short: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < 11; index++) sum = (((sum & 1) << 7) + (sum >> 1) + short[index]!) & 255;
  return sum;
}

/** Entries for a long name, in the order in which they stand in the folder. */
export function longEntries(name: string, checksum: number): Uint8Array[] {
  const count = Math.ceil(name.length / LONG_UNITS);
  const entries: Uint8Array[] = [];
  for (let number = count; number >= 1; number--) {
    const entry = new Uint8Array(ENTRY_BYTES);
    entry[0] = number | (number === count ? 0x40 : 0);
    entry[11] = ATTRIBUTE_LONG;
    entry[13] = checksum;
    LONG_PLACES.forEach((place, index) => {
      const at = (number - 1) * LONG_UNITS + index;
      const unit = at < name.length ? name.charCodeAt(at) : at === name.length ? 0 : 0xffff;
      entry[place] = unit & 255;
      entry[place + 1] = unit >> 8;
    });
    entries.push(entry);
  }
  return entries;
}

/** The thirteen units that one long entry holds, up to the end of the name. */
export function longUnits(entry: Uint8Array): string {
  let text = "";
  for (const place of LONG_PLACES) {
    const unit = entry[place]! | (entry[place + 1]! << 8);
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text;
}

/** `README  TXT` → `README.TXT`; the flags in byte 12 say that stem or extension are meant in lower case. */
export function nameOfShort(entry: Uint8Array): string {
  const part = (start: number, end: number, isLower: boolean): string => {
    let text = "";
    for (let at = start; at < end; at++) text += String.fromCharCode(at === 0 && entry[0] === 0x05 ? 0xe5 : entry[at]!);
    text = text.trimEnd();
    return isLower ? text.toLowerCase() : text;
  };
  const stem = part(0, 8, (entry[12]! & 8) !== 0),
    extension = part(8, 11, (entry[12]! & 16) !== 0);
  return extension === "" ? stem : `${stem}.${extension}`;
}
