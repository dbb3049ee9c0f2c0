/** Extended attributes. The kernel checks who may touch which namespace (xattr(7)); the engine keeps any bytes under any name. */
import { EINVAL, EOPNOTSUPP, ERANGE } from "@stratos/abi";
import type { Subvolume } from "@stratos/aegisfs";
import type { FuseServer } from "../server.ts";
import { B, BODY_AT, D, Q_LENGTH, REPLY_DATA_AT, REQUEST_AT } from "../wire/layout.ts";

const CAPABILITY = "security.capability";

/** user, trusted and security: the system namespace is made of names that each mean something. */
function isKnown(name: string): boolean {
  return name.startsWith("user.") || name.startsWith("security.") || name.startsWith("trusted.");
}

/** fuse_getxattr_in: size, padding; name. Size 0 asks for the size alone. */
export function getXattr(server: FuseServer, files: Subvolume, ino: number): number {
  const { words, bytes } = server;
  const name = server.name(BODY_AT + 8);
  if (!isKnown(name)) return -EOPNOTSUPP;
  const value = files.getXattr(ino, name);
  if (typeof value === "number") return value;
  const sizeMax = words[B]!;
  if (sizeMax === 0) return replySize(server, value.length);
  if (value.length > sizeMax) return -ERANGE;
  bytes.set(value, REPLY_DATA_AT);
  return value.length;
}

/** fuse_setxattr_in: size, flags; name, a zero byte, the value. */
export function setXattr(server: FuseServer, files: Subvolume, ino: number): number {
  const { words, bytes } = server;
  const size = words[B]!;
  const name = server.name(BODY_AT + 8);
  if (!isKnown(name)) return -EOPNOTSUPP;
  const start = BODY_AT + 8 + name.length + 1;
  if (start + size > REQUEST_AT + words[Q_LENGTH]!) return -EINVAL;
  if (name === CAPABILITY) server.inoWithoutCapabilities = 0;
  return files.setXattr(ino, name, bytes.slice(start, start + size), words[B + 1]!);
}

export function removeXattr(server: FuseServer, files: Subvolume, ino: number): number {
  const name = server.name(BODY_AT);
  return isKnown(name) ? files.removeXattr(ino, name) : -EOPNOTSUPP;
}

/** fuse_getxattr_in; answers names, each with a zero byte. */
export function listXattrs(server: FuseServer, files: Subvolume, ino: number): number {
  const names = files.listXattrs(ino);
  if (typeof names === "number") return names;
  const text = names.map((name) => `${name}\0`).join("");
  const sizeMax = server.words[B]!;
  if (sizeMax === 0) return replySize(server, text.length);
  return text.length > sizeMax ? -ERANGE : server.putText(text);
}

function replySize(server: FuseServer, size: number): number {
  server.words[D] = size;
  server.words[D + 1] = 0;
  return 8;
}

/** A file that was written or changed hands loses its capabilities (capabilities(7)); FUSE_HANDLE_KILLPRIV_V2 makes it our duty. */
export function dropCapabilities(server: FuseServer, files: Subvolume, ino: number): void {
  if (typeof files.getXattr(ino, CAPABILITY) !== "number") files.removeXattr(ino, CAPABILITY);
  if (files === server.files) server.inoWithoutCapabilities = ino;
}
