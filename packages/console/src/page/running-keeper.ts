/**
 * Keeps what runs in a tab, so that the next one goes on with it: as soon as the machine stands still, now and then
 * while it works, and when the page may go or gives the machine away. It stands still while its memory is copied, not
 * while that is written; a key that is typed meanwhile comes first.
 */
import { forOneTurn, StateError } from "@stratos/base";
import type { EventLoop } from "@stratos/host";
import type { Running, RunningFiles, SavedChanges } from "@stratos/host-browser";
import { type MachineSession, SessionError } from "@stratos/session";

/** A machine that ran for less of the time since the last look rests: it waits for a key, or for a clock. */
const REST_MS = 50;
/** It has rested for so many looks before it is kept. */
const REST_LOOKS = 2;
/** The share of its time that keeping may take. */
const COST_SHARE = 1 / 20;
/** Between two times, at least: of one that has not run at all since the last look, that rests, and that works. */
const STILL_PAUSE_MS = 1000;
const REST_PAUSE_MS = 5000;
const BUSY_PAUSE_MS = 60_000;
/** So long others wait for a turn while memory is copied. */
const TURN_MS = 8;
/** A page that does not say by then what it shows is at something else. */
const SCREEN_MS = 2000;

export interface KeptParts {
  readonly files: RunningFiles;
  readonly changes: SavedChanges;
  readonly session: MachineSession;
  readonly loop: EventLoop;
  /** Whose what is kept is (RunningFiles). */
  readonly page: string;
  /** The machine as bytes; between the pieces nothing of it runs. @throws StateError, SessionError */
  readonly save: () => Generator<void, Uint8Array>;
  /** What the person sees, as the page tells or the worker knows. */
  readonly screen: () => Promise<string>;
  /** Another number when that is different though nothing has run. Absent: it never is. */
  readonly revision?: () => number;
  /** All would go on that is kept now. Absent: it would. */
  readonly isAtRest?: () => boolean;
  /** Brings what programs wrote into the volume. @returns 0 or a negated errno */
  readonly settle: () => number;
}

export class RunningKeeper {
  readonly #parts: KeptParts;
  readonly #nowMs: () => number;
  /** The machine waits while its memory is copied. */
  #isCopying = false;
  /** It never has a turn again. */
  #isHeld = false;
  /** It wanted a turn meanwhile. */
  #isWanted = false;
  #onWanted = (): void => {};
  #work: Promise<boolean> | null = null;
  #isOver = false;
  /** Of the pump's `runMs`, at the last look. */
  #lookedAt: number;
  /** Instructions that had run by then. */
  #retiredAtLook = -1;
  /** Instructions that had run when it was last kept, and the volume's generation. */
  #kept = { retired: -1, generation: -1, revision: -1 };
  #restLooks = 0;
  /** When it was tried last, and what that took of the machine's time. */
  #triedMs: number;
  #costMs = 0;
  /** Of all times. */
  spentMs = 0;
  /** Not before. */
  #nextMs = 0;

