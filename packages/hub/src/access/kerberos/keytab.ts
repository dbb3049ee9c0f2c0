/** Keys of services, as `kadmin ktadd`, `ktutil` and `msktutil` write them (MIT's keytab file format, version 2). */
import { isSupportedType, type EncryptionKey } from "./encryption.ts";

export interface KeytabEntry {
  readonly realm: string;
  /** `HTTP`, `hub.example`. */
  readonly names: readonly string[];
  readonly version: number;
  readonly key: EncryptionKey;
}

const VERSION = 0x0502;
const ENTRIES_MAX = 10_000;
/** Browsers ask for no other service (RFC 4559 §4.1). */
const SERVICE = "HTTP";

/** @returns the keys by which a hub is reached @throws Error when there is none, or the file is no keytab: in words */
export function serviceKeys(bytes: Uint8Array): KeytabEntry[] {
  const ofHosts = readKeytab(bytes).filter(({ names }) => names[0] === SERVICE && names.length === 2);
  const keys = ofHosts.filter(({ key }) => isSupportedType(key.type));
  if (keys.length === 0)
    throw new Error(`there is no ${ofHosts.length === 0 ? "key" : "AES key"} of ${SERVICE}/HOST@REALM in it`);
  return keys;
}

/** @throws Error with what is wrong with it, in words */
export function readKeytab(bytes: Uint8Array): KeytabEntry[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (file.length < 2 || file.readUInt16BE(0) !== VERSION) throw new Error("it is no keytab of version 2");
  const entries: KeytabEntry[] = [];
  for (let at = 2; at + 4 <= file.length;) {
    const size = file.readInt32BE(at);
    at += 4;
    if (size === 0) break;
    if (at + Math.abs(size) > file.length) throw new Error("it is cut off");
    // A negative size is a hole, where an entry was removed.
    if (size > 0) entries.push(readEntry(file.subarray(at, at + size)));
    if (entries.length > ENTRIES_MAX) throw new Error(`it has more than ${ENTRIES_MAX} keys`);
    at += Math.abs(size);
  }
  return entries;
}

function readEntry(entry: Buffer): KeytabEntry {
  let at = 0;
  const take = (bytes: number): Buffer => {
    if (at + bytes > entry.length) throw new Error("an entry of it is cut off");
    return entry.subarray(at, (at += bytes));
  };
  const counted = (): Buffer => take(take(2).readUInt16BE(0));
  const count = take(2).readUInt16BE(0);
  const realm = counted().toString("utf8");
  const names = Array.from({ length: count }, () => counted().toString("utf8"));
  // The kind of name, and when it was written.
  take(8);
  const version = take(1)[0]!;
  const type = take(2).readUInt16BE(0);
  const value = Buffer.from(counted());
  // Behind the key stands a version that has room, since 1.9.
  const large = entry.length - at >= 4 ? take(4).readUInt32BE(0) : 0;
  return { realm, names, version: large === 0 ? version : large, key: { type, value } };
}
