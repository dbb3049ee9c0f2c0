/** `struct ifreq` (netdevice(7)): what requests of a socket about interfaces begin with. */
import { IFNAMSIZ } from "@stratos/abi";
import { byteStringOf } from "@stratos/base";

/** Writes an interface's name. */
export function putName(request: Uint8Array, start: number, name: string): void {
  request.fill(0, start, start + IFNAMSIZ);
  request.set(byteStringOf(name), start);
}

/** The name of an interface; an alias such as "eth0:1" names its interface. */
export function nameIn(request: Uint8Array, start: number): string {
  let name = "";
  for (let at = start; at < start + IFNAMSIZ - 1 && request[at] !== 0; at++) name += String.fromCharCode(request[at]!);
  const colon = name.indexOf(":");
  return colon < 0 ? name : name.slice(0, colon);
}
