/**
 * How stations of IPv6 get their addresses and routes themselves (RFC 4862, RFC 4861 §6.3; Linux net/ipv6/addrconf.c):
 *
 *     address added --(≤ 1 s)--> question --1 s--> … --1 s--> it is used; for the first of the link: are there routers?
 *                       |            somebody says that it is his                               |
 *                       +--> IFA_F_DADFAILED, or it goes                                        v
 *                                            advertisement --> default route, prefix, address with a life
 *
 * It also ends what has an end: addresses of both versions, and routes. Bounds: addresses and routes of a network;
 * CONFIGURED_ROUTES_MAX that routers tell.
 */
import {
  AF_INET6,
  IFA_F_DADFAILED,
  NDUSEROPT_SRCADDR,
  Nduseroptmsg,
  Nlattr,
  IFA_F_MANAGETEMPADDR,
  IFA_F_OPTIMISTIC,
  IFA_F_PERMANENT,
  IFA_F_STABLE_PRIVACY,
  IFA_F_TENTATIVE,
  IFAPROT_KERNEL_LL,
  IFAPROT_KERNEL_RA,
  IN6_ADDR_GEN_MODE_NONE,
  IN6_ADDR_GEN_MODE_RANDOM,
  RTPROT_KERNEL,
  RTPROT_RA,
} from "@stratos/abi";
import { concatBytes, stateClass } from "@stratos/base";
import {
  ANY_V6,
  ipBytes,
  NDP_ROUTER_ADVERTISEMENT,
  type IncomingPacket,
  type IpAddress,
  type IpDevice,
  isLinkLocal,
  isMulticast,
  isSameIp,
  isV4,
  type NeighbourCache,
  prefixOf,
} from "@stratos/netstack";
import {
  type AdvertisedPrefix,
  announceAddress,
  askForAddress,
  askForRouters,
  FOR_EVER,
  NONCE_SIZE,
  readAdvertisement,
  type RouterAdvertisement,
} from "@stratos/netstack/configuration";
import { putFields, viewOf } from "../../ground/words.ts";
import {
  addAddress,
  addressChanged,
  addRoute,
  disableIpv6,
  MTU_MIN_V6,
  removeAddress,
  removeRoute,
} from "../interface-changes.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import {
  chosenHardwareAddress,
  flagsOf,
  type InterfaceAddress,
  isTentative,
  type NetworkInterface,
} from "../network-interface.ts";
import { makeRoute, type Route } from "../routes.ts";

/** RETRANS_TIMER (RFC 4861 §10). */
const RETRANS_NS = 1e9;
/** Whoever says less doesn't end an address sooner (RFC 4862 §5.5.3 (e)). */
const VALID_LEAST = 7200;
/** Routers and prefixes that are believed, of all interfaces. */
const CONFIGURED_ROUTES_MAX = 64;
const CONFIGURED_LENGTH = 64;

/** The IP layer that this is a part of (network-ip.ts). */
interface ConfiguredIp {
  readonly neighbours: NeighbourCache;
  now(): number;
  random(): number;
  device(index: number): IpDevice | null;
  isRouter(index: number): boolean;
  /** Deadlines are others by now. */
  rearm(): void;
}

/** An address that is asked for. */
interface AddressQuestion {
  readonly one: NetworkInterface;
  readonly address: InterfaceAddress;
  /** Questions that are still to be asked. */
  left: number;
  dueNs: number;
  nonce: Uint8Array | null;
}

/** An interface that asks for routers. */
interface RouterQuestion {
  readonly one: NetworkInterface;
  /** Below 0: without end. */
  left: number;
  intervalNs: number;
  dueNs: number;
}

export class AddressConfiguration {
  #network: InterfaceNetwork;
  #ip: ConfiguredIp;
  #addresses: AddressQuestion[] = [];
  #routers: RouterQuestion[] = [];
  /** When the next address or route may end. */
  #endNs = Infinity;

  constructor(network: InterfaceNetwork, ip: ConfiguredIp) {
    this.#network = network;
    this.#ip = ip;
  }

