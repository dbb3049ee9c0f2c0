import {
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  ARPHRD_NONE,
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_MULTICAST,
  IFF_POINTOPOINT,
  IFF_RUNNING,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_ALLMULTI,
  IFF_UP,
  IFA_F_DEPRECATED,
  IFA_F_OPTIMISTIC,
  IFA_F_PERMANENT,
  IFA_F_SECONDARY,
  IFA_F_TENTATIVE,
  IFAPROT_KERNEL_RA,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { FRAME_HEADER_SIZE, type Link, type RandomSource } from "@stratos/host";
import {
  broadcastOf,
  commonBits,
  type IpAddress,
  type IpDevice,
  isInPrefix,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isSameIp,
  isV4,
  LOOPBACK_V4,
  LOOPBACK_V6,
  widthOf,
} from "@stratos/netstack";
import type { InterfaceNetwork } from "./interface-network.ts";
import { InterfaceSettings } from "./network-settings.ts";
import type { Bridge } from "./packet/bridge.ts";

/** Length of an Ethernet address (IEEE 802-2014 §8.2). */
export const ETHERNET_ADDRESS_SIZE = 6;

/** How long an address is used, in seconds from `sinceNs` on; Infinity: for ever (RFC 4862 §5.5.4). */
export interface AddressLife {
  readonly preferred: number;
  readonly valid: number;
  readonly sinceNs: number;
}

export interface InterfaceAddress {
  readonly ip: IpAddress;
  readonly prefixLength: number;
  /** As it is told; packets to it go nowhere. */
  readonly broadcast: IpAddress | null;
  /** The other end, where it isn't in the same network: the prefix is that of it (ip-address(8), `peer`). */
  readonly peer?: IpAddress;
  /** IFA_F_* that its life doesn't tell. */
  flags?: number;
  /** IFAPROT_*: who gave it. */
  readonly protocol?: number;
  /** Of IPv4: what it is called ("eth0:1", an alias); left away: as its interface. */
  label?: string;
  /** Its network is somebody else's to lead to. */
  readonly isRouted?: boolean;
  /** Left away: it is used for ever. */
  life?: AddressLife;
  /** It is told that it is used no more for what begins. */
  isDeprecated?: boolean;
}

/** IFA_F_* of an address. */
export function flagsOf({ flags = 0, life, isDeprecated, protocol }: InterfaceAddress): number {
  // What routers give is never certain to stay.
  const lasts = protocol !== IFAPROT_KERNEL_RA && (life === undefined || life.valid === Infinity);
  return flags | (lasts ? IFA_F_PERMANENT : 0) | (isDeprecated === true ? IFA_F_DEPRECATED : 0);
}

/** Is it not known yet, or known not to be, this station's alone? One that is thought to be so is used (RFC 4429). */
export function isTentative({ flags = 0 }: InterfaceAddress): boolean {
  return (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) === IFA_F_TENTATIVE;
}

/** Does its network of IPv4 have another one, with which it goes? */
function isSecondary({ ip, flags = 0 }: InterfaceAddress): boolean {
  return isV4(ip) && (flags & IFA_F_SECONDARY) !== 0;
}

/** Do two of IPv4 bring their interface into one network? */
function isOfNetwork(one: InterfaceAddress, other: InterfaceAddress): boolean {
  if (!isV4(one.ip) || !isV4(other.ip) || one.prefixLength !== other.prefixLength) return false;
  return isInPrefix(networkOf(one), networkOf(other), one.prefixLength);
}

/** An address of the network that one brings its interface into. */
export function networkOf({ ip, peer }: InterfaceAddress): IpAddress {
  return peer ?? ip;
}

/** Of groups of IPv6 (RFC 4291 §2.7): those that no router passes on. */
const SCOPE_LINK = 2;

/** What `lo` has as soon as it is up for the first time. */
export const LOOPBACK_ADDRESSES: readonly InterfaceAddress[] = [
  { ip: LOOPBACK_V4, prefixLength: 8, broadcast: null },
  { ip: LOOPBACK_V6, prefixLength: 128, broadcast: null },
];

/**
 * What carries its traffic: nothing beyond this machine, the provider, nothing at all, a pair, its ports, or programs,
 * as packets of IP (`tun`) or frames (`tap`).
 */
export type InterfaceKind = "loopback" | "provider" | "dummy" | "veth" | "bridge" | "tun" | "tap";

/** IFF_* that an interface of a kind has, unless all of Ethernet's. */
const FLAGS: { readonly [kind in InterfaceKind]?: number } = {
  loopback: IFF_LOOPBACK,
  dummy: IFF_BROADCAST,
  tun: IFF_POINTOPOINT | IFF_MULTICAST,
};

export interface InterfaceOptions {
  readonly name: string;
  readonly hardwareAddress: Uint8Array;
  readonly mtu: number;
  readonly link: Link | null;
  /** That nobody has; 0 or left away: the next. */
  readonly index?: number;
  /** Left away: as it comes. */
  readonly queueLength?: number | undefined;
  readonly queues?: QueueCounts | undefined;
  readonly group?: number;
}

/** Queues that an interface was made with. One carries all. */
interface QueueCounts {
  readonly sending: number;
  readonly receiving: number;
}

const ONE_QUEUE: QueueCounts = { sending: 1, receiving: 1 };

/** Bytes of a packet that a link may be given at once, to be cut (GSO), or makes of several (GRO), and its segments. */
interface PacketSizes {
  gso: number;
  gsoV4: number;
  gsoSegments: number;
  gro: number;
  groV4: number;
}

/** Of a packet without a jumbo option (include/linux/netdevice.h, GSO_LEGACY_MAX_SIZE). */
export const LEGACY_PACKET_MAX = 65536;
/** GSO_MAX_SEGS. */
export const SEGMENTS_MAX = 65535;

/** What a request says of an interface to be made; undefined: as it comes. */
export interface NewInterface {
  /** Where it is to be; null: in the network that is asked. */
  readonly network: InterfaceNetwork | null;
  readonly name: string | undefined;
  readonly hardwareAddress: Uint8Array | undefined;
  readonly mtu: number | undefined;
  readonly queueLength: number | undefined;
  readonly queues: QueueCounts | undefined;
  readonly group: number;
  /** 0: the next one that is free. */
  readonly index: number;
}

export const AS_IT_COMES: NewInterface = {
  network: null,
  name: undefined,
  hardwareAddress: undefined,
  mtu: undefined,
  queueLength: undefined,
  queues: undefined,
  group: 0,
  index: 0,
};

/** Packets and bytes of an interface, each way, since it was made. */
export class InterfaceCounters {
  receivedPackets = 0;
  receivedBytes = 0;
  receivedDropped = 0;
  sentPackets = 0;
  sentBytes = 0;
  sentDropped = 0;

  static {
    stateClass("InterfaceCounters", this);
  }
}

/** A network interface as programs see it (netdevice(7)). `Network` makes, changes and removes it. */
export class NetworkInterface {
  /** In which it is now, and its number there. */
  network: InterfaceNetwork;
  index: number;
  readonly kind: InterfaceKind;
  name: string;
  /** Others that it is found by (`ip link property add`). Bound: ALTERNATIVE_NAMES_MAX. */
  readonly alternativeNames: string[] = [];
  /** What somebody wrote on it (`ip link set … alias`). Bound: IFALIASZ. */
  alias = "";
  /** ARPHRD_*. */
  readonly hardwareType: number;
  hardwareAddress: Uint8Array;
  mtu: number;
  /** net.ipv6.conf.NAME.mtu, or what a router said: bytes that a packet of IPv6 may have at most. */
  mtuV6 = Infinity;
  /** Carries its frames; null: packet sockets see nothing of it. */
  readonly link: Link | null;
  /** As the IP layer knows it; null: it hasn't been asked for. */
  device: IpDevice | null = null;
  /** The other end of a veth pair. */
  peer: NetworkInterface | null = null;
  /** Of a bridge: its ports; and the bridge that it is a port of. */
  bridge: Bridge | null = null;
  master: NetworkInterface | null = null;
  /** IFLA_GROUP: those of one are changed and removed together. */
  group: number;
  /** `struct net_device`.tx_queue_len. */
  queueLength: number;
  queues: QueueCounts;
  /** As `ip link` sets and tells them. Packets are cut where they are made, and put together nowhere. */
  readonly sizes: PacketSizes = {
    gso: LEGACY_PACKET_MAX,
    gsoV4: LEGACY_PACKET_MAX,
    gsoSegments: SEGMENTS_MAX,
    gro: LEGACY_PACKET_MAX,
    groV4: LEGACY_PACKET_MAX,
  };
  isUp = false;
  isNoArp = false;
  /** IFF_MULTICAST. */
  hasGroups: boolean;
  isPromiscuous = false;
  isAllMulticast = false;
  /** net.ipv6.conf.NAME.disable_ipv6: any number but 0 and it has no IPv6. */
  disablesIpv6 = 0;
  settings = new InterfaceSettings();
  addresses: InterfaceAddress[] = [];
  /** Ethernet addresses of groups that were given by hand (SIOCADDMULTI). Bound: LINK_GROUPS_MAX. */
  linkGroups: Uint8Array[] = [];
  readonly counters = new InterfaceCounters();

  constructor(options: InterfaceOptions & { network: InterfaceNetwork; index: number; kind: InterfaceKind }) {
    this.network = options.network;
    this.index = options.index;
    this.kind = options.kind;
    this.name = options.name;
    const { kind } = options;
    this.hardwareType = kind === "loopback" ? ARPHRD_LOOPBACK : kind === "tun" ? ARPHRD_NONE : ARPHRD_ETHER;
    this.hardwareAddress = options.hardwareAddress;
    this.mtu = options.mtu;
    this.link = options.link;
    this.hasGroups = ((FLAGS[kind] ?? IFF_MULTICAST) & IFF_MULTICAST) !== 0;
    this.isNoArp = kind === "dummy" || kind === "tun";
    this.queueLength = options.queueLength ?? (kind === "tun" ? 500 : 1000);
    this.queues = options.queues ?? ONE_QUEUE;
    this.group = options.group ?? 0;
  }

  /** Is the other end there and up, or a port? */
  get hasCarrier(): boolean {
    if (this.bridge !== null) return this.bridge.ports.some((port) => port.isRunning);
    const isOfLink = this.kind === "veth" || this.kind === "tun" || this.kind === "tap";
    return !isOfLink || this.link!.hasCarrier;
  }

  /** Does the IP layer send and receive over it? `lo` and the provider's have their own ways. */
  get carriesIp(): boolean {
    return this.kind !== "loopback" && this.kind !== "provider";
  }

  /** Are its packets in Ethernet frames? */
  get hasFrames(): boolean {
    return this.kind !== "tun";
  }

  /** Bytes before the packets of the network. */
  get linkHeaderSize(): number {
    return this.hasFrames ? FRAME_HEADER_SIZE : 0;
  }

  get isLoopback(): boolean {
    return this.kind === "loopback";
  }

  get hasIpv6(): boolean {
    return this.disablesIpv6 === 0;
  }

  /** Does it carry packets now? */
  get isRunning(): boolean {
    return this.isUp && this.hasCarrier;
  }

  /** IFF_*. */
  get flags(): number {
    let flags = (FLAGS[this.kind] ?? IFF_BROADCAST) & ~IFF_MULTICAST;
    if (this.hasGroups) flags |= IFF_MULTICAST;
    if (this.isUp) flags |= IFF_UP;
    if (this.isRunning) flags |= IFF_RUNNING | IFF_LOWER_UP;
    if (this.isNoArp) flags |= IFF_NOARP;
    if (this.isPromiscuous) flags |= IFF_PROMISC;
    if (this.isAllMulticast) flags |= IFF_ALLMULTI;
    return flags;
  }

  /** How its frames queue, as `ip link` names it. */
  get queueDiscipline(): string {
    if (this.kind === "provider") return "pfifo_fast";
    if (this.kind === "tun" || this.kind === "tap") return this.isUp ? "pfifo_fast" : "noop";
    return this.isUp ? "noqueue" : "noop";
  }

  addressOf(ip: IpAddress): InterfaceAddress | undefined {
    return this.addresses.find((one) => isSameIp(one.ip, ip));
  }

  /** Of IPv6 an interface has an address once; of IPv4 once in each network (net/ipv4/devinet.c, __inet_insert_ifa). */
  addressLike(wanted: InterfaceAddress): InterfaceAddress | undefined {
    return this.addresses.find(
      (one) =>
        isSameIp(one.ip, wanted.ip) &&
        (!isV4(one.ip) ||
          (one.prefixLength === wanted.prefixLength &&
            isInPrefix(networkOf(one), networkOf(wanted), wanted.prefixLength))),
    );
  }

  /** Is it the last address of a network that this one is in (RFC 919 §7)? A point-to-point one has nothing like it. */
  isBroadcast(ip: IpAddress): boolean {
    return this.isUp && this.addresses.some((address) => isLastOf(address, ip));
  }

  labelOf({ label }: InterfaceAddress): string {
    return label ?? this.name;
  }

  /**
   * The address of IPv4 that a request names by its label: that one of several which is like the other, else the first
   * (net/ipv4/devinet.c, devinet_ioctl).
   */
  labelled(label: string, like: IpAddress | null): InterfaceAddress | undefined {
    const named = this.addresses.filter((one) => isV4(one.ip) && this.labelOf(one) === label);
    return (like === null ? undefined : named.find(({ ip }) => isSameIp(ip, like))) ?? named[0];
  }

  /** The first IPv4 address. */
  get firstV4(): InterfaceAddress | undefined {
    return this.addresses.find((one) => isV4(one.ip));
  }

  /**
   * Where it is told: of IPv4 the first ones of networks, the narrowest scope first, then others (net/ipv4/devinet.c,
   * __inet_insert_ifa); those of IPv6 by scope, the newest first (net/ipv6/addrconf.c, ipv6_link_dev_addr).
   */
  insertAddress(address: InterfaceAddress): void {
    const isLocal = isLinkLocal(address.ip);
    const at = isV4(address.ip)
      ? this.#placeOfV4(address)
      : this.addresses.findIndex(({ ip }) => !isV4(ip) && (!isLocal || isLinkLocal(ip)));
    this.addresses.splice(at < 0 ? this.addresses.length : at, 0, address);
  }

  #placeOfV4(address: InterfaceAddress): number {
    if (isSecondary(address)) return -1;
    const scope = scopeOf(address.ip);
    const before = this.addresses.findLastIndex(
      (other) => isV4(other.ip) && !isSecondary(other) && scope <= scopeOf(other.ip),
    );
    return before < 0 ? this.addresses.findIndex(({ ip }) => isV4(ip)) : before + 1;
  }

  /** The first address of that one's network of IPv4, if there is one. */
  firstOfNetwork(address: InterfaceAddress): InterfaceAddress | undefined {
    return this.addresses.find((one) => !isSecondary(one) && isOfNetwork(one, address));
  }

  /** The others of a network of IPv4, if the address is its first one. */
  othersOfNetwork(address: InterfaceAddress): InterfaceAddress[] {
    if (!isV4(address.ip) || isSecondary(address)) return [];
    return this.addresses.filter((one) => isSecondary(one) && isOfNetwork(one, address));
  }

  /** The address that packets to `destination` come from; null when none of that family is there. */
  sourceFor(destination: IpAddress): IpAddress | null {
    return isV4(destination) ? this.#sourceOfV4(destination) : this.#sourceOfV6(destination);
  }

  #sourceOfV4(destination: IpAddress): IpAddress | null {
    let linkLocal: IpAddress | null = null;
    for (const { ip } of this.addresses) {
      if (!isV4(ip)) continue;
      if (!isLinkLocal(ip) || isLinkLocal(destination)) return ip;
      linkLocal = ip;
    }
    return linkLocal;
  }

  /** RFC 6724 §5: of the destination's scope (rule 2), that has most of its prefix in common with it (rule 8). */
  #sourceOfV6(destination: IpAddress): IpAddress | null {
    const isGroup = isMulticast(destination);
    const isLocal = isGroup || isLinkLocal(destination);
    const isOfLink = isGroup && ((destination[0]! >>> 16) & 15) <= SCOPE_LINK;
    let best: IpAddress | null = null,
      most = -1;
    for (const address of this.addresses) {
      const { ip, prefixLength } = address;
      if (isV4(ip) || (isLinkLocal(ip) && !isLocal) || isTentative(address)) continue;
      // What is to be used no more comes last (rule 3).
      let common = Math.min(commonBits(ip, destination), prefixLength) + (address.isDeprecated === true ? 0 : 256);
      if (isGroup && isLinkLocal(ip) === isOfLink) common += 512;
      if (common <= most) continue;
      best = ip;
      most = common;
    }
    return best;
  }

  static {
    stateClass("NetworkInterface", this);
  }
}

