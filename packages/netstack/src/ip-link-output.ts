/**
 * Packets onto links: the neighbour that a packet goes to is found by ARP or NDP, and a frame is put around it. Packets
 * lie in OUTPUT behind FRAME_ROOM bytes, where the frame's header goes, so that nothing is moved.
 */
import { IPPROTO_ICMPV6, NUD_NOARP, NUD_STALE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { ARP_REPLY, ARP_REQUEST, ARP_SIZE, ArpPacket, readArp, writeArp } from "./arp.ts";
import {
  ETHERNET_HEADER_SIZE,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  HARDWARE_BROADCAST,
  HARDWARE_SIZE,
  hardwareOfGroup,
  writeEthernetHeader,
} from "./ethernet.ts";
import { ICMP_HEADER_SIZE, NDP_ADVERTISEMENT, NDP_SOLICITATION, setIcmpChecksum } from "./icmp.ts";
import {
  type IpAddress,
  isLoopback,
  isMulticast,
  isSameIp,
  isV4,
  isWildcard,
  makeV4,
  readV4,
  readV6,
  writeV6,
} from "./ip-address.ts";
import type { IpDevice, IpHost } from "./ip-host.ts";
import { type IncomingPacket, IPV6_HEADER_SIZE } from "./ip-packet.ts";
import { IpHeader } from "./ip-writer.ts";
import {
  NDP_HOPS,
  NDP_OPTION_SIZE,
  NDP_SIZE,
  NONCE_OPTION,
  OVERRIDE_FLAG,
  ROUTER_FLAG,
  SOLICITED_FLAG,
  SOURCE_OPTION,
  solicitedNode,
  TARGET_OPTION,
} from "./ndp.ts";
import { NeighbourCache, type Neighbour, type NeighbourProber } from "./neighbour-cache.ts";

export const FRAME_ROOM = ETHERNET_HEADER_SIZE;
/** A packet that goes out, with room for its frame; valid during one call. */
export const OUTPUT = new Uint8Array(FRAME_ROOM + 65536 + 64);
/** The same for what the layer says itself of its neighbours, while another waits in OUTPUT. */
const QUESTION = new Uint8Array(128);
const ARP = new ArpPacket();
const GROUP_ADDRESS = new Uint8Array(HARDWARE_SIZE);
const HEADER = new IpHeader();
const TARGET: IpAddress = new Uint32Array(4);

/** Takes packets back that no neighbour takes. */
interface LinkFailures {
  /** `packet` is whole, from its IP header on. */
  neighbourFailed(packet: Uint8Array): void;
}

export class IpLinkOutput implements NeighbourProber {
  readonly neighbours: NeighbourCache;
  #host: IpHost;
  #failures: LinkFailures;

  constructor(host: IpHost, failures: LinkFailures) {
    this.#host = host;
    this.#failures = failures;
    this.neighbours = new NeighbourCache(this);
  }

  /** Sends the packet `OUTPUT[FRAME_ROOM … FRAME_ROOM + length)` to a neighbour, as soon as its address is known. */
  transmit(device: IpDevice, to: IpAddress, length: number): void {
    if (!device.isEthernet) {
      OUTPUT.copyWithin(0, FRAME_ROOM, FRAME_ROOM + length);
      device.transmit(OUTPUT, length);
      return;
    }
    const address = this.#addressOf(device, to, length);
    if (address !== null) this.#frame(device, address, length);
  }

  /** A packet of IPv4 may go by a neighbour of IPv6 (RFC 5549): its own version is what the frame names. */
  #frame(device: IpDevice, address: Uint8Array, length: number): void {
    const etherType = OUTPUT[FRAME_ROOM]! >> 4 === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    writeEthernetHeader(OUTPUT, address, device.hardwareAddress, etherType);
    device.transmit(OUTPUT, ETHERNET_HEADER_SIZE + length);
  }

  /** null: the packet waits, or is lost. */
  #addressOf(device: IpDevice, to: IpAddress, length: number): Uint8Array | null {
    if (isMulticast(to)) return hardwareOfGroup(to, GROUP_ADDRESS);
    if (this.#host.isBroadcast(device.index, to)) return HARDWARE_BROADCAST;
    const nowNs = this.#host.now();
    const neighbour = this.neighbours.obtain(device.index, to, nowNs);
    if (!device.asksNeighbours && neighbour.state === 0)
      this.neighbours.set(neighbour, device.hardwareAddress, NUD_NOARP, nowNs);
    return this.neighbours.use(neighbour, nowNs, OUTPUT, FRAME_ROOM, length) ? neighbour.address : null;
  }

  probe({ device: index, ip, address, waiting }: Neighbour, isKnown: boolean): void {
    const device = this.#host.device(index);
    if (device === null) return;
    const source = isV4(ip) ? this.#host.asksFrom(index, ip, sourceOf(waiting)) : this.#host.sourceFor(index, ip);
    if (source === null) return;
    if (isV4(ip)) {
      const to = isKnown ? address : HARDWARE_BROADCAST;
      const sender = { hardware: device.hardwareAddress, word: source[3]! };
      this.#sendArp(device, to, ARP_REQUEST, sender, { hardware: null, word: ip[3]! });
      return;
    }
    if (!isKnown) {
      solicitedNode(ip, TARGET);
      hardwareOfGroup(TARGET, GROUP_ADDRESS);
    }
    const to = isKnown ? ip : TARGET;
    this.#sendNdp(device, isKnown ? address : GROUP_ADDRESS, { source, to, target: ip }, NDP_SOLICITATION, 0);
  }

  resolved(neighbour: Neighbour, packets: readonly Uint8Array[]): void {
    const device = this.#host.device(neighbour.device);
    if (device === null) return;
    for (const packet of packets) {
      OUTPUT.set(packet, FRAME_ROOM);
      this.#frame(device, neighbour.address, packet.length);
    }
  }

  failed(_neighbour: Neighbour, packets: readonly Uint8Array[]): void {
    for (const packet of packets) this.#failures.neighbourFailed(packet);
  }

  changed(neighbour: Neighbour): void {
    this.#host.neighbourChanged(neighbour);
  }

  #sendArp(
    device: IpDevice,
    to: Uint8Array,
    opcode: number,
    sender: Parameters<typeof writeArp>[3],
    target: Parameters<typeof writeArp>[4],
  ): void {
    writeEthernetHeader(QUESTION, to, device.hardwareAddress, ETHERTYPE_ARP);
    writeArp(QUESTION, ETHERNET_HEADER_SIZE, opcode, sender, target);
    if (this.#host.filter?.arp(QUESTION, ETHERNET_HEADER_SIZE, device.index, true) === false) return;
    device.transmit(QUESTION, ETHERNET_HEADER_SIZE + ARP_SIZE);
  }

  /** Who knows the address already learns where it is now. */
  announce(device: IpDevice, ip: IpAddress): void {
    const sender = { hardware: device.hardwareAddress, word: ip[3]! };
    this.#sendArp(device, HARDWARE_BROADCAST, ARP_REQUEST, sender, { hardware: null, word: ip[3]! });
  }

  /** RFC 826, "Packet Reception": a known sender's address is kept, an unknown one's when we are meant. */
  arpReceived(device: IpDevice, bytes: Uint8Array, at: number, length: number): void {
    if (!device.asksNeighbours || !readArp(bytes, at, length, ARP)) return;
    if (this.#host.filter?.arp(bytes, at, device.index, false) === false) return;
    const target = makeV4(ARP.target);
    const sender = makeV4(ARP.sender);
    const isForUs = !isLoopback(target) && !isMulticast(target) && this.#host.isOwn(target);
    const nowNs = this.#host.now();
    // Who asks whether an address is free has none yet (RFC 5227 §1.1).
    const isProbe = ARP.sender === 0;
    const isAsked =
      ARP.opcode === ARP_REQUEST &&
      !isLoopback(target) &&
      !isMulticast(target) &&
      (isProbe || this.#host.isExpected(device.index, sender, target)) &&
      this.#host.answersArp(device.index, isProbe ? null : sender, target);
    if (!isProbe && !isMulticast(sender) && !isLoopback(sender) && !this.#host.isOwn(sender)) {
      const known = this.neighbours.find(device.index, sender);
      const isAnswer = ARP.opcode === ARP_REPLY && isForUs;
      if (known !== null) this.neighbours.heard(known, ARP.senderHardware, nowNs, isAnswer);
      else if (isAsked) {
        const neighbour = this.neighbours.obtain(device.index, sender, nowNs);
        this.neighbours.set(neighbour, ARP.senderHardware, NUD_STALE, nowNs);
      }
    }
    if (!isAsked) return;
    const asker = { hardware: ARP.senderHardware, word: ARP.sender };
    const own = { hardware: device.hardwareAddress, word: ARP.target };
    this.#sendArp(device, ARP.senderHardware, ARP_REPLY, own, asker);
  }

  #sendNdp(
    device: IpDevice,
    hardware: Uint8Array,
    { source, to, target }: { source: IpAddress; to: IpAddress; target: IpAddress },
    type: number,
    flags: number,
  ): void {
    HEADER.protocol = IPPROTO_ICMPV6;
    HEADER.hops = NDP_HOPS;
    HEADER.trafficClass = 0;
    HEADER.source.set(source);
    HEADER.destination.set(to);
    const size = NDP_SIZE + NDP_OPTION_SIZE;
    HEADER.write(QUESTION, ETHERNET_HEADER_SIZE, size);
    const at = ETHERNET_HEADER_SIZE + IPV6_HEADER_SIZE;
    QUESTION.fill(0, at, at + size);
    QUESTION[at] = type;
    QUESTION[at + 4] = flags;
    writeV6(target, QUESTION, at + ICMP_HEADER_SIZE);
    QUESTION[at + NDP_SIZE] = type === NDP_SOLICITATION ? SOURCE_OPTION : TARGET_OPTION;
    QUESTION[at + NDP_SIZE + 1] = 1;
    QUESTION.set(device.hardwareAddress, at + NDP_SIZE + 2);
    setIcmpChecksum(QUESTION, at, size, true, source, to);
    writeEthernetHeader(QUESTION, hardware, device.hardwareAddress, ETHERTYPE_IPV6);
    device.transmit(QUESTION, ETHERNET_HEADER_SIZE + IPV6_HEADER_SIZE + size);
  }

  /** A solicitation or an advertisement, whose checksum is right (RFC 4861 §7.1, §7.2). */
  ndpReceived(device: IpDevice, packet: IncomingPacket): void {
    const { bytes, payloadAt: at, payloadLength: length, hops } = packet;
    // None came by a router.
    if (!device.isEthernet || hops !== NDP_HOPS || length < NDP_SIZE || bytes[at + 1] !== 0) return;
    readV6(bytes, at + ICMP_HEADER_SIZE, TARGET);
    if (isMulticast(TARGET)) return;
    const isSolicitation = bytes[at] === NDP_SOLICITATION;
    const option = optionOf(bytes, at, length, isSolicitation ? SOURCE_OPTION : TARGET_OPTION);
    if (option === MALFORMED_OPTION) return;
    if (isSolicitation) this.#solicited(device, packet, option);
    else this.#advertised(device, packet, option);
  }

  #solicited(device: IpDevice, { bytes, source, payloadAt, payloadLength }: IncomingPacket, option: number): void {
    // Who asks whether an address is free is told by all that there is somebody (RFC 4862 §5.4.3).
    const isProbe = isWildcard(source);
    const isOwn = this.#host.isAddressOf(device.index, TARGET);
    if (!isOwn && !this.#host.standsFor(device.index, TARGET)) {
      const nonce = isProbe ? optionOf(bytes, payloadAt, payloadLength, NONCE_OPTION) : MALFORMED_OPTION;
      if (nonce !== MALFORMED_OPTION)
        this.#host.claimed(device.index, TARGET, bytes, nonce === NO_OPTION ? bytes.length : nonce);
      return;
    }
    if (isProbe || isSameIp(source, TARGET)) {
      if (!isProbe) return;
      const all = Uint32Array.of(0xff020000, 0, 0, 1);
      hardwareOfGroup(all, GROUP_ADDRESS);
      const said = { source: TARGET.slice(), to: all, target: TARGET };
      this.#sendNdp(device, GROUP_ADDRESS, said, NDP_ADVERTISEMENT, OVERRIDE_FLAG | this.#routerFlag(device));
      return;
    }
    const nowNs = this.#host.now();
    const neighbour = this.neighbours.obtain(device.index, source, nowNs);
    if (option !== NO_OPTION) {
      const address = bytes.subarray(option, option + HARDWARE_SIZE);
      this.neighbours.heard(neighbour, address, nowNs, false);
    }
    if (neighbour.state === 0) return;
    const from = isOwn ? TARGET : this.#host.sourceFor(device.index, source);
    if (from === null) return;
    const said = { source: from.slice(), to: source.slice(), target: TARGET };
    // Who is stood in for may answer himself (RFC 4861 §7.2.8).
    const flags = SOLICITED_FLAG | (isOwn ? OVERRIDE_FLAG : 0) | this.#routerFlag(device);
    this.#sendNdp(device, neighbour.address, said, NDP_ADVERTISEMENT, flags);
  }

  #routerFlag(device: IpDevice): number {
    return this.#host.isRouter(device.index) ? ROUTER_FLAG : 0;
  }

  #advertised(device: IpDevice, { bytes, payloadAt, destination }: IncomingPacket, option: number): void {
    this.#host.claimed(device.index, TARGET, bytes, bytes.length);
    const flags = bytes[payloadAt + 4]!;
    const isAnswer = (flags & SOLICITED_FLAG) !== 0;
    if (isAnswer && isMulticast(destination)) return;
    const neighbour = this.neighbours.find(device.index, TARGET);
    if (neighbour === null) return;
    neighbour.isRouter = (flags & ROUTER_FLAG) !== 0;
    const isNew = neighbour.confirmedNs === 0 || (flags & OVERRIDE_FLAG) !== 0 || neighbour.waiting.length > 0;
    const nowNs = this.#host.now();
    if (option !== NO_OPTION && isNew)
      this.neighbours.heard(neighbour, bytes.subarray(option, option + HARDWARE_SIZE), nowNs, isAnswer);
    else if (isAnswer) this.neighbours.confirm(neighbour, nowNs);
  }

  static {
    stateClass("IpLinkOutput", this, {
      save: (it) => ({ host: it.#host, failures: it.#failures }),
      load: (it, from) => ({ host: it.#host, failures: it.#failures } = from),
    });
  }
}

const SOURCE: IpAddress = new Uint32Array(4);

/** From where the last packet of IPv4 comes that waits for a neighbour, until asked anew; null: none does. */
function sourceOf(waiting: readonly Uint8Array[]): IpAddress | null {
  const last = waiting.at(-1);
  return last === undefined || last[0]! >> 4 !== 4 ? null : readV4(last, 12, SOURCE);
}

const NO_OPTION = -1,
  MALFORMED_OPTION = -2;

/** Where the hardware address, or the nonce, of an option lies in the bytes. */
function optionOf(bytes: Uint8Array, at: number, length: number, type: number): number {
  let found = NO_OPTION;
  for (let option = NDP_SIZE; option + NDP_OPTION_SIZE <= length;) {
    const size = bytes[at + option + 1]! * 8;
    if (size === 0 || option + size > length) return MALFORMED_OPTION;
    if (bytes[at + option] === type && size === NDP_OPTION_SIZE) found = at + option + 2;
    option += size;
  }
  return found;
}
