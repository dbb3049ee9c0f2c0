import { EADDRINUSE, EADDRNOTAVAIL } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { RandomSource } from "@stratos/host";
import { randomWord } from "../../ground/random-word.ts";
import { ANY_V4, ANY_V6, type InetEndpoint, type IpAddress, isSameIp, isV4, isWildcard } from "@stratos/netstack";
import { doesWait, givesWay, HeldPorts, isOver, type WaitSettings } from "./held-ports.ts";
import type { PortRange } from "../network-settings.ts";
import type { PortClaim } from "./port-claim.ts";
import { PortMap } from "./port-map.ts";

/** Whom a socket hears: nobody now, anybody, or the peer that it is connected to. */
export const Hearing = { nobody: -1, anybody: 0, peer: 1 } as const;
export type Hearing = (typeof Hearing)[keyof typeof Hearing];

/**
 * How much the interface counts that a claim is bound to: more than the family of IPv4, or less (compute_score of
 * net/ipv4/udp.c, and of inet_hashtables.c, where both count the same and IPv4 is asked first).
 */
export const DeviceWeight = { beforeFamily: 4, afterFamily: 1 } as const;
export type DeviceWeight = (typeof DeviceWeight)[keyof typeof DeviceWeight];
const FAMILY_WEIGHT = 2,
  PEER_WEIGHT = 8,
  EXACT_WEIGHT = 16;

/** The ends of a connection to be, the port of this one aside, and what it is bound to (SO_BINDTODEVICE). */
export interface Ends {
  readonly ip: IpAddress;
  readonly peer: InetEndpoint;
  readonly device: number;
}

const NONE: readonly PortClaim[] = [];

/** So many ports of the wanted kind are tried before any is taken; of a narrow range all. */
const TRIES = 4,
  NARROW = 512;

function triesOf({ first, last }: PortRange): number {
  return last - first < NARROW ? last - first + 1 : TRIES;
}

export function isReserved({ reserved }: PortRange, port: number): boolean {
  return reserved !== undefined && (reserved[port >> 3]! & (1 << (port & 7))) !== 0;
}

/** How many steps `portOf` has. */
function stepsOf(range: PortRange): number {
  return triesOf(range) + range.last - range.first + 1;
}

/**
 * Each port of the range, from some place on: at first some that lie an even (0) or odd (1) number behind its
 * beginning, so that connect(2) and bind(2) take few of each other's. Linux goes through all of these first, which
 * takes long where most are taken.
 */
function portOf(range: PortRange, start: number, step: number, parity: 0 | 1): number {
  const { first, last } = range;
  const count = last - first + 1;
  const wanted = (count + 1 - parity) >>> 1;
  if (step >= triesOf(range) || wanted === 0) return first + ((start + step) % count);
  return first + 2 * ((start + step) % wanted) + parity;
}

/** The ports of one protocol. Bound: 65536 ports, and open sockets. */
export class PortTable<Claim extends PortClaim> {
  #byPort = new PortMap<Claim[]>();
  #random: RandomSource;
  #deviceWeight: DeviceWeight;
  readonly held = new HeldPorts();

  constructor(random: RandomSource, deviceWeight: DeviceWeight) {
    this.#random = random;
    this.#deviceWeight = deviceWeight;
  }

  /** Takes the port, or says EADDRINUSE. */
  claim(claim: Claim, nowNs: number): number {
    for (const other of this.held.at(claim.port, nowNs))
      if (!isOver(other, nowNs) && conflicts(claim, other, doesWait(other))) return -EADDRINUSE;
    // The one that came last is looked at first, and if it shares by SO_REUSEPORT no other is asked (net/ipv4/udp.c,
    // udp_lib_lport_inuse; net/ipv4/inet_connection_sock.c, sk_reuseport_match).
    const others = this.at(claim.port);
    for (let at = others.length - 1; at >= 0; at--) {
      const other = others[at]!;
      if (conflicts(claim, other, false)) return -EADDRINUSE;
      if (sharesPort(claim, other) && overlaps(claim, other) && !sharesAddress(claim, other)) break;
    }
    this.put(claim);
    return 0;
  }

  /**
   * Is nobody else connected as the claim's owner is going to be (net/ipv4/inet_hashtables.c,
   * __inet_check_established)? Who waits gives way where it may.
   *
   * @returns 0; −EADDRNOTAVAIL somebody is
   */
  takePair(claim: Claim, ends: Ends, settings: WaitSettings, nowNs: number): number {
    return this.#takePair(this.at(claim.port), claim, claim.port, ends, settings, nowNs);
  }

