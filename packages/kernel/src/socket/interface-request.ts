/** `struct ifreq` (netdevice(7)): what requests of a socket about interfaces begin with. */
import { IFNAMSIZ } from "@stratos/abi";
import { byteStringOf } from "@stratos/base";

/** Writes an interface's name. */
export function putName(request: Uint8Array, start: number, name: string): void {
  request.fill(0, start, start + IFNAMSIZ);
  request.set(byteStringOf(name), start);
}

/** What is named: an interface, or an alias such as "eth0:1", the label of an address of it. */
export function labelIn(request: Uint8Array, start: number): string {
  let label = "";
  for (let at = start; at < start + IFNAMSIZ - 1 && request[at] !== 0; at++) label += String.fromCharCode(request[at]!);
  return label;
}

/** The name of the interface. */
export function nameIn(request: Uint8Array, start: number): string {
  const label = labelIn(request, start);
  const colon = label.indexOf(":");
  return colon < 0 ? label : label.slice(0, colon);
}
