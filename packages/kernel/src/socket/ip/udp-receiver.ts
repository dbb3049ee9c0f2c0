/** UDP as it comes in from links (RFC 768): checked, and put into the queue of whoever hears the port. */
import { BytesCursor, stateClass } from "@stratos/base";
import {
  type InetEndpoint,
  type IpAddress,
  type IpReceiver,
  type IpStack,
  isMulticast,
  NO_OPTIONS,
  ScratchEndpoint,
  UDP_HEADER_SIZE,
  udpSize,
} from "@stratos/netstack";
import { Hearing, reaches } from "../inet/port-table.ts";
import type { UdpClaim, UdpNetwork } from "../inet/udp-socket.ts";

const DATAGRAM = {
  from: new ScratchEndpoint(),
  to: new ScratchEndpoint(),
  toPeer: false,
  hopLimit: 0,
  trafficClass: 0,
  extensions: NO_OPTIONS as Uint8Array,
};

export class UdpReceiver implements IpReceiver {
  #network: UdpNetwork;
  #stack: IpStack;

  constructor(network: UdpNetwork, stack: IpStack) {
    this.#network = network;
    this.#stack = stack;
  }

  receive(
    source: IpAddress,
    destination: IpAddress,
    bytes: Uint8Array,
    at: number,
    length: number,
    trafficClass: number,
    device: number,
  ): void {
    const size = udpSize(source, destination, bytes, at, length);
    const counters = this.#network.counters.udpOf(source);
    if (size < 0) {
      counters.badChecksums++;
      return;
    }
    const { from, to } = DATAGRAM;
    from.set(source, portAt(bytes, at));
    to.set(destination, portAt(bytes, at + 2));
    DATAGRAM.hopLimit = this.#stack.packet.hops;
    DATAGRAM.extensions = this.#stack.packet.options;
    DATAGRAM.trafficClass = trafficClass;
    const payload = bytes.subarray(at + UDP_HEADER_SIZE, at + size);
    if (isMulticast(destination) || !this.#network.hasAddress(destination)) this.#toAll(payload, device);
    else {
      const where = { ip: destination, port: to.port, device };
      const claim = this.#network.udpPorts.find(where, from, hearing);
      if (claim === null) {
        counters.noPorts++;
        this.#stack.refusePort();
      } else claim.socket.loopback.arrive(DATAGRAM, device, new BytesCursor(payload));
    }
  }

  /** Each that hears the group or the broadcast. Work: one step a socket at the port. */
  #toAll(payload: Uint8Array, device: number): void {
    const { from, to } = DATAGRAM;
    const isGroup = isMulticast(to.ip);
    for (const claim of this.#network.udpPorts.at(to.port)) {
      const { socket } = claim;
      if (!reaches(claim, to.ip, device) || !socket.hears(from)) continue;
      if (!isGroup || socket.ip.hearsGroup(to.ip, device, from.ip, socket.isV6))
        socket.loopback.arrive(DATAGRAM, device, new BytesCursor(payload));
    }
  }

  unreachable(
    destination: IpAddress,
    source: IpAddress,
    _errno: number,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): void {
    const { error, offender } = this.#stack.icmp;
    if (length < UDP_HEADER_SIZE || error === null) return;
    const { from, to } = DATAGRAM;
    from.set(destination, portAt(bytes, at + 2));
    to.set(source, portAt(bytes, at));
    const claim = this.#network.udpPorts.find({ ip: source, port: to.port, device: 0 }, from, hearing);
    claim?.socket.networkError(error, offender, from, bytes.slice(at + UDP_HEADER_SIZE, at + length));
  }

  static {
    stateClass("UdpReceiver", this, {
      save: (it) => ({ network: it.#network, stack: it.#stack }),
      load: (it, from) => ({ network: it.#network, stack: it.#stack } = from),
    });
  }
}

function portAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function hearing(claim: UdpClaim, sender: InetEndpoint): Hearing {
  if (!claim.socket.hears(sender)) return Hearing.nobody;
  return claim.socket.peer === null ? Hearing.anybody : Hearing.peer;
}
