/**
 * What lies behind a tun or tap interface (Linux Documentation/networking/tuntap.rst): instead of a wire, descriptors
 * of /dev/net/tun. What the interface sends waits in one of them until a program reads it; what a program writes comes
 * in.
 */
import {
  EBUSY,
  E2BIG,
  EINVAL,
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_ONE_QUEUE,
  IFF_TAP,
  IFF_VNET_HDR,
  VirtioNetHdr,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { FRAME_HEADER_SIZE, type Link, type LinkEvents } from "@stratos/host";

/** Descriptors of one interface (MAX_TAP_QUEUES). */
const QUEUES_MAX = 256;
/** Flags that who attaches sets anew. */
const FEATURES = IFF_NO_PI | IFF_ONE_QUEUE | IFF_VNET_HDR | IFF_MULTI_QUEUE;

/** A descriptor of it (tun-file.ts). */
export interface TunQueue {
  /** @returns false: it has no room */
  put(packet: Uint8Array): boolean;
  /** The interface is gone. */
  lost(): void;
  /** The interface is up, or down: whether it takes what is written is another thing now. */
  changed(): void;
}

export class TunDevice implements Link {
  readonly address: Uint8Array;
  readonly mtu = 65535;
  dropped = 0;
  /** IFF_TAP or IFF_TUN, IFF_NO_PI, IFF_MULTI_QUEUE … */
  flags: number;
  isPersistent = false;
  /** Who may attach to it beside CAP_NET_ADMIN; −1: nobody is said. */
  owner = -1;
  group = -1;
  sendBuffer = 0x7fffffff;
  /** TUNSETVNETHDRSZ: bytes before each packet, if IFF_VNET_HDR is set. */
  headerSize = VirtioNetHdr.size;
  /** Bound: QUEUES_MAX, with those that are detached for a while. */
  readonly queues: TunQueue[] = [];
  readonly detached = new Set<TunQueue>();
  #events: LinkEvents | null = null;

  constructor(address: Uint8Array, flags: number) {
    this.address = address;
    this.flags = flags;
  }

  get isTap(): boolean {
    return (this.flags & IFF_TAP) !== 0;
  }

  get isMultiQueue(): boolean {
    return (this.flags & IFF_MULTI_QUEUE) !== 0;
  }

  get hasCarrier(): boolean {
    return this.queues.length > 0;
  }

  /** @returns 0; −EBUSY it has one; −E2BIG enough; −EINVAL of another kind */
  mayAttach(flags: number): number {
    if (((flags ^ this.flags) & IFF_MULTI_QUEUE) !== 0) return -EINVAL;
    if (!this.isMultiQueue && this.queues.length > 0) return -EBUSY;
    return this.queues.length + this.detached.size >= QUEUES_MAX ? -E2BIG : 0;
  }

  attach(queue: TunQueue, flags: number): void {
    this.detached.delete(queue);
    this.queues.push(queue);
    if (this.queues.length + this.detached.size > 1) return;
    this.flags = (this.flags & ~FEATURES) | (flags & FEATURES);
    this.#events?.linkChanged();
  }

  /** @param isForNow  it may be attached again (TUNSETQUEUE) */
  detach(queue: TunQueue, isForNow: boolean): void {
    const at = this.queues.indexOf(queue);
    if (at >= 0) this.queues.splice(at, 1);
    this.detached.delete(queue);
    if (isForNow) this.detached.add(queue);
    if (this.queues.length === 0) this.#events?.linkChanged();
  }

  setEvents(events: LinkEvents | null): void {
    this.#events = events;
  }

  setUp(): void {
    for (const queue of this.queues) queue.changed();
  }

  send(frame: Uint8Array, at: number, length: number): number {
    const { queues } = this;
    const packet = frame.slice(at, at + length);
    const queue = queues.length === 1 ? queues[0]! : queues[this.#flowOf(packet) % queues.length]!;
    if (!queue.put(packet)) this.dropped++;
    return 0;
  }

  /** Packets of one flow go to one queue: by the addresses of IP. */
  #flowOf(packet: Uint8Array): number {
    const ip = this.isTap ? FRAME_HEADER_SIZE : 0;
    const isV4 = packet[ip]! >> 4 === 4;
    let sum = 0;
    for (let at = ip + (isV4 ? 12 : 8); at < Math.min(packet.length, ip + (isV4 ? 24 : 44)); at++)
      sum = (Math.imul(sum, 31) + packet[at]!) >>> 0;
    return sum;
  }

  /** What programs write comes in by itself (tun-file.ts). */
  receive(): number {
    return -1;
  }

  close(): void {
    this.#events = null;
    for (const queue of [...this.queues, ...this.detached]) queue.lost();
    this.queues.length = 0;
    this.detached.clear();
  }

  static {
    stateClass("TunDevice", this, {
      save: (it) => ({ events: it.#events }),
      load: (it, from) => ({ events: it.#events } = from),
    });
  }
}
