import { AF_UNIX, EINVAL, SOCKADDR_UN_SIZE } from "@stratos/abi";
import { byteString } from "@stratos/base";

/**
 * What a `sockaddr_un` says (unix(7)):
 *
 *     family | path … NUL        a name in the file system
 *     family | NUL name …        an abstract name: all bytes up to the length count
 *     family                     unnamed; bind then chooses an abstract name (autobind)
 */
export type UnixName = { readonly kind: "path" | "abstract"; readonly name: string } | { readonly kind: "unnamed" };

/** @returns EINVAL for a wrong family or length */
export function parseUnixAddress(address: Uint8Array): UnixName | number {
  if (address.length < 2 || address.length > SOCKADDR_UN_SIZE) return -EINVAL;
  if ((address[0]! | (address[1]! << 8)) !== AF_UNIX) return -EINVAL;
  if (address.length === 2) return { kind: "unnamed" };
  if (address[2] === 0) return { kind: "abstract", name: byteString(address, 3) };
  const end = address.indexOf(0, 2);
  return { kind: "path", name: byteString(address, 2, end < 0 ? address.length : end) };
}

/** The sockaddr of a name, as getsockname(2) tells it: paths with their NUL, abstract names without. */
export function unixAddressBytes(name: UnixName): Uint8Array {
  if (name.kind === "unnamed") return Uint8Array.of(AF_UNIX, 0);
  const bytes = new Uint8Array(2 + name.name.length + 1);
  bytes[0] = AF_UNIX;
  const at = name.kind === "path" ? 2 : 3;
  for (let index = 0; index < name.name.length; index++) bytes[at + index] = name.name.charCodeAt(index);
  return bytes;
}
