/** Links inside the machine: a pair of ends, what one sends the other receives, and one that hears itself. */
import { EAGAIN, EINVAL, EMSGSIZE, ENETDOWN } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { FRAME_HEADER_SIZE, type Link, LINK_BYTES_MAX, LINK_FRAMES_MAX, type LinkEvents } from "./link.ts";

export interface LinkEndOptions {
  readonly address: Uint8Array;
  readonly mtu: number;
}

/** Two ends of a wire; both are down at first. */
export function makeLinkPair(one: LinkEndOptions, other: LinkEndOptions): [Link, Link] {
  const first = new MemoryLink(one);
  const second = new MemoryLink(other);
  MemoryLink.join(first, second);
  return [first, second];
}

/** A link whose frames come back to it (what `lo` is); down at first. */
export function makeLoopbackLink(options: LinkEndOptions): Link {
  const link = new MemoryLink(options);
  MemoryLink.join(link, link);
  return link;
}

class MemoryLink implements Link {
  readonly address: Uint8Array;
  readonly mtu: number;
  dropped = 0;
  #other: MemoryLink | null = null;
  #isUp = false;
  #events: LinkEvents | null = null;
  /** Bound: LINK_FRAMES_MAX, LINK_BYTES_MAX. */
  #frames: Uint8Array[] = [];
  #bytes = 0;

  constructor(options: LinkEndOptions) {
    this.address = options.address;
    this.mtu = options.mtu;
  }

  static join(one: MemoryLink, other: MemoryLink): void {
    one.#other = other;
    other.#other = one;
  }

  get hasCarrier(): boolean {
    return this.#other !== null && this.#other.#isUp;
  }

  setEvents(events: LinkEvents | null): void {
    this.#events = events;
  }

  setUp(isUp: boolean): void {
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    if (!isUp) this.#forget();
    if (this.#other !== null && this.#other !== this) this.#other.#tell();
  }

  send(frame: Uint8Array, at: number, length: number): number {
    if (length < FRAME_HEADER_SIZE) return -EINVAL;
    if (length > FRAME_HEADER_SIZE + this.mtu) return -EMSGSIZE;
    if (!this.#isUp) return -ENETDOWN;
    if (this.#other !== null) this.#other.#arrive(frame.slice(at, at + length));
    return 0;
  }

  #arrive(frame: Uint8Array): void {
    if (!this.#isUp) return;
    if (this.#frames.length >= LINK_FRAMES_MAX || this.#bytes + frame.length > LINK_BYTES_MAX) {
      this.dropped++;
      return;
    }
    this.#frames.push(frame);
    this.#bytes += frame.length;
    this.#tell();
  }

  #tell(): void {
    this.#events?.linkChanged();
  }

  receive(into: Uint8Array): number {
    const frame = this.#frames.shift();
    if (frame === undefined) return -EAGAIN;
    this.#bytes -= frame.length;
    into.set(frame.length > into.length ? frame.subarray(0, into.length) : frame);
    return frame.length;
  }

  close(): void {
    this.setUp(false);
    this.#events = null;
    const other = this.#other;
    this.#other = null;
    if (other === null || other === this) return;
    other.#other = null;
    other.#tell();
  }

  #forget(): void {
    this.#frames.length = 0;
    this.#bytes = 0;
  }

  static {
    stateClass("MemoryLink", this, {
      save: (it) => ({
        other: it.#other,
        isUp: it.#isUp,
        events: it.#events,
        frames: it.#frames,
        bytes: it.#bytes,
      }),
      load: (it, from) =>
        ({ other: it.#other, isUp: it.#isUp, events: it.#events, frames: it.#frames, bytes: it.#bytes } = from),
    });
  }
}
