/** Raw and ICMP sockets of a network, as the IP layer knows them: they see packets that come in, and errors. */
import { stateClass } from "@stratos/base";
import { type IncomingPacket, type IpAddress, type IpReceiver, type IpStack, isMulticast } from "@stratos/netstack";
import { ICMP_HEADER_SIZE, type IpPacket } from "../inet/icmp-message.ts";
import type { RawNetwork } from "../inet/raw-socket.ts";

/** Offers a packet to all of them. Work: one step a socket. @returns did one take it? */
export function offerToRaw(network: RawNetwork, packet: IncomingPacket): boolean {
  const { payloadAt, payloadLength, destination, source, device } = packet;
  const offered: IpPacket = {
    isV4: !packet.isV6,
    protocol: packet.protocol,
    bytes: packet.bytes.slice(payloadAt, payloadAt + payloadLength),
    from: source.slice(),
    to: destination.slice(),
    hopLimit: packet.hops,
    trafficClass: packet.trafficClass,
    device,
    options: packet.options,
  };
  let wasTaken = false;
  for (const socket of network.rawSockets) {
    if (!socket.hears(offered)) continue;
    if (isMulticast(destination) && !socket.ip.hearsGroup(destination, device, source, socket.isV6)) continue;
    socket.enqueue(offered);
    wasTaken = true;
  }
  return wasTaken;
}

/** Errors about messages of ICMP, for sockets that may have sent them; what else it brings the IP layer deals with. */
export class IcmpReceiver implements IpReceiver {
  #network: RawNetwork;
  #stack: IpStack;

  constructor(network: RawNetwork, stack: IpStack) {
    this.#network = network;
    this.#stack = stack;
  }

  receive(): void {}

  unreachable(
    destination: IpAddress,
    source: IpAddress,
    _errno: number,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): void {
    const { error, offender } = this.#stack.icmp;
    if (length < ICMP_HEADER_SIZE || error === null) return;
    const message = bytes.slice(at, at + length);
    for (const socket of this.#network.rawSockets)
      if (socket.hasSent(message, source, destination)) socket.networkError(error, offender, destination, message);
  }

  static {
    stateClass("IcmpReceiver", this, {
      save: (it) => ({ network: it.#network, stack: it.#stack }),
      load: (it, from) => ({ network: it.#network, stack: it.#stack } = from),
    });
  }
}