  #takePair(
    claims: readonly Claim[],
    own: Claim | null,
    port: number,
    ends: Ends,
    settings: WaitSettings,
    nowNs: number,
  ): number {
    for (const other of claims) if (other !== own && isSamePair(other, ends)) return -EADDRNOTAVAIL;
    for (const other of this.held.at(port, nowNs)) {
      if (!isSamePair(other, ends) || isOver(other, nowNs)) continue;
      if (!givesWay(other, own !== null, nowNs, settings)) return -EADDRNOTAVAIL;
      this.held.release(other);
      break;
    }
    return 0;
  }

  /**
   * A port of the range for connect(2): one that is free, or that nobody but the like has, none of them to the same
   * peer (__inet_hash_connect). EADDRNOTAVAIL: there is none.
   */
  portToConnect(range: PortRange, ends: Ends, settings: WaitSettings, nowNs: number): number {
    const start = randomWord(this.#random);
    for (let step = 0; step < stepsOf(range); step++) {
      const port = portOf(range, start, step, 0);
      if (isReserved(range, port)) continue;
      const claims = this.at(port);
      if (!areConnectBound(claims) || !areConnectBound(this.held.at(port, nowNs))) continue;
      if (this.#takePair(claims, null, port, ends, settings, nowNs) === 0) return port;
    }
    return -EADDRNOTAVAIL;
  }

  /** For a port of which this is known to be possible. */
  put(claim: Claim): void {
    const claims = this.#byPort.get(claim.port);
    if (claims === null) this.#byPort.set(claim.port, [claim]);
    else claims.push(claim);
  }

  /**
   * Takes a free port of the range: `make` builds the claim for the number that was found. EADDRINUSE when all are
   * taken.
   */
  claimEphemeral(range: PortRange, nowNs: number, make: (port: number) => Claim): Claim | number {
    const start = randomWord(this.#random);
    for (let step = 0; step < stepsOf(range); step++) {
      const port = portOf(range, start, step, 1);
      if (isReserved(range, port)) continue;
      if (this.#byPort.get(port) !== null || !this.held.isFree(port, nowNs)) continue;
      const claim = make(port);
      this.#byPort.set(port, [claim]);
      return claim;
    }
    return -EADDRINUSE;
  }

  /**
   * As claimEphemeral where no port is free: one that others have for other addresses alone
   * (net/ipv4/inet_connection_sock.c, inet_csk_find_open_port).
   */
  claimBeside(range: PortRange, nowNs: number, make: (port: number) => Claim): Claim | number {
    const count = range.last - range.first + 1;
    const start = randomWord(this.#random) % count;
    for (let step = 0; step < count; step++) {
      const port = range.first + ((start + step) % count);
      if (isReserved(range, port)) continue;
      const claim = make(port);
      if (this.at(claim.port).some((other) => overlaps(claim, other))) continue;
      if (this.held.at(claim.port, nowNs).some((other) => !isOver(other, nowNs) && overlaps(claim, other))) continue;
      this.put(claim);
      return claim;
    }
    return -EADDRINUSE;
  }

  /** As claimEphemeral where no port is free: one that others have, too, if all of them let it be shared. */
  claimShared(range: PortRange, nowNs: number, make: (port: number) => Claim): Claim | number {
    const count = range.last - range.first + 1;
    const start = randomWord(this.#random) % count;
    for (let step = 0; step < count; step++) {
      const port = range.first + ((start + step) % count);
      if (isReserved(range, port)) continue;
      const claim = make(port);
      if (this.claim(claim, nowNs) === 0) return claim;
    }
    return -EADDRINUSE;
  }

  /** May a claim that was bound with SO_REUSEADDR begin to listen? EADDRINUSE when another one listens there. */
  listen(claim: Claim): number {
    for (const other of this.#byPort.get(claim.port) ?? []) {
      if (other !== claim && other.isListening && overlaps(claim, other) && !sharesPort(claim, other))
        return -EADDRINUSE;
    }
    claim.isListening = true;
    return 0;
  }

  release(claim: Claim): void {
    const claims = this.#byPort.get(claim.port);
    if (claims === null) return;
    const at = claims.indexOf(claim);
    if (at >= 0) claims.splice(at, 1);
    if (claims.length === 0) this.#byPort.set(claim.port, null);
  }

  /**
   * Of the claims that packets from `sender` for the address reach by the interface, the most exact, and of those the
   * newest; in a group that shares the port by SO_REUSEPORT the sender decides, so that a flow stays with one member
   * (socket(7)).
   */
  find(
    { ip, port, device }: { readonly ip: IpAddress; readonly port: number; readonly device: number },
    sender: InetEndpoint,
    hears: (claim: Claim, sender: InetEndpoint) => Hearing,
  ): Claim | null {
    let best: Claim | null = null;
    let bestScore = -1;
    let group: Claim[] = [];
    for (const claim of this.#byPort.get(port) ?? []) {
      const hearing = reaches(claim, ip, device) ? hears(claim, sender) : Hearing.nobody;
      if (hearing === Hearing.nobody) continue;
      const score = this.#scoreOf(claim, ip, hearing);
      if (score < bestScore) continue;
      if (score > bestScore || best === null || hearing === Hearing.peer || !isOfGroup(best, claim)) group = [];
      group.push(claim);
      best = claim;
      bestScore = score;
    }
    return group.length > 1 ? group[flowOf(sender, port) % group.length]! : best;
  }

  /** An exact address first, then the peer, the interface and the family. */
  #scoreOf(claim: Claim, ip: IpAddress, hearing: Hearing): number {
    const exactness = exactnessOf(claim, ip);
    let score = hearing * PEER_WEIGHT + (claim.device === 0 ? 0 : this.#deviceWeight);
    if (exactness > 0) score += FAMILY_WEIGHT;
    if (exactness > 1) score += EXACT_WEIGHT;
    return score;
  }

  /** All claims of a port. */
  at(port: number): readonly Claim[] {
    return this.#byPort.get(port) ?? (NONE as readonly never[]);
  }

  static {
    stateClass("PortTable", this, {
      save: (it) => ({ byPort: it.#byPort, random: it.#random, deviceWeight: it.#deviceWeight }),
      load: (it, from) => ({ byPort: it.#byPort, random: it.#random, deviceWeight: it.#deviceWeight } = from),
    });
  }
}

/** Which of a group a sender's packets go to. Source of the mixing: the finalizer of MurmurHash3. */
function flowOf({ ip, port }: InetEndpoint, to: number): number {
  let hash = (port << 16) | to;
  for (const word of ip) hash = Math.imul(hash ^ word, 0x9e3779b1) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** 2: exact, 1: wildcard of the family, 0: dual-stack wildcard, −1: not for it. */
function exactnessOf(claim: PortClaim, ip: IpAddress): number {
  if (isSameIp(claim.ip, ip)) return 2;
  if (isSameIp(claim.ip, isV4(ip) ? ANY_V4 : ANY_V6)) return 1;
  return claim.isDualStack && isSameIp(claim.ip, ANY_V6) ? 0 : -1;
}

/** Do packets for the address that came in by the interface come to the claim? */
export function reaches(claim: PortClaim, ip: IpAddress, device: number): boolean {
  return exactnessOf(claim, ip) >= 0 && (claim.device === 0 || claim.device === device);
}

function overlaps(one: PortClaim, other: PortClaim): boolean {
  if (one.device !== 0 && other.device !== 0 && one.device !== other.device) return false;
  if (isV4(one.ip) === isV4(other.ip)) return isSameIp(one.ip, other.ip) || isWildcard(one.ip) || isWildcard(other.ip);
  const six = isV4(one.ip) ? other : one;
  return six.isDualStack && isSameIp(six.ip, ANY_V6);
}

function sharesPort(one: PortClaim, other: PortClaim): boolean {
  return one.reusePort && other.reusePort && one.uid === other.uid;
}

function areConnectBound(claims: readonly PortClaim[]): boolean {
  for (const { isConnectBound } of claims) if (!isConnectBound) return false;
  return true;
}

function isSamePair({ ip, peer, device }: PortClaim, ends: Ends): boolean {
  if (peer === null || peer.port !== ends.peer.port || !isSameIp(peer.ip, ends.peer.ip)) return false;
  return isSameIp(ip, ends.ip) && (device === 0 || device === ends.device);
}

/** Do both have a part of what comes? Who hears the same, by the same interface (net/core/sock_reuseport.c). */
function isOfGroup(one: PortClaim, other: PortClaim): boolean {
  return sharesPort(one, other) && one.device === other.device && isSameIp(one.ip, other.ip);
}

/** @param waits  the other is nobody's any more */
function conflicts(one: PortClaim, other: PortClaim, waits: boolean): boolean {
  if (!overlaps(one, other) || sharesPort(one, other)) return false;
  if (waits && one.reusePort && other.reusePort) return false;
  return !sharesAddress(one, other);
}

function sharesAddress(one: PortClaim, other: PortClaim): boolean {
  return one.reuseAddress && other.reuseAddress && !other.isListening;
}
