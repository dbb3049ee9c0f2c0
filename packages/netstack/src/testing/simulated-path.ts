/**
 * For tests: two stacks joined by a path in virtual time that loses, delays, doubles, reorders and spoils what it
 * carries, as a seed says, with a bottleneck of so many bits a second before a queue.
 */
import { EMSGSIZE } from "@stratos/abi";
import { type SeededRandom, stateClass } from "@stratos/base";
import { type IpAddress, isSameIp, makeV4 } from "../ip-address.ts";
import type { IpOutput } from "../ip-output.ts";
import { type BacklogOwner, TcpBacklog } from "../tcp/tcp-backlog.ts";
import { type ConnectionOptions, type TcpHost, TcpStack } from "../tcp/tcp-stack.ts";

export interface PathQuality {
  readonly delayMs: number;
  /** Of each packet's delay, at random. */
  readonly jitterMs: number;
  /** Chances, 0 to 1. */
  readonly loss: number;
  readonly duplication: number;
  readonly corruption: number;
  /** 0: without end. */
  readonly bitsPerSecond: number;
  readonly queueBytes: number;
  readonly mtu: number;
}

export const PERFECT: PathQuality = {
  delayMs: 5,
  jitterMs: 0,
  loss: 0,
  duplication: 0,
  corruption: 0,
  bitsPerSecond: 0,
  queueBytes: 0,
  mtu: 1500,
};

interface Packet {
  readonly atNs: number;
  readonly order: number;
  readonly to: SimulatedEnd;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly bytes: Uint8Array;
}

export class SimulatedPath {
  readonly random: SeededRandom;
  quality: PathQuality;
  nowNs = 1e9;
  carried = 0;
  /** What the packets are looked at by; false loses one. */
  filter: ((bytes: Uint8Array, from: SimulatedEnd) => boolean) | null = null;
  readonly left: SimulatedEnd;
  readonly right: SimulatedEnd;
  #packets: Packet[] = [];
  #order = 0;

  constructor(random: SeededRandom, quality: PathQuality) {
    this.random = random;
    this.quality = quality;
    this.left = new SimulatedEnd(this, makeV4(0x0a000001));
    this.right = new SimulatedEnd(this, makeV4(0x0a000002));
    this.left.other = this.right;
    this.right.other = this.left;
  }

