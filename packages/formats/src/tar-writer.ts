/**
 * Writes tar archives in the pax dialect: ustar headers, with a pax header before an entry that ustar cannot hold.
 * Nothing depends on the clock, the host or the order of a map, so the same entries give the same bytes.
 */
import { byteStringOf, concatBytes } from "@stratos/base";
import { TAR_BLOCK_SIZE, TarType, type TarEntry } from "./tar-entry.ts";

/** Header blocks of `entry`; its data, `entry.size` bytes, and {@link tarPadding} follow. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const records: string[] = [];
  const isDirectory = entry.type === TarType.directory;
  const path = isDirectory && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
  const split = splitPath(path);
  if (split === undefined) records.push(paxRecord("path", path));
  if (entry.linkPath.length > 100) records.push(paxRecord("linkpath", entry.linkPath));
  if (entry.size > 0o77777777777) records.push(paxRecord("size", String(entry.size)));
  if (entry.uid > 0o7777777) records.push(paxRecord("uid", String(entry.uid)));
  if (entry.gid > 0o7777777) records.push(paxRecord("gid", String(entry.gid)));
  if (!Number.isInteger(entry.mtime) || entry.mtime < 0 || entry.mtime > 0o77777777777)
    records.push(paxRecord("mtime", String(entry.mtime)));
  for (const key of [...entry.xattrs.keys()].sort())
    records.push(paxRecord(`SCHILY.xattr.${key}`, entry.xattrs.get(key)!));

  const [prefix, name] = split ?? ["", path.slice(0, 100)];
  const header = block(entry, {
    prefix,
    name,
    typeFlag: entry.type,
    size: entry.type === TarType.file ? entry.size : 0,
  });
  if (records.length === 0) return header;
  const body = byteStringOf(records.join(""));
  const extended = block(entry, { prefix: "", name: "./PaxHeaders/entry", typeFlag: "x", size: body.length });
  const whole = new Uint8Array(TAR_BLOCK_SIZE + body.length + tarPadding(body.length) + TAR_BLOCK_SIZE);
  whole.set(extended);
  whole.set(body, TAR_BLOCK_SIZE);
  whole.set(header, whole.length - TAR_BLOCK_SIZE);
  return whole;
}

/**
 * Header blocks of `entry` in GNU tar's dialect, for readers that know no pax headers, as dpkg: a name that ustar
 * cannot hold stands in an entry of its own before it. Extended attributes and fractions of seconds are left out.
 *
 * @throws RangeError  a size or an owner that this dialect cannot hold
 */
export function gnuTarHeader(entry: TarEntry): Uint8Array {
  if (
    entry.size > 0o77777777777 ||
    entry.uid > 0o7777777 ||
    entry.gid > 0o7777777 ||
    entry.mtime < 0 ||
    entry.mtime > 0o77777777777
  ) {
    throw new RangeError(`${entry.path}: its size, owner or time does not fit a tar header`);
  }
  const path = entry.type === TarType.directory && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
  const long = (typeFlag: string, text: string): Uint8Array => {
    const body = byteStringOf(`${text}\0`);
    const whole = new Uint8Array(TAR_BLOCK_SIZE + body.length + tarPadding(body.length));
    whole.set(
      block(
        { ...entry, mode: 0o644, uid: 0, gid: 0, mtime: 0, linkPath: "", uname: "", gname: "" },
        { prefix: "", name: "././@LongLink", typeFlag, size: body.length },
      ),
    );
    whole.set(body, TAR_BLOCK_SIZE);
    return whole;
  };
  const parts: Uint8Array[] = [];
  if (entry.linkPath.length > 100) parts.push(long("K", entry.linkPath));
  if (path.length > 100) parts.push(long("L", path));
  parts.push(
    block(entry, {
      prefix: "",
      name: path.slice(0, 100),
      typeFlag: entry.type,
      size: entry.type === TarType.file ? entry.size : 0,
    }),
  );
  return concatBytes(parts);
}

/** How many zero bytes follow `size` bytes of data. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK_SIZE - (size % TAR_BLOCK_SIZE)) % TAR_BLOCK_SIZE;
}

/** The end-of-archive marker: two zero blocks. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * TAR_BLOCK_SIZE);
}

function block(entry: TarEntry, own: { prefix: string; name: string; typeFlag: string; size: number }): Uint8Array {
  const bytes = new Uint8Array(TAR_BLOCK_SIZE);
  putText(bytes, 0, own.name, 100);
  putOctal(bytes, 100, entry.mode & 0o7777, 7);
  putOctal(bytes, 108, entry.uid > 0o7777777 ? 0 : entry.uid, 7);
  putOctal(bytes, 116, entry.gid > 0o7777777 ? 0 : entry.gid, 7);
  putOctal(bytes, 124, own.size > 0o77777777777 ? 0 : own.size, 11);
  const mtime = Math.floor(entry.mtime);
  putOctal(bytes, 136, mtime < 0 || mtime > 0o77777777777 ? 0 : mtime, 11);
  putText(bytes, 148, "        ", 8);
  putText(bytes, 156, own.typeFlag, 1);
  if (own.typeFlag !== "x") putText(bytes, 157, entry.linkPath, 100);
  putText(bytes, 257, "ustar\x0000", 8);
  putText(bytes, 265, entry.uname, 31);
  putText(bytes, 297, entry.gname, 31);
  putOctal(bytes, 329, entry.deviceMajor, 7);
  putOctal(bytes, 337, entry.deviceMinor, 7);
  putText(bytes, 345, own.prefix, 155);
  let sum = 0;
  for (let at = 0; at < TAR_BLOCK_SIZE; at++) sum += bytes[at]!;
  putOctal(bytes, 148, sum, 6);
  bytes[154] = 0;
  return bytes;
}

/** Trees have a header for each file, so their fields are put in place without strings or arrays of their own. */
function putText(bytes: Uint8Array, at: number, text: string, lengthMax: number): void {
  const length = Math.min(text.length, lengthMax);
  for (let index = 0; index < length; index++) bytes[at + index] = text.charCodeAt(index);
}

function putOctal(bytes: Uint8Array, at: number, value: number, digits: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index--) {
    bytes[index] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** `path` as ustar's prefix and name, or undefined when it does not fit. */
function splitPath(path: string): [string, string] | undefined {
  if (path.length <= 100) return ["", path];
  for (
    let slash = path.indexOf("/", Math.max(1, path.length - 101));
    slash > 0 && slash <= 155;
    slash = path.indexOf("/", slash + 1)
  ) {
    const name = path.slice(slash + 1);
    if (name.length > 0 && name.length <= 100) return [path.slice(0, slash), name];
  }
  return undefined;
}

/** `"%d %s=%s\n"`, whose number counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return `${length}${rest}`;
}
