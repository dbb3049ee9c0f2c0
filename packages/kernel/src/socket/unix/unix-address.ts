import { AF_UNIX, EINVAL, isErrno, SockaddrUn } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { familyOf } from "../inet/inet-address.ts";

const { sun_family, sun_path } = SockaddrUn.offset;

/**
 * What a `sockaddr_un` says (unix(7)):
 *
 *     family | path … NUL        a name in the file system
 *     family | NUL name …        an abstract name: all bytes up to the length count
 *     family                     unnamed; bind then chooses an abstract name (autobind)
 */
export type UnixName = TargetName | { readonly kind: "unnamed" };
/** One that somebody can be found by. */
export type TargetName = { readonly kind: "path" | "abstract"; readonly name: string };

/** @returns EINVAL for a wrong family or length */
export function parseUnixAddress(address: Uint8Array): UnixName | number {
  if (address.length < sun_path || address.length > SockaddrUn.size) return -EINVAL;
  if (familyOf(address) !== AF_UNIX) return -EINVAL;
  if (address.length === sun_path) return { kind: "unnamed" };
  if (address[sun_path] === 0) return { kind: "abstract", name: byteString(address, sun_path + 1) };
  const end = address.indexOf(0, sun_path);
  return { kind: "path", name: byteString(address, sun_path, end < 0 ? address.length : end) };
}

/** The same for whom something goes to: EINVAL for no name, too (net/unix/af_unix.c, unix_validate_addr). */
export function parseUnixTarget(address: Uint8Array): TargetName | number {
  const name = parseUnixAddress(address);
  return isErrno(name) || name.kind !== "unnamed" ? name : -EINVAL;
}

/** The sockaddr of a name, as getsockname(2) tells it: paths with their NUL, abstract names without. */
export function unixAddressBytes(name: UnixName): Uint8Array {
  if (name.kind === "unnamed") return Uint8Array.of(AF_UNIX, 0);
  const bytes = new Uint8Array(sun_path + name.name.length + 1);
  bytes[sun_family] = AF_UNIX;
  const at = name.kind === "path" ? sun_path : sun_path + 1;
  for (let index = 0; index < name.name.length; index++) bytes[at + index] = name.name.charCodeAt(index);
  return bytes;
}
