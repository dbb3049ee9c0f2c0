import type { PacketView } from "../track/packet-view.ts";

/** Where it is in the bytes; −1: it isn't there. */
export function findTcpOption(packet: PacketView, kind: number): number {
  const { bytes, transportAt } = packet;
  if (!packet.hasTransport(20)) return -1;
  const end = Math.min(packet.end, transportAt + (bytes[transportAt + 12]! >> 4) * 4);
  for (let at = transportAt + 20; at < end;) {
    const option = bytes[at]!;
    // Those of one byte may be asked for, too.
    if (option <= 1 && option === kind) return at;
    if (option === 0) return -1;
    if (option === 1) {
      at++;
      continue;
    }
    if (at + 2 > end || bytes[at + 1]! < 2 || at + bytes[at + 1]! > end) return -1;
    if (option === kind) return at;
    at += bytes[at + 1]!;
  }
  return -1;
}
