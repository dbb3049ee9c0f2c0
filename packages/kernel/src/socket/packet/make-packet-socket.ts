/** AF_PACKET: pages load what such a socket is made of (packet-socket.ts) when the first is. */
import { PacketSocket } from "./packet-socket.ts";

export function makePacketSocket(...given: ConstructorParameters<typeof PacketSocket>): PacketSocket {
  return new PacketSocket(...given);
}
