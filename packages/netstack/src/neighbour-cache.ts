/**
 * Which hardware address a neighbour has, for ARP and for NDP (RFC 826; RFC 4861 §7.3.2; Linux net/core/neighbour.c):
 *
 *     INCOMPLETE --reply--> REACHABLE --30 s--> STALE --use--> DELAY --5 s--> PROBE --reply--> REACHABLE
 *         |                                                                   |
 *         +-- three questions without an answer --> FAILED <------------------+
 *
 * Who is asked and how is `NeighbourProber`'s. What can't go yet waits at its neighbour. Bound: ENTRIES_MAX neighbours
 * (the least used that isn't permanent goes for a new one), WAITING_MAX packets at one, WAITING_BYTES_MAX of all.
 */
import {
  NUD_DELAY,
  NUD_FAILED,
  NUD_INCOMPLETE,
  NUD_NOARP,
  NUD_NONE,
  NUD_PERMANENT,
  NUD_PROBE,
  NUD_REACHABLE,
  NUD_STALE,
  NUD_VALID,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { HARDWARE_SIZE } from "./ethernet.ts";
import { type IpAddress, isSameIp } from "./ip-address.ts";

const ENTRIES_MAX = 1024,
  WAITING_MAX = 101,
  WAITING_BYTES_MAX = 1 << 20;
const REACHABLE_NS = 30e9,
  DELAY_NS = 5e9,
  RETRANS_NS = 1e9,
  PROBES_MAX = 3;

/** Asks a neighbour for its address, and takes what can't go to one that does not answer. */
export interface NeighbourProber {
  /** @param isKnown  it is asked by its address alone, whether it is still there */
  probe(neighbour: Neighbour, isKnown: boolean): void;
  /** Packets that waited: they can go now, or never. */
  resolved(neighbour: Neighbour, packets: readonly Uint8Array[]): void;
  failed(neighbour: Neighbour, packets: readonly Uint8Array[]): void;
  changed(neighbour: Neighbour): void;
}

export class Neighbour {
  readonly device: number;
  readonly ip: IpAddress;
  readonly address = new Uint8Array(HARDWARE_SIZE);
  /** NUD_*; REACHABLE ends without being told (`NeighbourCache.stateOf`). */
  state = NUD_NONE;
  /** Of a state that ends by itself; Infinity: it stays. */
  deadlineNs = Infinity;
  probes = 0;
  confirmedNs = 0;
  usedNs = 0;
  isRouter = false;
  readonly waiting: Uint8Array[] = [];
  /** The next of those that share its place. */
  next: Neighbour | null = null;

  constructor(device: number, ip: IpAddress) {
    this.device = device;
    this.ip = ip.slice();
  }

  static {
    stateClass("Neighbour", this);
  }
}

export class NeighbourCache {
  #prober: NeighbourProber;
  /** By `placeOf`. */
  #places = new Map<number, Neighbour>();
  #count = 0;
  #waitingBytes = 0;
  /** When something ends by itself; Infinity: nothing does. Not later than the first. */
  nextNs = Infinity;

  constructor(prober: NeighbourProber) {
    this.#prober = prober;
  }

  find(device: number, ip: IpAddress): Neighbour | null {
    let one = this.#places.get(placeOf(device, ip)) ?? null;
    while (one !== null && !(one.device === device && isSameIp(one.ip, ip))) one = one.next;
    return one;
  }

  /** In the order of their places. */
  *list(): Generator<Neighbour> {
    for (let one of this.#places.values())
      for (;;) {
        yield one;
        if (one.next === null) break;
        one = one.next;
      }
  }

  stateOf(neighbour: Neighbour, nowNs: number): number {
    const isOld = neighbour.state === NUD_REACHABLE && nowNs - neighbour.confirmedNs > REACHABLE_NS;
    return isOld ? NUD_STALE : neighbour.state;
  }

  obtain(device: number, ip: IpAddress, nowNs: number): Neighbour {
    return this.find(device, ip) ?? this.#add(device, ip, nowNs);
  }

  #add(device: number, ip: IpAddress, nowNs: number): Neighbour {
    if (this.#count >= ENTRIES_MAX) this.#dropOldest();
    const one = new Neighbour(device, ip);
    one.usedNs = one.confirmedNs = nowNs;
    const place = placeOf(device, ip);
    one.next = this.#places.get(place) ?? null;
    this.#places.set(place, one);
    this.#count++;
    return one;
  }

  /** Permanent ones go as well, when there are only such. */
  #dropOldest(): void {
    let oldest: Neighbour | null = null;
    for (const one of this.list()) if (oldest === null || rank(one) < rank(oldest)) oldest = one;
    if (oldest !== null) this.#remove(oldest);
  }

  #remove(neighbour: Neighbour): void {
    const place = placeOf(neighbour.device, neighbour.ip);
    const first = this.#places.get(place)!;
    if (first === neighbour) {
      if (neighbour.next === null) this.#places.delete(place);
      else this.#places.set(place, neighbour.next);
    } else {
      let before = first;
      while (before.next !== neighbour) before = before.next!;
      before.next = neighbour.next;
    }
    neighbour.next = null;
    this.#count--;
    this.#takeWaiting(neighbour);
  }

  /** It is gone; what waited is lost. */
  remove(neighbour: Neighbour): void {
    this.#remove(neighbour);
    neighbour.state = NUD_FAILED;
    this.#prober.changed(neighbour);
  }

  /** An interface went down, or away: those behind it go (`neigh_ifdown`). */
  forgetDevice(device: number): void {
    for (const one of [...this.list()]) if (one.device === device) this.#remove(one);
  }

  /**
   * A packet is to go there.
   *
   * @returns may it go now, to `neighbour.address`? Else it is kept, cut to `bytes[at … at + length)`, or was lost
   */
  use(neighbour: Neighbour, nowNs: number, bytes: Uint8Array, at: number, length: number): boolean {
    neighbour.usedNs = nowNs;
    const state = this.stateOf(neighbour, nowNs);
    if ((state & NUD_VALID) !== 0) {
      if (state === NUD_STALE) this.#enter(neighbour, NUD_DELAY, nowNs + DELAY_NS);
      return true;
    }
    const { waiting } = neighbour;
    if (waiting.length >= WAITING_MAX) this.#waitingBytes -= waiting.shift()!.length;
    if (this.#waitingBytes + length <= WAITING_BYTES_MAX) {
      waiting.push(bytes.slice(at, at + length));
      this.#waitingBytes += length;
    }
    if (state !== NUD_INCOMPLETE) {
      neighbour.probes = 1;
      this.#enter(neighbour, NUD_INCOMPLETE, nowNs + RETRANS_NS);
      this.#prober.probe(neighbour, false);
    }
    return false;
  }

  /** The upper layers know that it is there (RFC 4861 §7.3.1). */
  confirm(neighbour: Neighbour, nowNs: number): void {
    neighbour.confirmedNs = nowNs;
    if ((neighbour.state & (NUD_STALE | NUD_DELAY | NUD_PROBE)) !== 0) this.#enter(neighbour, NUD_REACHABLE, Infinity);
  }

  /**
   * Its address was heard.
   *
   * @param isAnswer  it was asked: it hears us, too
   */
  heard(neighbour: Neighbour, address: Uint8Array, nowNs: number, isAnswer: boolean): void {
    if ((neighbour.state & (NUD_PERMANENT | NUD_NOARP)) !== 0) return;
    let isOther = false;
    for (let index = 0; index < HARDWARE_SIZE; index++) if (neighbour.address[index] !== address[index]) isOther = true;
    if (isAnswer) {
      neighbour.confirmedNs = nowNs;
      this.#learn(neighbour, address, NUD_REACHABLE);
    } else if (isOther || (neighbour.state & NUD_VALID) === 0) this.#learn(neighbour, address, NUD_STALE);
  }

  /** Somebody says so: a program, or what was heard. @param state  NUD_* */
  set(neighbour: Neighbour, address: Uint8Array, state: number, nowNs: number): void {
    neighbour.confirmedNs = nowNs;
    this.#learn(neighbour, address, state);
  }

  #learn(neighbour: Neighbour, address: Uint8Array, state: number): void {
    neighbour.address.set(address);
    this.#enter(neighbour, state, Infinity);
    const packets = this.#takeWaiting(neighbour);
    if (packets.length > 0) this.#prober.resolved(neighbour, packets);
  }

  #takeWaiting({ waiting }: Neighbour): Uint8Array[] {
    for (const packet of waiting) this.#waitingBytes -= packet.length;
    return waiting.splice(0);
  }

  #enter(neighbour: Neighbour, state: number, deadlineNs: number): void {
    const isOther = neighbour.state !== state;
    neighbour.state = state;
    neighbour.deadlineNs = deadlineNs;
    this.nextNs = Math.min(this.nextNs, deadlineNs);
    if (isOther) this.#prober.changed(neighbour);
  }

  /** What ends by itself at `nowNs` or before ends. */
  expire(nowNs: number): void {
    if (this.nextNs > nowNs) return;
    this.nextNs = Infinity;
    for (const one of [...this.list()]) {
      if (one.deadlineNs <= nowNs) this.#expireOne(one, nowNs);
      this.nextNs = Math.min(this.nextNs, one.deadlineNs);
    }
  }

  #expireOne(one: Neighbour, nowNs: number): void {
    if (one.state === NUD_DELAY) {
      // Somebody of the upper layers has heard from it meanwhile.
      if (nowNs - one.confirmedNs < DELAY_NS) {
        this.#enter(one, NUD_REACHABLE, Infinity);
        return;
      }
      one.probes = 0;
      this.#enter(one, NUD_PROBE, nowNs);
    }
    if (one.probes >= PROBES_MAX) {
      this.#enter(one, NUD_FAILED, Infinity);
      const packets = this.#takeWaiting(one);
      if (packets.length > 0) this.#prober.failed(one, packets);
      return;
    }
    one.probes++;
    one.deadlineNs = nowNs + RETRANS_NS;
    this.#prober.probe(one, one.state === NUD_PROBE);
  }

  static {
    stateClass("NeighbourCache", this, {
      save: (it) => ({
        prober: it.#prober,
        places: it.#places,
        count: it.#count,
        waitingBytes: it.#waitingBytes,
      }),
      load: (it, from) =>
        ({ prober: it.#prober, places: it.#places, count: it.#count, waitingBytes: it.#waitingBytes } = from),
    });
  }
}

function rank({ state, usedNs }: Neighbour): number {
  return usedNs + (state === NUD_PERMANENT ? 2 ** 60 : 0);
}

function placeOf(device: number, ip: IpAddress): number {
  return (Math.imul(ip[3]! ^ ip[1]! ^ ip[0]!, 31) ^ ip[2]! ^ Math.imul(device, 0x9e3779b1)) >>> 0;
}
