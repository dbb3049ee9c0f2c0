import { EACCES, EINVAL, PAGE_SIZE, POLLIN, POLLRDNORM } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { PageCache } from "../frames/page-cache.ts";
import { WaitQueue } from "../ground/wait-queue.ts";
import type { CardUser, DrmCard } from "./drm-card.ts";
import type { DumbBuffer } from "./framebuffer.ts";

/** Events that nobody has read yet, or that are still to come (Linux: 4,096 bytes of them). */
const EVENTS_MAX = 128;
/** Buffers that one has at a time. */
const HANDLES_MAX = 4096;

export interface FrameEvent {
  readonly type: number;
  readonly userData: readonly [number, number];
  readonly sequence: number;
  readonly timeNs: number;
}

/** Who has the card open: its own handles of buffers, its framebuffers and events (`struct drm_file`). */
export class DrmClient implements CardUser {
  readonly card: DrmCard;
  /** By handle. Bound: HANDLES_MAX. */
  readonly handles = new Map<number, DumbBuffer>();
  #lastHandle = 0;
  /** Ids of those that it made. */
  readonly framebuffers = new Set<number>();
  /** What drmGetMagic told it; 0: it has not asked. */
  magic = 0;
  /** It was the master once, and may become it again. */
  wasMaster = false;
  /** Blobs that it made and did not destroy. */
  readonly blobs = new Set<number>();
  /** It speaks the atomic interface. */
  isAtomic = false;
  /** Primary planes are listed for it, too. */
  seesAllPlanes = false;
  /** Events that are still to come to it. */
  #awaited = 0;
  readonly events: FrameEvent[] = [];
  readonly readable = new WaitQueue();

  constructor(card: DrmCard) {
    this.card = card;
    card.openings++;
    if (card.master === null) this.becomeMaster();
  }

  becomeMaster(): void {
    this.card.master = this;
    this.wasMaster = true;
  }

  get isMaster(): boolean {
    return this.card.master === this;
  }

  /** @returns a handle of it; 0: there are too many */
  addHandle(buffer: DumbBuffer): number {
    if (this.handles.size >= HANDLES_MAX) return 0;
    this.handles.set(++this.#lastHandle, buffer.retain());
    return this.#lastHandle;
  }

  /** −EINVAL: there is none. */
  closeHandle(handle: number): number {
    const buffer = this.handles.get(handle);
    if (buffer === undefined) return -EINVAL;
    this.handles.delete(handle);
    buffer.release();
    return 0;
  }

  /** @returns whether there is room for an event that it waits for, which then is kept for it */
  reserveEvent(): boolean {
    if (this.#awaited + this.events.length >= EVENTS_MAX) return false;
    this.#awaited++;
    return true;
  }

  /** What `reserveEvent` kept a place for. */
  push(type: number, userData: readonly [number, number], sequence: number, timeNs: number): void {
    this.#awaited--;
    this.events.push({ type, userData, sequence, timeNs });
    this.readable.wakeAll(POLLIN | POLLRDNORM);
  }

  /** Pages of so many bytes where MAP_DUMB said. −EINVAL: there is no buffer; −EACCES: it is another's. */
  mapping(offset: number, length: number): PageCache | number {
    for (const buffer of this.card.buffers) {
      const { firstPage, sizeBytes, pages } = buffer.memory;
      const start = firstPage * PAGE_SIZE;
      if (offset < start || offset + length > start + sizeBytes) continue;
      for (const own of this.handles.values()) if (own === buffer) return pages;
      return -EACCES;
    }
    return -EINVAL;
  }

  close(): void {
    const { card } = this;
    for (const id of this.framebuffers) {
      const framebuffer = card.framebuffers.get(id);
      if (framebuffer !== undefined) card.removeFramebuffer(framebuffer);
    }
    for (const id of this.blobs) card.disownBlob(id);
    for (const buffer of this.handles.values()) buffer.release();
    card.forget(this);
  }

  static {
    stateClass("DrmClient", this, {
      save: (it) => ({ lastHandle: it.#lastHandle, awaited: it.#awaited }),
      load: (it, from) => ({ lastHandle: it.#lastHandle, awaited: it.#awaited } = from),
    });
  }
}