  carry(from: SimulatedEnd, source: IpAddress, destination: IpAddress, bytes: Uint8Array): number {
    const { random, quality } = this;
    if (bytes.length + 20 > quality.mtu) return -EMSGSIZE;
    this.carried++;
    if (this.filter !== null && !this.filter(bytes, from)) return 0;
    let leaves = this.nowNs;
    if (quality.bitsPerSecond > 0) {
      const ns = ((bytes.length + 20) * 8e9) / quality.bitsPerSecond;
      const waits = Math.max(0, from.busyUntilNs - this.nowNs);
      if (waits > (quality.queueBytes * 8e9) / quality.bitsPerSecond) return 0;
      from.busyUntilNs = leaves = this.nowNs + waits + ns;
    }
    const copies = this.#chance(quality.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#chance(quality.loss)) continue;
      const jitter = quality.jitterMs > 0 ? random.below(quality.jitterMs * 1000) * 1000 : 0;
      const packet = bytes.slice();
      if (this.#chance(quality.corruption)) packet[random.below(packet.length)]! ^= 1 << random.below(8);
      this.#packets.push({
        atNs: leaves + quality.delayMs * 1e6 + jitter,
        order: this.#order++,
        to: from.other,
        source,
        destination,
        bytes: packet,
      });
    }
    return 0;
  }

  #chance(of: number): boolean {
    return of > 0 && this.random.u32() < of * 0x100000000;
  }

  /** The next thing that happens; Infinity: nothing does. */
  get nextNs(): number {
    let next = Math.min(this.left.wakeNs, this.right.wakeNs);
    for (const { atNs } of this.#packets) next = Math.min(next, atNs);
    return next;
  }

  /** One thing happens. @returns whether anything did, before `untilNs` */
  step(untilNs: number): boolean {
    let first: Packet | null = null;
    for (const one of this.#packets)
      if (first === null || one.atNs < first.atNs || (one.atNs === first.atNs && one.order < first.order)) first = one;
    const wake = Math.min(this.left.wakeNs, this.right.wakeNs);
    const at = Math.min(wake, first?.atNs ?? Infinity);
    if (at > untilNs) {
      this.nowNs = Math.max(this.nowNs, untilNs);
      return false;
    }
    this.nowNs = Math.max(this.nowNs, at);
    if (first !== null && first.atNs <= wake) {
      this.#packets.splice(this.#packets.indexOf(first), 1);
      const { to, source, destination, bytes } = first;
      to.stack.receive(source, destination, bytes, 0, bytes.length, 0, 1);
    } else (this.left.wakeNs <= this.right.wakeNs ? this.left : this.right).stack.expire();
    return true;
  }

  run(ms: number): void {
    const until = this.nowNs + ms * 1e6;
    while (this.step(until));
  }

  static {
    stateClass("test.SimulatedPath", this, {
      save: (it) => ({ packets: it.#packets, order: it.#order }),
      load: (it, from) => ({ packets: it.#packets, order: it.#order } = from),
    });
  }
}

/** One end: what runs a stack, for tests. */
export class SimulatedEnd implements TcpHost, IpOutput {
  readonly path: SimulatedPath;
  readonly address: IpAddress;
  readonly stack: TcpStack;
  other!: SimulatedEnd;
  wakeNs = Infinity;
  busyUntilNs = 0;
  chargedBytes = 0;
  isShort = false;
  options: ConnectionOptions = {
    how: { hops: 64, trafficClass: 0, dontFragment: true, device: 0, mark: 0, uid: -1, gid: -1 },
    receiveLimit: 131072,
    receiveMost: 1 << 20,
    mssClamp: 0,
    offersSack: true,
    offersTimestamps: true,
    offersScale: true,
  };
  readonly #backlogs = new Map<number, TcpBacklog>();

  constructor(path: SimulatedPath, address: IpAddress) {
    this.path = path;
    this.address = address;
    const key = new Uint8Array(16);
    path.random.fill(key);
    this.stack = new TcpStack(this, this, key);
  }

  now(): number {
    return this.path.nowNs;
  }

  wakeAt(deadlineNs: number): void {
    this.wakeNs = deadlineNs;
  }

  listen(port: number, backlogLimit: number): TcpBacklog {
    const backlog = new TcpBacklog(new Listening(backlogLimit));
    this.#backlogs.set(port, backlog);
    return backlog;
  }

  listenerFor(_local: IpAddress, localPort: number): TcpBacklog | null {
    return this.#backlogs.get(localPort) ?? null;
  }

  childOptions(): ConnectionOptions {
    return this.options;
  }

  charge(bytes: number): void {
    this.chargedBytes += bytes;
  }

  send(
    _protocol: number,
    source: IpAddress,
    destination: IpAddress,
    payload: Uint8Array,
    at: number,
    length: number,
  ): number {
    if (!isSameIp(destination, this.other.address)) return 0;
    return this.path.carry(this, source.slice(), destination.slice(), payload.slice(at, at + length));
  }

  mtuTo(): number {
    return this.path.quality.mtu;
  }

  static {
    stateClass("test.SimulatedEnd", this, {
      save: (it) => ({ backlogs: it.#backlogs }),
      load: (it, from) => {
        for (const [port, backlog] of from.backlogs) it.#backlogs.set(port, backlog);
      },
    });
  }
}

class Listening implements BacklogOwner {
  readonly backlogLimit: number;

  constructor(backlogLimit: number) {
    this.backlogLimit = backlogLimit;
  }

  drops(): boolean {
    return false;
  }

  changed(): void {}

  static {
    stateClass("test.Listening", this);
  }
}
