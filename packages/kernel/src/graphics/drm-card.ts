/** /dev/dri/card0: what all that have it open share. */
import { DRM_EVENT_FLIP_COMPLETE, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { MemoryAccount } from "../frames/memory-account.ts";
import { Timer, type TimerQueue } from "../time/timer-queue.ts";
import type { DumbBuffer, Framebuffer } from "./framebuffer.ts";
import { OFF, type PipeState, type PropertyBlob, scanoutOf } from "./pipe-state.ts";
import type { Screen } from "./screen.ts";

/** Ids of what there is one of. Framebuffers have those from FIRST_FRAMEBUFFER on. */
export const PLANE_ID = 31,
  CRTC_ID = 32,
  ENCODER_ID = 33,
  CONNECTOR_ID = 34;
const FIRST_FRAMEBUFFER = 35;
/** Buffers begin there in what mmap(2) calls the file: beyond what an offset of 32 bits reaches. */
const FIRST_BUFFER_PAGE = 2 ** 32 / PAGE_SIZE;
/** Of all files together. */
export const FRAMEBUFFERS_MAX = 4096;

/** Who has the card open, as far as it knows them. */
export interface CardUser {
  /** A frame that it waited for has begun. @param userData  low and high word */
  push(type: number, userData: readonly [number, number], sequence: number, timeNs: number): void;
}

/** What is to be told when a frame begins. */
interface FrameWait {
  readonly sequence: number;
  readonly type: number;
  /** Who is told; null: nobody. */
  readonly user: CardUser | null;
  readonly userData: readonly [number, number];
}

interface CardKernel {
  readonly memory: MemoryAccount;
  readonly timers: TimerQueue;
  now(): number;
}

export class DrmCard {
  readonly kernel: CardKernel;
  readonly screen: Screen;
  /** Who may set modes; null: nobody does. */
  master: CardUser | null = null;
  openings = 0;
  /** By id. Bound: FRAMEBUFFERS_MAX. */
  readonly framebuffers = new Map<number, Framebuffer>();
  /** Bound: handles of all files. */
  readonly buffers = new Set<DumbBuffer>();
  /** Who said which magic (drmGetMagic). Bound: open files. */
  readonly magics = new Map<number, CardUser>();
  lastMagic = 0;
  /** What is set: `show` alone changes it. */
  pipe: PipeState = OFF;
  /** By id. Bound: what files may have, and the one of the mode that is set. */
  readonly blobs = new Map<number, PropertyBlob>();
  /** The frame that shows what was set last by an atomic change. */
  #shownBy = 0;
  /** A page flip that the next frame brings; null: none. */
  flip: Framebuffer | null = null;
  /** In the order of their frames. Bound: what files may await. */
  readonly waits: FrameWait[] = [];
  #timer = new Timer(this);
  #nextId = FIRST_FRAMEBUFFER;
  #nextPage = FIRST_BUFFER_PAGE;

  constructor(kernel: CardKernel, screen: Screen) {
    this.kernel = kernel;
    this.screen = screen;
  }

  /** From now on that is set. */
  show(pipe: PipeState): void {
    const { mode } = this.pipe;
    this.pipe = pipe;
    if (mode !== null) this.#dropBlob(mode);
    this.screen.scanout = scanoutOf(this.screen, pipe);
  }

  addBlob(bytes: Uint8Array, isOwned: boolean): PropertyBlob {
    const blob = { id: this.allocateId(), bytes, isOwned };
    this.blobs.set(blob.id, blob);
    return blob;
  }

  /** Who made it does not want it any more. */
  disownBlob(id: number): void {
    const blob = this.blobs.get(id)!;
    blob.isOwned = false;
    this.#dropBlob(blob);
  }

  #dropBlob(blob: PropertyBlob): void {
    if (!blob.isOwned && this.pipe.mode !== blob) this.blobs.delete(blob.id);
  }

  /** What was set is shown by the frame that is under way, or the one after it (`ahead`), and told of. */
  beginFrame(told: Omit<FrameWait, "sequence">, ahead: 0 | 1): void {
    this.#shownBy = this.screen.sequenceAt(this.kernel.now()) + ahead;
    if (told.user === null) return;
    if (ahead > 0) this.await({ ...told, sequence: this.#shownBy });
    else told.user.push(told.type, told.userData, this.#shownBy, this.screen.timeOf(this.#shownBy));
  }

  /** When the last change, or flip, is shown: there is none after it before. */
  busyUntilNs(): number {
    const flip = this.waits.find(({ type }) => type === DRM_EVENT_FLIP_COMPLETE);
    return this.screen.timeOf(Math.max(this.#shownBy, flip?.sequence ?? 0));
  }

  allocateId(): number {
    return this.#nextId++;
  }

  /** @returns the first page of a range of the file that nobody has had */
  allocatePages(count: number): number {
    const first = this.#nextPage;
    this.#nextPage += count;
    return first;
  }

  /** A frame's beginning is awaited. */
  await(wait: FrameWait): void {
    let at = this.waits.length;
    while (at > 0 && this.waits[at - 1]!.sequence > wait.sequence) at--;
    this.waits.splice(at, 0, wait);
    this.kernel.timers.set(this.#timer, this.screen.timeOf(this.waits[0]!.sequence));
  }

  timerExpired(nowNs: number): void {
    const sequence = this.screen.sequenceAt(nowNs);
    while (this.waits.length > 0 && this.waits[0]!.sequence <= sequence) {
      const wait = this.waits.shift()!;
      if (wait.type === DRM_EVENT_FLIP_COMPLETE) this.#turnOver();
      wait.user?.push(wait.type, wait.userData, sequence, this.screen.timeOf(sequence));
    }
    if (this.waits.length > 0) this.kernel.timers.set(this.#timer, this.screen.timeOf(this.waits[0]!.sequence));
  }

  #turnOver(): void {
    const { flip, screen } = this;
    this.flip = null;
    // What was to be shown may be gone, or the screen off.
    if (flip === null || screen.scanout === null || this.framebuffers.get(flip.id) !== flip) return;
    this.show({ ...this.pipe, plane: { ...this.pipe.plane, framebuffer: flip } });
  }

  /** RMFB, or its file is closed: where it is shown the screen goes off. */
  removeFramebuffer(framebuffer: Framebuffer): void {
    this.framebuffers.delete(framebuffer.id);
    if (this.pipe.plane.framebuffer === framebuffer) this.turnOff();
    framebuffer.buffer.release();
  }

  turnOff(): void {
    this.show(OFF);
    this.hideCursor();
  }

  hideCursor(): void {
    this.screen.cursor?.buffer.release();
    this.screen.cursor = null;
  }

  /** It is closed: nobody waits in its name, but a flip that it asked for still comes. */
  forget(user: CardUser): void {
    for (const [at, wait] of this.waits.entries()) if (wait.user === user) this.waits[at] = { ...wait, user: null };
    for (const [magic, other] of this.magics) if (other === user) this.magics.delete(magic);
    if (this.master === user) this.master = null;
    if (--this.openings === 0) this.turnOff();
  }

  static {
    stateClass("DrmCard", this, {
      save: (it) => ({ timer: it.#timer, nextId: it.#nextId, nextPage: it.#nextPage, shownBy: it.#shownBy }),
      load: (it, from) =>
        ({ timer: it.#timer, nextId: it.#nextId, nextPage: it.#nextPage, shownBy: it.#shownBy } = from),
    });
  }
}
