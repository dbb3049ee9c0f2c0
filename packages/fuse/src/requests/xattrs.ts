/**
 * Extended attributes. The kernel checks who may touch which namespace (xattr(7)); the engine keeps any bytes under any
 * name.
 */
import { ACL_ACCESS_NAME, ACL_DEFAULT_NAME, EINVAL, EOPNOTSUPP, ERANGE, S_ISGID, serializeAcl } from "@stratos/abi";
import { ATTRIBUTE_MODE } from "@stratos/aegisfs";
import type { Subvolume } from "@stratos/aegisfs";
import type { Exchange } from "../exchange.ts";
import type { Mount } from "../mount.ts";
import { B, BODY_AT, D, Q_LENGTH, REPLY_DATA_AT, REQUEST_AT } from "../wire/layout.ts";

const CAPABILITY = "security.capability";

/**
 * Why a name cannot be, or 0. The system namespace is made of names that each mean something: of them we know the lists
 * of acl(5). A namespace alone names nothing (EINVAL, as on ext4 and tmpfs).
 */
function refusalOf(name: string): number {
  if (isAcl(name)) return 0;
  if (!name.startsWith("user.") && !name.startsWith("security.") && !name.startsWith("trusted.")) return -EOPNOTSUPP;
  return name.indexOf(".") === name.length - 1 ? -EINVAL : 0;
}

function isAcl(name: string): boolean {
  return name === ACL_ACCESS_NAME || name === ACL_DEFAULT_NAME;
}

/** fuse_getxattr_in: size, padding; name. Size 0 asks for the size alone. */
export function getXattr(mount: Mount, files: Subvolume, ino: number): number {
  const { words, bytes } = mount.exchange;
  const name = mount.exchange.name(BODY_AT + 8);
  const refusal = refusalOf(name);
  if (refusal !== 0) return refusal;
  const value = files.getXattr(ino, name);
  if (typeof value === "number") return value;
  const sizeMax = words[B]!;
  if (sizeMax === 0) return replySize(mount.exchange, value.length);
  if (value.length > sizeMax) return -ERANGE;
  bytes.set(value, REPLY_DATA_AT);
  return value.length;
}

/** FUSE_SETXATTR_ACL_KILL_SGID */
const ACL_KILL_SGID = 1;

/**
 * fuse_setxattr_in: size, flags, and with FUSE_SETXATTR_EXT further flags and padding; name, a zero byte, the value.
 */
export function setXattr(mount: Mount, files: Subvolume, ino: number): number {
  const { words, bytes } = mount.exchange;
  const size = words[B]!;
  const nameAt = BODY_AT + mount.agreement.setXattrSize;
  const name = mount.exchange.name(nameAt);
  const refusal = refusalOf(name);
  if (refusal !== 0) return refusal;
  const start = nameAt + name.length + 1;
  if (start + size > REQUEST_AT + words[Q_LENGTH]!) return -EINVAL;
  if (name === CAPABILITY) mount.caches.inoWithoutCapabilities = 0;
  const value = bytes.slice(start, start + size);
  if (!isAcl(name)) return files.setXattr(ino, name, value, words[B + 1]!);
  const result = files.setAcl(ino, name, value);
  if (result === 0 && mount.agreement.setXattrSize === 16 && (words[B + 2]! & ACL_KILL_SGID) !== 0)
    dropSetGid(mount.exchange, files, ino);
  return result;
}

const NO_ACL = serializeAcl([]);

export function removeXattr(mount: Mount, files: Subvolume, ino: number): number {
  const name = mount.exchange.name(BODY_AT);
  if (isAcl(name)) return files.setAcl(ino, name, NO_ACL);
  const refusal = refusalOf(name);
  return refusal === 0 ? files.removeXattr(ino, name) : refusal;
}

/** A list that was set by who is not of the file's group takes S_ISGID away, as chmod(2) does. */
function dropSetGid({ attributes }: Exchange, files: Subvolume, ino: number): void {
  if (files.stat(ino, attributes) < 0 || (attributes.mode & S_ISGID) === 0) return;
  attributes.mode &= ~S_ISGID;
  files.setAttributes(ino, attributes, ATTRIBUTE_MODE);
}

/**
 * fuse_getxattr_in; answers names, each with a zero byte. The kernel asks for no right: those of administrators are
 * told to root alone (xattr(7)).
 */
export function listXattrs(mount: Mount, files: Subvolume, ino: number): number {
  const names = files.listXattrs(ino);
  if (typeof names === "number") return names;
  const isTold = (name: string): boolean => mount.exchange.uid === 0 || !name.startsWith("trusted.");
  const text = names
    .filter(isTold)
    .map((name) => `${name}\0`)
    .join("");
  const sizeMax = mount.exchange.words[B]!;
  if (sizeMax === 0) return replySize(mount.exchange, text.length);
  return text.length > sizeMax ? -ERANGE : mount.exchange.putText(text);
}

function replySize({ words }: Exchange, size: number): number {
  words[D] = size;
  words[D + 1] = 0;
  return 8;
}

/**
 * A file that was written or changed hands loses its capabilities (capabilities(7)); FUSE_HANDLE_KILLPRIV_V2 makes it
 * our duty.
 */
export function dropCapabilities(mount: Mount, files: Subvolume, ino: number): void {
  if (typeof files.getXattr(ino, CAPABILITY) !== "number") files.removeXattr(ino, CAPABILITY);
  if (files === mount.files) mount.caches.inoWithoutCapabilities = ino;
}