function isLastOf(address: InterfaceAddress, last: IpAddress): boolean {
  const { ip, prefixLength } = address;
  const stations = prefixLength === 0 ? 0xffffffff : 2 ** (32 - prefixLength) - 1;
  return (
    isV4(ip) && prefixLength < 31 && (~last[3]! & stations) === 0 && isInPrefix(last, networkOf(address), prefixLength)
  );
}

/** Do others hear which multicast groups it is a member of? */
export function tellsGroups({ carriesIp, hasFrames, kind }: NetworkInterface): boolean {
  return carriesIp && hasFrames && kind !== "dummy";
}

/** RT_SCOPE_* of an address (rtnetlink(7)): this machine, this link, everywhere. */
export function scopeOf(ip: IpAddress): number {
  return isLoopback(ip) ? RT_SCOPE_HOST : isLinkLocal(ip) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

/** The broadcast address of an IPv4 network, for the addresses that hosts and ioctls bring. */
export function usualBroadcast(ip: IpAddress, prefixLength: number): IpAddress | null {
  return isLoopback(ip) || !isV4(ip) || prefixLength > 30 ? null : broadcastOf(ip, prefixLength);
}

/** The prefix that ioctls give an IPv4 address: that of its class (RFC 791 §3.2). */
export function classPrefixOf(ip: IpAddress): number {
  const first = ip[3]! >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : widthOf(ip);
}

/** An address that nobody assigned, of one station: locally administered and not of a group (IEEE 802-2014 §8.4). */
export function chosenHardwareAddress(random: RandomSource): Uint8Array {
  const address = new Uint8Array(ETHERNET_ADDRESS_SIZE);
  random.fill(address);
  address[0] = (address[0]! & ~3) | 2;
  return address;
}
