/** Frames between the links of interfaces and the packet sockets of their network. */
import { EMSGSIZE, ENETDOWN, ETH_P_IP, ETH_P_IPV6, PACKET_HOST, PACKET_OTHERHOST, PACKET_OUTGOING } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { FRAME_HEADER_SIZE, type LinkEvents } from "@stratos/host";
import type { FrameObserver } from "../interface-network.ts";
import type { NetworkInterface } from "../network-interface.ts";
import type { BridgeWays } from "./bridge.ts";
import { ethernetTypeOf, packetTypeOf } from "./packet-address.ts";

/** A frame on its way; valid during one call. The longest of `lo` fits. */
const FRAME = new Uint8Array(FRAME_HEADER_SIZE + 65536);

/** Takes what arrived at an interface's link and hands it to the packet sockets. Work: the link's queue. */
function takeFrames(one: NetworkInterface): void {
  const { link, counters } = one;
  for (let length = link!.receive(FRAME); length >= 0; length = link!.receive(FRAME)) {
    counters.receivedDropped = link!.dropped;
    const frame = FRAME.subarray(0, length);
    frameArrived(one, frame, ethernetTypeOf(one, frame));
  }
}

/**
 * A frame, or a bare packet, came in.
 *
 * @param frame  stays as it is meanwhile
 * @param type  Ethernet type
 */
export function frameArrived(one: NetworkInterface, frame: Uint8Array, type: number): void {
  const { counters, network } = one;
  counters.receivedPackets++;
  counters.receivedBytes += frame.length;
  if (!one.hasFrames) {
    for (const socket of network.packetSockets) socket.frameSeen(one, frame, type, PACKET_HOST, false);
    if (network.netfilter?.comesIn(one, frame, type, PACKET_HOST) === false) return;
    network.ip.frameReceived(one, frame, false);
    return;
  }
  const packetType = packetTypeOf(one, frame);
  const bridge = one.master?.bridge?.takes(one, frame) === true ? one.master.bridge : null;
  for (const socket of network.packetSockets) socket.frameSeen(one, frame, type, packetType, bridge !== null);
  if (network.netfilter?.comesIn(one, frame, type, packetType) === false) return;
  // A copy: on its way through the bridge it meets others.
  if (bridge !== null) bridge.received(one, frame.slice(), WAYS);
  else if (one.master === null) passUp(one, frame, packetType);
}

/**
 * A packet goes round by `lo`: its packet sockets see it go, and come in, as a frame from no station to none.
 *
 * @param packet  stays as it is meanwhile
 */
export function showLooped(one: NetworkInterface, packet: Uint8Array): void {
  const { packetSockets } = one.network;
  if (packetSockets.size === 0) return;
  const type = packet[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
  const frame = new Uint8Array(FRAME_HEADER_SIZE + packet.length);
  frame[12] = type >> 8;
  frame[13] = type & 0xff;
  frame.set(packet, FRAME_HEADER_SIZE);
  for (const packetType of [PACKET_OUTGOING, PACKET_HOST])
    for (const socket of packetSockets) socket.frameSeen(one, frame, type, packetType, false);
}

/** To the IP layer, if it is for this station. */
function passUp(one: NetworkInterface, frame: Uint8Array, packetType: number): void {
  if (packetType !== PACKET_OTHERHOST && (one.carriesIp || one.isLoopback))
    one.network.ip.frameReceived(one, frame, packetType !== PACKET_HOST);
}

const WAYS: BridgeWays = {
  out: (port, frame) => {
    sendFrame(port, frame, ethernetTypeOf(port, frame), null);
  },
  up: (own, frame) => {
    own.counters.receivedPackets++;
    own.counters.receivedBytes += frame.length;
    const packetType = packetTypeOf(own, frame);
    const type = ethernetTypeOf(own, frame);
    for (const socket of own.network.packetSockets) socket.frameSeen(own, frame, type, packetType, false);
    passUp(own, frame, packetType);
  },
  passes: (own, hook, frame, from, to) => own.network.netfilter?.bridgePasses(hook, frame, from, to) !== false,
};

/**
 * Sends a frame that a packet socket made, or a bridge (null) hands on. The others see it go (PACKET_OUTGOING); without
 * a link it is lost.
 *
 * @param type  Ethernet type
 * @returns 0; −ENETDOWN; −EMSGSIZE
 */
export function sendFrame(
  one: NetworkInterface,
  frame: Uint8Array,
  type: number,
  sender: FrameObserver | null,
): number {
  const { counters, network } = one;
  if (!one.isUp) return -ENETDOWN;
  if (frame.length > one.linkHeaderSize + one.mtu) return -EMSGSIZE;
  if (network.netfilter?.goesOut(one, frame, type) === false) return 0;
  for (const socket of network.packetSockets)
    if (socket !== sender && (sender === null || !socket.sharesWith(sender)))
      socket.frameSeen(one, frame, type, PACKET_OUTGOING, false);
  if (one.bridge !== null) {
    countSent(one, frame.length);
    one.bridge.send(frame.slice(), WAYS);
    return 0;
  }
  if (one.link === null || !one.hasCarrier) {
    if (one.kind !== "dummy") counters.sentDropped++;
    else countSent(one, frame.length);
    return 0;
  }
  const failed = one.link.send(frame, 0, frame.length);
  if (failed < 0) return failed;
  countSent(one, frame.length);
  if (one.isLoopback) takeFrames(one);
  return 0;
}

function countSent(one: NetworkInterface, length: number): void {
  one.counters.sentPackets++;
  one.counters.sentBytes += length;
}

/** What a link tells of an interface: frames came, or the carrier comes and goes. */
export class InterfaceLink implements LinkEvents {
  #interface: NetworkInterface;
  #onCarrier: (one: NetworkInterface) => void;
  #hadCarrier = false;

  constructor(one: NetworkInterface, onCarrier: (one: NetworkInterface) => void) {
    this.#interface = one;
    this.#onCarrier = onCarrier;
  }

  linkChanged(): void {
    const one = this.#interface;
    takeFrames(one);
    if (one.hasCarrier === this.#hadCarrier) return;
    this.#hadCarrier = one.hasCarrier;
    if (one.isUp) this.#onCarrier(one);
  }

  static {
    stateClass("InterfaceLink", this, {
      save: (it) => ({ interface: it.#interface, onCarrier: it.#onCarrier, hadCarrier: it.#hadCarrier }),
      load: (it, from) => ({ interface: it.#interface, onCarrier: it.#onCarrier, hadCarrier: it.#hadCarrier } = from),
    });
  }
}
