/**
 * Pages of images that several kernels of a board run in: read once, kept once, lent to the page caches of all
 * (`FrameAllocator.lend`), and never written. A page is found by what it holds: the image's identity, which its host
 * vouches for, and its place there. Bound: frames; pages that no kernel has borrowed go when frames are short.
 */
import { stateClass } from "@stratos/base";
import type { FrameAllocator } from "./frame-allocator.ts";
import type { Reclaimable } from "./memory-account.ts";
import type { Frame } from "./frame.ts";

/** Of work in pieces. */
const PAGES_AT_ONCE = 4096;

export class ImagePages implements Reclaimable {
  readonly frames: FrameAllocator;
  #images = new Map<string, SharedImage>();
  #lastContent = 0;

  constructor(frames: FrameAllocator) {
    this.frames = frames;
    frames.lent = this;
  }

  /** @param identity  equal for equal content only */
  image(identity: string): SharedImage {
    let image = this.#images.get(identity);
    if (image === undefined) {
      image = new SharedImage(this);
      this.#images.set(identity, image);
    }
    return image;
  }

  /** A number that names content among that of all images. */
  nextContent(): number {
    return ++this.#lastContent;
  }

  /**
   * What of it one kernel has borrowed, for a board of that one alone.
   *
   * @param keeps  whether it has a page's frame
   * @returns that, and in it what stands for each image
   */
  *onlyOf(
    images: ReadonlySet<SharedImage>,
    frames: FrameAllocator,
    keeps: (frame: Frame) => boolean,
  ): Generator<void, { pages: ImagePages; images: Map<SharedImage, SharedImage> }> {
    const pages = new ImagePages(frames);
    const standing = new Map<SharedImage, SharedImage>();
    for (const [identity, image] of this.#images) {
      if (!images.has(image)) continue;
      const only = yield* image.onlyOf(pages, keeps);
      pages.#images.set(identity, only);
      standing.set(image, only);
    }
    pages.#lastContent = this.#lastContent;
    return { pages, images: standing };
  }

  /** Gives up pages that no kernel has borrowed. */
  reclaim(most: number): number {
    let freed = 0;
    for (const [identity, image] of this.#images) {
      if (freed >= most) break;
      freed += image.reclaim(most - freed);
      if (image.pageCount === 0 && image.users === 0) this.#images.delete(identity);
    }
    return freed;
  }

  static {
    stateClass("ImagePages", this, {
      save: (it) => ({ images: it.#images, lastContent: it.#lastContent }),
      load: (it, from) => ({ images: it.#images, lastContent: it.#lastContent } = from),
    });
  }
}

export class SharedImage {
  #board: ImagePages;
  /** Frames by place. */
  #frames = new Map<number, number>();
  /** Numbers of whole files' content, by their descriptions. Bound: files of the image that are executed. */
  #contents = new Map<string, number>();
  /** Kernels that have it mounted. */
  users = 0;

  constructor(board: ImagePages) {
    this.#board = board;
  }

  get pageCount(): number {
    return this.#frames.size;
  }

  /** The frame of a page that is in memory, else 0. */
  peek(place: number): Frame {
    return this.#frames.get(place) ?? 0;
  }

  /** Keeps a page that was read; the frame's second reference is the image's. */
  add(place: number, frame: Frame): void {
    this.#frames.set(place, frame);
  }

  /** A number that only files of equal content have. */
  contentNumber(description: string): number {
    let number = this.#contents.get(description);
    if (number === undefined) this.#contents.set(description, (number = this.#board.nextContent()));
    return number;
  }

  /** For one kernel: files that others execute are not told. Between the pieces those may run. */
  *onlyOf(board: ImagePages, keeps: (frame: Frame) => boolean): Generator<void, SharedImage> {
    const image = new SharedImage(board);
    let count = 0;
    for (const [place, frame] of this.#frames) {
      if (keeps(frame)) image.#frames.set(place, frame);
      if (++count % PAGES_AT_ONCE === 0) yield;
    }
    image.users = 1;
    return image;
  }

  forEachFrame(visit: (frame: Frame) => void): void {
    for (const frame of this.#frames.values()) visit(frame);
  }

  reclaim(most: number): number {
    const { frames } = this.#board;
    let freed = 0;
    for (const [place, frame] of this.#frames) {
      if (freed >= most) break;
      if (frames.references(frame) > 1) continue;
      this.#frames.delete(place);
      frames.release(frame);
      freed++;
    }
    return freed;
  }

  static {
    stateClass("SharedImage", this, {
      save: (it) => ({ board: it.#board, frames: it.#frames, contents: it.#contents }),
      load: (it, from) => ({ board: it.#board, frames: it.#frames, contents: it.#contents } = from),
    });
  }
}

/** A file as it is in an image: what its page cache asks of whoever has it. */
export interface ImageFile {
  readonly image: SharedImage;
  /** A number that only equal pages of the image have; −1: the page is no page of the image. */
  placeInImage(index: number): number;
  /** A number that only files of equal content have; 0: not all of it is the image's. */
  contentInImage(): number;
  /** It is about to differ from what the image has: translations that other kernels share must not be used for it. */
  leaveImage(): void;
}