  get nextNs(): number {
    let next = this.#endNs;
    for (const { dueNs } of this.#addresses) next = Math.min(next, dueNs);
    for (const { dueNs } of this.#routers) next = Math.min(next, dueNs);
    return next;
  }

  advance(nowNs: number): void {
    for (const question of [...this.#addresses]) if (question.dueNs <= nowNs) this.#askAddress(question, nowNs);
    for (const question of [...this.#routers]) if (question.dueNs <= nowNs) this.#askRouters(question, nowNs);
    if (this.#endNs <= nowNs) this.#end(nowNs);
  }

  becomeReady(one: NetworkInterface): void {
    // What becomes one of itself is asked for when it is added.
    const waiting = one.addresses.filter(isTentative);
    this.#addLinkLocal(one);
    for (const address of waiting) this.ask(one, address);
  }

  /** RFC 4862 §5.3: fe80::/64 and the interface's own half; a program that wants to say it itself asks for none. */
  #addLinkLocal(one: NetworkInterface): void {
    if (one.mtu < MTU_MIN_V6 || !one.hasIpv6 || one.settings.generation === IN6_ADDR_GEN_MODE_NONE) return;
    // Who has no hardware address gets another one each time.
    const isRandom = isByChance(one);
    if (isRandom && one.addresses.some(({ ip }) => !isV4(ip) && isLinkLocal(ip))) return;
    const ip = Uint32Array.of(0xfe800000, 0, ...ownHalf(this.#network, one));
    if (one.addressOf(ip) !== undefined) return;
    const flags = isRandom ? IFA_F_STABLE_PRIVACY : 0;
    const protocol = IFAPROT_KERNEL_LL;
    addAddress(this.#network, one, { ip, prefixLength: 64, broadcast: null, protocol, flags });
  }

  /** An address begins to be asked for; some time passes first, so that not all stations ask at once. */
  ask(one: NetworkInterface, address: InterfaceAddress): void {
    const { settings } = one;
    if (this.#addresses.some((each) => each.address === address)) return;
    const isOwn = address.protocol === IFAPROT_KERNEL_LL || address.protocol === IFAPROT_KERNEL_RA;
    const { all } = this.#network.settings.interfaces;
    if (isOwn && (settings.isOptimistic | all.isOptimistic) !== 0 && all.forwardsV6 === 0)
      address.flags = (address.flags ?? 0) | IFA_F_OPTIMISTIC;
    const isUsed = !isTentative(address);
    // What is used already is routed to.
    if (isUsed) addressChanged(this.#network, one, address);
    const delayMs = isUsed ? 0 : this.#ip.random() % (Math.max(0, settings.delaySeconds) * 1000 || 1);
    const dueNs = this.#ip.now() + delayMs * 1e6;
    this.#addresses.push({ one, address, left: Math.max(0, settings.questions), dueNs, nonce: null });
    this.#ip.rearm();
  }

  #askAddress(question: AddressQuestion, nowNs: number): void {
    const { one, address } = question;
    const isThere = one.network === this.#network && one.isRunning && one.addresses.includes(address);
    if (!isThere || question.left <= 0) {
      this.#addresses.splice(this.#addresses.indexOf(question), 1);
      if (isThere) this.#isFree(one, address);
      return;
    }
    question.left--;
    question.dueNs = nowNs + RETRANS_NS;
    const asksWithNonce = Math.max(one.settings.asksWithNonce, this.#network.settings.interfaces.all.asksWithNonce) > 0;
    question.nonce = asksWithNonce ? this.#nonce() : null;
    askForAddress(this.#ip.device(one.index)!, address.ip, question.nonce);
  }

  #nonce(): Uint8Array {
    const nonce = new Uint8Array(NONCE_SIZE);
    this.#network.kernel.random.fill(nonce);
    return nonce;
  }

  /** Nobody has said no. */
  #isFree(one: NetworkInterface, address: InterfaceAddress): void {
    const { settings } = one;
    const network = this.#network;
    address.flags = (address.flags ?? 0) & ~(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
    addressChanged(network, one, address);
    const announces = Math.max(settings.announcesV6, network.settings.interfaces.all.announcesV6) > 0;
    if (announces) announceAddress(this.#ip.device(one.index)!, address.ip, this.#ip.isRouter(one.index) ? 0x80 : 0);
    const asks = settings.routerQuestions !== 0 && this.#hearsRouters(one);
    if (!isLinkLocal(address.ip) || !asks || this.#routers.some((each) => each.one === one)) return;
    if (one.addresses.some((each) => each !== address && isLinkLocal(each.ip) && !isTentative(each))) return;
    const interval = settings.routerSeconds * 1e9;
    this.#routers.push({ one, left: settings.routerQuestions, intervalNs: interval, dueNs: this.#ip.now() });
    this.#ip.rearm();
  }

  /** Somebody else has it, or asks for it. */
  claimed(index: number, ip: IpAddress, bytes: Uint8Array, nonceAt: number): void {
    const at = this.#addresses.findIndex(({ one, address }) => one.index === index && isSameIp(address.ip, ip));
    const question = this.#addresses[at];
    if (question === undefined) return;
    const { one, address, nonce } = question;
    // Our own, which came back.
    if (nonce !== null && nonceAt < bytes.length && nonce.every((byte, each) => byte === bytes[nonceAt + each])) return;
    this.#addresses.splice(at, 1);
    const network = this.#network;
    if ((flagsOf(address) & IFA_F_PERMANENT) === 0) {
      removeAddress(network, one, address);
      return;
    }
    address.flags = ((address.flags ?? 0) & ~IFA_F_OPTIMISTIC) | IFA_F_DADFAILED;
    addressChanged(network, one, address);
    const { all } = network.settings.interfaces;
    // Who has the same hardware address is the same station, or no good one (net/ipv6/addrconf.c, addrconf_dad_work).
    const ends = Math.max(one.settings.asksForAddresses, all.asksForAddresses) > 1;
    if (ends && address.protocol === IFAPROT_KERNEL_LL) disableIpv6(network, one, 1);
  }

  #hearsRouters({ settings }: NetworkInterface): boolean {
    return settings.forwardsV6 === 0 ? settings.hearsRouters !== 0 : settings.hearsRouters === 2;
  }

  /** RFC 7559: ever more seldom. */
  #askRouters(question: RouterQuestion, nowNs: number): void {
    const { one } = question;
    const { settings } = one;
    const isThere = one.network === this.#network && one.isRunning && one.hasIpv6;
    const source = one.addresses.find((each) => isLinkLocal(each.ip) && each.ip[0] !== 0 && !isTentative(each));
    if (!isThere || source === undefined || question.left === 0 || !this.#hearsRouters(one)) {
      this.#routers.splice(this.#routers.indexOf(question), 1);
      return;
    }
    if (question.left > 0) question.left--;
    askForRouters(this.#ip.device(one.index)!, source.ip);
    // As long as was said, a tenth more or less.
    const jitter = 0.9 + (this.#ip.random() % 1000) / 5000;
    question.dueNs = nowNs + Math.max(1e9, Math.floor(question.intervalNs * jitter));
    const most = Math.max(1, settings.routerSecondsMost) * 1e9;
    question.intervalNs = Math.min(question.intervalNs * 2, most);
  }

  /** A router's advertisement came in. */
  advertised(one: NetworkInterface, packet: IncomingPacket): void {
    const said = readAdvertisement(packet);
    if (said === null || one.network !== this.#network) return;
    const router = packet.source.slice();
    const hears = this.#hearsRouters(one) && one.hasIpv6;
    if (hears) {
      this.#routers = this.#routers.filter((each) => each.one !== one);
      if (one.settings.takesRouter !== 0) this.#routerSaid(one, router, said);
    }
    this.#learnRouter(one, router, said);
    if (!hears) return;
    if (one.settings.takesPrefixes !== 0) for (const prefix of said.prefixes) this.#prefixSaid(one, prefix);
    const { mtu } = said;
    if (one.settings.takesMtu !== 0 && mtu >= MTU_MIN_V6 && mtu <= one.mtu) one.mtuV6 = mtu;
    for (const option of said.others)
      for (const observer of this.#network.observers) observer.routerSaid?.(forPrograms(one, router, option));
    this.#ip.rearm();
  }

  #learnRouter(one: NetworkInterface, router: IpAddress, { hardware }: RouterAdvertisement): void {
    const { neighbours } = this.#ip;
    const nowNs = this.#ip.now();
    const neighbour =
      hardware === null ? neighbours.find(one.index, router) : neighbours.obtain(one.index, router, nowNs);
    if (neighbour === null) return;
    neighbour.isRouter = true;
    if (hardware !== null) neighbours.heard(neighbour, hardware, nowNs, false);
  }

  /** RFC 4861 §6.3.4: a default router, as long as it says. */
  #routerSaid(one: NetworkInterface, router: IpAddress, { lifetime, preference }: RouterAdvertisement): void {
    const network = this.#network;
    const metric = one.settings.routerMetric >>> 0;
    if (one.settings.takesOwnRouter === 0 && network.hasAddress(router)) return;
    const isIts = (route: Route): boolean =>
      route.protocol === RTPROT_RA &&
      route.out === one &&
      route.prefixLength === 0 &&
      route.gateway !== null &&
      isSameIp(route.gateway, router);
    let route = network.routes.given.find(isIts);
    if (route !== undefined && (lifetime === 0 || route.metric !== metric || route.preference !== preference)) {
      this.#removeRoute(route);
      route = undefined;
    }
    if (lifetime === 0) return;
    if (route !== undefined) this.#lasts(route, lifetime);
    else this.#addRoute(one, { destination: ANY_V6, prefixLength: 0, gateway: router, metric, preference }, lifetime);
  }

  #addRoute(
    one: NetworkInterface,
    wanted: Pick<Route, "destination" | "prefixLength"> & Partial<Route>,
    seconds: number,
  ): void {
    const network = this.#network;
    const told = network.routes.given.filter(({ expiresNs }) => expiresNs !== undefined).length;
    if (told >= CONFIGURED_ROUTES_MAX) return;
    const route = makeRoute({ out: one, protocol: RTPROT_RA, ...wanted });
    this.#lasts(route, seconds);
    addRoute(network, route);
  }

  #removeRoute(route: Route): void {
    removeRoute(this.#network, { ...route, type: route.type });
  }

  #lasts(route: Route, seconds: number): void {
    if (seconds === FOR_EVER) delete route.expiresNs;
    else route.expiresNs = this.#ip.now() + seconds * 1e9;
    this.outlive(route);
  }

  /** RFC 4861 §6.3.4, RFC 4862 §5.5.3. */
  #prefixSaid(one: NetworkInterface, prefix: AdvertisedPrefix): void {
    const { ip, length, valid, preferred, isOnLink, isAutonomous } = prefix;
    if (length > 128 || isMulticast(ip) || isLinkLocal(ip) || preferred > valid) return;
    const destination = prefixOf(ip, length);
    if (isOnLink) this.#prefixIsOnLink(one, destination, length, valid);
    if (isAutonomous && one.settings.configures !== 0 && length === CONFIGURED_LENGTH)
      this.#configure(one, destination, valid, preferred);
  }

  #prefixIsOnLink(one: NetworkInterface, destination: IpAddress, prefixLength: number, valid: number): void {
    const { routes } = this.#network;
    const isIt = (route: Route): boolean =>
      route.out === one &&
      route.gateway === null &&
      route.protocol === RTPROT_KERNEL &&
      route.prefixLength === prefixLength &&
      isSameIp(route.destination, destination);
    const route = routes.given.find(isIt);
    if (route !== undefined) {
      if (valid === 0) this.#removeRoute(route);
      else this.#lasts(route, valid);
      return;
    }
    const wanted = { destination, prefixLength, metric: 256, protocol: RTPROT_KERNEL };
    // One of the interface's addresses may lead there already.
    if (valid > 0 && !routes.hasEqual(makeRoute({ out: one, ...wanted }))) this.#addRoute(one, wanted, valid);
  }

  #configure(one: NetworkInterface, prefix: IpAddress, valid: number, preferred: number): void {
    const network = this.#network;
    const isIts = ({ ip, protocol }: InterfaceAddress): boolean =>
      protocol === IFAPROT_KERNEL_RA && ip[0] === prefix[0] && ip[1] === prefix[1];
    const present = one.addresses.find(isIts);
    const nowNs = this.#ip.now();
    const seconds = (value: number): number => (value === FOR_EVER ? Infinity : value);
    const life = { valid: seconds(valid), preferred: seconds(preferred), sinceNs: nowNs };
    const isDeprecated = preferred === 0;
    if (present === undefined) {
      const ours = one.addresses.filter(({ protocol }) => protocol === IFAPROT_KERNEL_RA).length;
      const { generation, addressesMost } = one.settings;
      if (valid === 0 || generation === IN6_ADDR_GEN_MODE_NONE || (addressesMost > 0 && ours >= addressesMost)) return;
      const ip = Uint32Array.of(prefix[0]!, prefix[1]!, ...ownHalf(network, one));
      const flags = IFA_F_MANAGETEMPADDR | (isByChance(one) ? IFA_F_STABLE_PRIVACY : 0);
      const given = { ip, prefixLength: CONFIGURED_LENGTH, broadcast: null, protocol: IFAPROT_KERNEL_RA, flags };
      addAddress(network, one, { ...given, life, isDeprecated, isRouted: true });
      return;
    }
    const left = present.life === undefined ? Infinity : present.life.valid - (nowNs - present.life.sinceNs) / 1e9;
    present.life = { ...life, valid: Math.max(life.valid, Math.min(Math.floor(left), VALID_LEAST)) };
    present.isDeprecated = isDeprecated;
    addressChanged(network, one, present);
    this.outlive(present);
  }

  outlive(what: InterfaceAddress | Route): void {
    const ends = "life" in what ? nextEndOf(what) : ((what as Route).expiresNs ?? Infinity);
    this.#endNs = Math.min(this.#endNs, ends);
    this.#ip.rearm();
  }

  #end(nowNs: number): void {
    this.#endNs = Infinity;
    const network = this.#network;
    for (const one of network.interfaces)
      for (const address of [...one.addresses]) {
        const { life } = address;
        // The first one of its network may have taken it along.
        if (life === undefined || !one.addresses.includes(address)) continue;
        if (life.sinceNs + life.valid * 1e9 <= nowNs) removeAddress(network, one, address);
        else if (address.isDeprecated !== true && life.sinceNs + life.preferred * 1e9 <= nowNs) {
          address.isDeprecated = true;
          addressChanged(network, one, address);
        }
        if (one.addresses.includes(address)) this.#endNs = Math.min(this.#endNs, nextEndOf(address));
      }
    for (const route of [...network.routes.given]) {
      const { expiresNs = Infinity } = route;
      if (expiresNs <= nowNs) this.#removeRoute(route);
      else this.#endNs = Math.min(this.#endNs, expiresNs);
    }
  }

  static {
    stateClass("AddressConfiguration", this, {
      save: (it) => ({
        network: it.#network,
        ip: it.#ip,
        addresses: it.#addresses,
        routers: it.#routers,
        endNs: it.#endNs,
      }),
      load: (it, from) =>
        ({ network: it.#network, ip: it.#ip, addresses: it.#addresses, routers: it.#routers, endNs: it.#endNs } = from),
    });
  }
}

/** An option of an advertisement as programs hear it (net/ipv6/ndisc.c, ndisc_ra_useropt). */
function forPrograms(one: NetworkInterface, router: IpAddress, option: Uint8Array): Uint8Array {
  const address = ipBytes(router);
  const head = new Uint8Array(Nduseroptmsg.size);
  putFields(viewOf(head), Nduseroptmsg, {
    nduseropt_family: AF_INET6,
    nduseropt_opts_len: option.length,
    nduseropt_ifindex: one.index,
    nduseropt_icmp_type: NDP_ROUTER_ADVERTISEMENT,
  });
  const attribute = new Uint8Array(Nlattr.size);
  putFields(viewOf(attribute), Nlattr, { nla_len: Nlattr.size + address.length, nla_type: NDUSEROPT_SRCADDR });
  return concatBytes([head, option, attribute, address]);
}

function isByChance({ settings, hasFrames }: NetworkInterface): boolean {
  return settings.generation === IN6_ADDR_GEN_MODE_RANDOM || !hasFrames;
}

/** The last half of an interface's own addresses: its hardware address (RFC 4291 §2.5.1 and appendix A), or chance. */
function ownHalf(network: InterfaceNetwork, one: NetworkInterface): [number, number] {
  const mac = isByChance(one) ? chosenHardwareAddress(network.kernel.random) : one.hardwareAddress;
  return [
    ((mac[0]! ^ 2) << 24) | (mac[1]! << 16) | (mac[2]! << 8) | 0xff,
    (0xfe << 24) | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!,
  ];
}

/** When it is used no more for what begins, or no more at all. */
function nextEndOf({ life, isDeprecated }: InterfaceAddress): number {
  if (life === undefined) return Infinity;
  return life.sinceNs + (isDeprecated === true ? life.valid : life.preferred) * 1e9;
}
