/**
 * Those who watch a system's program, and type into it. Each is shown all that is written from the moment it came; the
 * program waits for the slowest, but not for one that takes nothing any more: that one is sent away.
 */
import type { TerminalSize } from "@stratos/sdk/api";
import { STREAM_WINDOW } from "@stratos/sdk/wire";

/** How long a viewer that is full may take nothing while the program waits for it. */
const PATIENCE_MS = 10_000;

export class Viewer {
  readonly #send: (stream: 1 | 2, bytes: Uint8Array) => void;
  readonly #onRead: (count: number) => void;
  readonly #onSentAway: () => void;
  readonly #onSize: (size: TerminalSize, isOwn: boolean) => void;
  #onWay = 0;
  onTaken: () => void = () => {};

  /**
   * @param onRead  the program has read so many of its bytes
   * @param onSentAway  it is too slow
   * @param onSize  the terminal has this size from here on; `isOwn`: it has asked for it itself
   */
  constructor(
    send: (stream: 1 | 2, bytes: Uint8Array) => void,
    onRead: (count: number) => void,
    onSentAway: () => void,
    onSize: (size: TerminalSize, isOwn: boolean) => void,
  ) {
    this.#send = send;
    this.#onRead = onRead;
    this.#onSentAway = onSentAway;
    this.#onSize = onSize;
  }

  show(stream: 1 | 2, bytes: Uint8Array): void {
    this.#onWay += bytes.length;
    this.#send(stream, bytes);
  }

  taken(count: number): void {
    this.#onWay -= count;
    this.onTaken();
  }

  read(count: number): void {
    this.#onRead(count);
  }

  get isFull(): boolean {
    return this.#onWay >= STREAM_WINDOW;
  }

  resized(size: TerminalSize, isOwn: boolean): void {
    this.#onSize(size, isOwn);
  }

  sendAway(): void {
    this.#onSentAway();
  }
}

export class Audience {
  readonly #viewers = new Set<Viewer>();
  /** Who is to be told when there is room again. */
  readonly #owed: (() => void)[] = [];
  /** What was typed and the program has not read, in order. */
  readonly #typed: { readonly viewer: Viewer; bytes: number }[] = [];
  /** Of those whom the program waits for, each from its own last taking. */
  readonly #patience = new Map<Viewer, NodeJS.Timeout>();

  add(viewer: Viewer): void {
    this.#viewers.add(viewer);
    viewer.onTaken = () => {
      this.#endPatience(viewer);
      this.#settle();
    };
  }

  remove(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    this.#endPatience(viewer);
    this.#settle();
  }

  #endPatience(viewer: Viewer): void {
    clearTimeout(this.#patience.get(viewer));
    this.#patience.delete(viewer);
  }

  get viewers(): readonly Viewer[] {
    return [...this.#viewers];
  }

  /** @param dealtWith  called when all have had it, or are not waited for */
  show(stream: 1 | 2, bytes: Uint8Array, dealtWith: () => void): void {
    for (const viewer of this.#viewers) viewer.show(stream, bytes);
    this.#owed.push(dealtWith);
    this.#settle();
  }

  #settle(): void {
    if (this.#owed.length === 0) return;
    const slow = this.viewers.filter((viewer) => viewer.isFull);
    for (const viewer of slow) {
      if (this.#patience.has(viewer)) continue;
      const timer = setTimeout(() => this.#sendAway(viewer), PATIENCE_MS).unref();
      this.#patience.set(viewer, timer);
    }
    if (slow.length === 0) for (const dealtWith of this.#owed.splice(0)) dealtWith();
  }

  #sendAway(viewer: Viewer): void {
    this.remove(viewer);
    viewer.sendAway();
  }

  typed(viewer: Viewer, bytes: number): void {
    this.#typed.push({ viewer, bytes });
  }

  /** The last who asks for a size gives it to all. */
  resize(viewer: Viewer, size: TerminalSize): void {
    for (const each of this.#viewers) each.resized(size, each === viewer);
  }

  /** The program has read so many bytes of what was typed. */
  read(count: number): void {
    for (let left = count; left > 0 && this.#typed.length > 0;) {
      const first = this.#typed[0]!;
      const part = Math.min(left, first.bytes);
      first.bytes -= part;
      left -= part;
      first.viewer.read(part);
      if (first.bytes === 0) this.#typed.shift();
    }
  }

  /** Another program takes the place of the one that was watched: what that had not read it never will. */
  begin(): void {
    const typed = this.#typed.splice(0);
    for (const { viewer, bytes } of typed) viewer.read(bytes);
  }
}
