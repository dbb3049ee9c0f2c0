/**
 * Unix `ar` archives in the common and the System V/GNU form, as `.deb` files use them.
 *
 *     "!<arch>\n"  { name 16 · mtime 12 · uid 6 · gid 6 · mode 8 (octal) · size 10 · "`\n"   data   pad to even } …
 *
 * Numbers are ASCII, filled up with spaces. Source: deb(5); ar(5) of FreeBSD.
 */
import { byteString, byteStringOf } from "@stratos/base";

const MAGIC = "!<arch>\n";
const HEADER_SIZE = 60;

export interface ArMember {
  /** without the final slash of the GNU form */
  name: string;
  /** seconds since 1970 */
  mtime: number;
  uid: number;
  gid: number;
  mode: number;
  /** a view of the archive, not a copy */
  data: Uint8Array;
}

/**
 *   magic      not an ar archive
 *   header     a member's header is damaged, or its number is no number
 *   truncated  the archive ends inside a member
 *   name       a long name that the archive's name table does not hold
 */
export type ArError = "magic" | "header" | "truncated" | "name";

/** All members of `archive`, in order. */
export function parseAr(archive: Uint8Array): ArMember[] | ArError {
  if (archive.length < MAGIC.length || byteString(archive, 0, MAGIC.length) !== MAGIC) return "magic";
  const members: ArMember[] = [];
  let longNames = "";
  let at = MAGIC.length;
  while (at < archive.length) {
    // Some writers pad the very end with one newline.
    if (at + 1 === archive.length && archive[at] === 0x0a) break;
    if (at + HEADER_SIZE > archive.length) return "truncated";
    const header = byteString(archive, at, at + HEADER_SIZE);
    if (header.charCodeAt(58) !== 0x60 || header.charCodeAt(59) !== 0x0a) return "header";
    const size = numberAt(header, 48, 58, 10);
    const mtime = numberAt(header, 16, 28, 10),
      uid = numberAt(header, 28, 34, 10),
      gid = numberAt(header, 34, 40, 10);
    const mode = numberAt(header, 40, 48, 8);
    if (size < 0 || mtime < 0 || uid < 0 || gid < 0 || mode < 0 || header.slice(48, 58).trim() === "") return "header";
    const start = at + HEADER_SIZE;
    if (start + size > archive.length) return "truncated";
    const data = archive.subarray(start, start + size);
    at = start + size + (size & 1);

    let name = header.slice(0, 16).trimEnd();
    if (name === "//") {
      longNames = byteString(data);
      continue;
    }
    if (name.length > 1 && name.startsWith("/") && /^\/[0-9]+$/.test(name)) {
      const offset = Number(name.slice(1));
      const end = longNames.indexOf("/\n", offset);
      if (offset >= longNames.length || end < 0) return "name";
      name = longNames.slice(offset, end);
    } else if (name.length > 1 && name.endsWith("/")) name = name.slice(0, -1);
    members.push({ name, mtime, uid, gid, mode, data });
  }
  return members;
}

/** An archive of `members`; names are at most 15 bytes, as dpkg demands. */
export function writeAr(members: readonly ArMember[]): Uint8Array {
  let size = MAGIC.length;
  for (const member of members) size += HEADER_SIZE + member.data.length + (member.data.length & 1);
  const archive = new Uint8Array(size);
  archive.set(byteStringOf(MAGIC));
  let at = MAGIC.length;
  for (const member of members) {
    if (member.name.length > 15 || /[\s/]/.test(member.name))
      throw new RangeError(`not an ar member name: ${member.name}`);
    const header =
      member.name.padEnd(16) +
      String(member.mtime).padEnd(12) +
      String(member.uid).padEnd(6) +
      String(member.gid).padEnd(6) +
      member.mode.toString(8).padEnd(8) +
      String(member.data.length).padEnd(10) +
      "`\n";
    if (header.length !== HEADER_SIZE) throw new RangeError(`a number does not fit the ar header of ${member.name}`);
    archive.set(byteStringOf(header), at);
    archive.set(member.data, at + HEADER_SIZE);
    at += HEADER_SIZE + member.data.length;
    if (member.data.length & 1) archive[at++] = 0x0a;
  }
  return archive;
}

/** The number in `header[start … end)`, 0 for blanks, −1 for anything else. */
function numberAt(header: string, start: number, end: number, radix: 8 | 10): number {
  const text = header.slice(start, end).trim();
  if (text === "") return 0;
  if (!(radix === 8 ? /^[0-7]+$/ : /^[0-9]+$/).test(text)) return -1;
  return Number.parseInt(text, radix);
}