  /** @param goesOn  with what is in the file */
  constructor(parts: KeptParts, goesOn: boolean) {
    this.#parts = parts;
    this.#nowMs = () => parts.loop.nowMs();
    if (goesOn)
      this.#kept = {
        retired: this.#retired,
        generation: parts.changes.mark?.generation ?? -1,
        revision: this.#revision,
      };
    this.#triedMs = this.#nowMs();
    this.#lookedAt = parts.session.pump.runMs;
  }

  /** Asked by a machine that wants a turn: whether it has none now. */
  holdsBack(): boolean {
    if (this.#isCopying) {
      this.#isWanted = true;
      this.#onWanted();
    }
    return this.#isCopying || this.#isHeld;
  }

  /** To be called twice a second. */
  look(): void {
    const { runMs } = this.#parts.session.pump;
    const retired = this.#retired;
    const isStill = retired === this.#retiredAtLook;
    const isResting = runMs - this.#lookedAt < REST_MS;
    this.#lookedAt = runMs;
    this.#retiredAtLook = retired;
    this.#restLooks = isResting ? this.#restLooks + 1 : 0;
    const now = this.#nowMs();
    if (this.#work !== null || this.isKept || now < this.#nextMs) return;
    if (this.#parts.isAtRest?.() === false) return;
    const pausedMs = now - this.#triedMs;
    if (this.#restLooks >= REST_LOOKS && pausedMs >= (isStill ? STILL_PAUSE_MS : REST_PAUSE_MS)) void this.keep(false);
    else if (pausedMs >= BUSY_PAUSE_MS) void this.keep(true);
  }

  get #revision(): number {
    return this.#parts.revision?.() ?? 0;
  }

  get #retired(): number {
    const { processor, kernel } = this.#parts.session.machine;
    return processor.retired(kernel.tally);
  }

  /** Nothing has run or been written since, and all is shown as it was. */
  get isKept(): boolean {
    const { retired, generation, revision } = this.#kept;
    const isSame = this.#retired === retired && this.#revision === revision;
    return isSame && this.#parts.changes.mark?.generation === generation;
  }

  /** Keeps it for the last time: nothing runs any more. */
  keepLast(): Promise<boolean> {
    this.#isHeld = true;
    return this.keep(true);
  }

  /**
   * @param isForced  programs that want a turn have to wait
   * @returns whether it is kept as it is now
   */
  keep(isForced: boolean): Promise<boolean> {
    const before = this.#work ?? Promise.resolve(false);
    const work = before
      .then(() => (this.#isOver ? false : this.isKept || this.#keep(isForced)))
      .finally(() => {
        if (this.#work === work) this.#work = null;
      });
    this.#work = work;
    return work;
  }

  async #keep(isForced: boolean): Promise<boolean> {
    const startMs = this.#nowMs();
    const retired = this.#retired;
    const revision = this.#revision;
    const kept = await this.#copy(isForced);
    this.#costMs = this.#nowMs() - startMs;
    const isDone = kept !== null && !this.#isOver && (await this.#write(kept));
    if (isDone) this.#kept = { retired, generation: kept.volume.generation, revision };
    // What was given up has cost as well.
    this.spentMs += this.#costMs;
    this.#triedMs = this.#nowMs();
    this.#nextMs = Math.max(this.#nextMs, this.#triedMs + this.#costMs / COST_SHARE);
    return isDone;
  }

  /** @returns false: there is no more room, or it is over */
  async #write(kept: Running): Promise<boolean> {
    const pieces = this.#parts.files.write(kept);
    try {
      for (;;) {
        const startMs = this.#nowMs();
        const isDone = pieces.next().done === true;
        this.#costMs += this.#nowMs() - startMs;
        if (isDone) return true;
        await this.#breathe();
        if (this.#isOver) return false;
      }
    } catch {
      // The browser gives no more room.
      this.#nextMs = this.#nowMs() + BUSY_PAUSE_MS;
      return false;
    }
  }

  /** Null: the machine wants a turn, or cannot be kept now. It stands still until this is done. */
  async #copy(isForced: boolean): Promise<Running | null> {
    const { session, changes, page, screen, settle } = this.#parts;
    this.#isCopying = true;
    this.#isWanted = false;
    try {
      const shown = await Promise.race([screen(), this.#patience(isForced)]);
      if (shown === null || settle() < 0) return null;
      const state = await this.#copyMachine(isForced);
      const volume = changes.mark;
      return state === null || volume === null ? null : { volume, page, screen: shown, state };
    } catch (error) {
      // Programs hold what cannot be kept; memory for it is not to be had; the files can only be read any more.
      if (!(error instanceof StateError || error instanceof RangeError || error instanceof SessionError)) throw error;
      this.#nextMs = this.#nowMs() + BUSY_PAUSE_MS;
      return null;
    } finally {
      this.#isCopying = false;
      session.pump.wake();
    }
  }

  /** Until it takes too long, or the machine, where it may, wants a turn. */
  #patience(isForced: boolean): Promise<null> {
    return new Promise((resolve) => {
      this.#parts.loop.callLater(SCREEN_MS, () => resolve(null));
      if (!isForced) this.#onWanted = () => resolve(null);
    });
  }

  async #copyMachine(isForced: boolean): Promise<Uint8Array | null> {
    const pieces = this.#parts.save();
    try {
      for (;;) {
        if (this.#isOver || (this.#isWanted && !isForced)) return null;
        const { done, value } = forOneTurn(pieces, this.#nowMs, TURN_MS);
        if (done === true) return value;
        await this.#breathe();
      }
    } finally {
      // What waits for the end of it goes on.
      pieces.return(new Uint8Array(0));
    }
  }

  #breathe(): Promise<void> {
    return new Promise((resolve) => this.#parts.loop.callSoon(resolve));
  }

  /** Nothing is kept any more. */
  drop(): void {
    try {
      this.#parts.files.drop();
    } catch {
      // Then the volume tells the next tab that it is not its own.
    }
  }

  /** Lets go of the file, with what is in it. */
  close(): void {
    this.#isOver = true;
    this.#parts.files.close();
  }
}
