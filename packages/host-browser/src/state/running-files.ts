/**
 * What ran when a tab's machine rested, in two files of the origin by turns, for the tab that comes after it:
 *
 *     head     what it belongs to, and what a person saw (base's FileHead)
 *     state    what MachineSession.save gave, which has its own checksums
 *
 * The head is written last, and taken away first: a crash, or a page that goes while it is written, leaves the one
 * before.
 */
import { crc32c, FileHead, StateError } from "@stratos/base";
import { readAll, type SyncAccessHandle, writeAll } from "../opfs-block-device.ts";

/** Of the volume that the state's programs have their files on, as it was: another one is none of theirs. */
export interface VolumeMark {
  readonly generation: number;
  readonly checksum: number;
}

interface RunningHead {
  readonly volume: VolumeMark;
  /** Whose it is: a page goes on with its own. */
  readonly page: string;
  /** What brings that page to show what it showed: of a terminal characters and sequences. */
  readonly screen: string;
}

export interface Running extends RunningHead {
  readonly state: Uint8Array;
}

interface KeptHead extends RunningHead {
  readonly stateBytes: number;
  /** The larger one is newer. */
  readonly serial: number;
}

const HEAD = new FileHead<KeptHead>({
  magic: "STRATOST",
  version: 2,
  name: "what ran",
  headBytesMax: 16 * 2 ** 20,
  checksum: crc32c,
});
/** Bytes that tell how long a head is. */
const START_BYTES = HEAD.bytesOf(new Uint8Array(0));
/** Of one call: a millisecond or two. */
const PIECE_BYTES: number = 2 ** 20;

/** One of the two. */
interface Slot {
  readonly handle: SyncAccessHandle;
  /** Null: it holds nothing whole. */
  kept: { readonly head: KeptHead; readonly stateAt: number } | null;
}

interface FullSlot extends Slot {
  kept: NonNullable<Slot["kept"]>;
}

export class RunningFiles {
  readonly #slots: readonly Slot[];

  /** @param handles  two */
  constructor(handles: readonly SyncAccessHandle[]) {
    this.#slots = handles.map((handle) => ({ handle, kept: headIn(handle) }));
  }

  /** @returns the newest of a page that belongs to a volume like this; null: there is none, or not of this version */
  read(volume: VolumeMark, page: string): Running | null {
    for (const { handle, kept } of this.#newestFirst(page)) {
      const { volume: own, screen, stateBytes } = kept.head;
      if (!isSameVolume(own, volume)) continue;
      const state = bytesIn(handle, kept.stateAt, stateBytes);
      if (state !== null) return { volume, page, screen, state };
    }
    return null;
  }

  /** @returns for people, why `read` gives nothing though something of the page is kept; null: nothing is */
  whyNot(volume: VolumeMark, page: string): string | null {
    const newest = this.#newestFirst(page)[0]?.kept.head.volume;
    if (newest === undefined) return null;
    return isSameVolume(newest, volume)
      ? "it cannot be read"
      : `files were written after it was kept (they are at ${volume.generation}, it was at ${newest.generation})`;
  }

  #newestFirst(page: string): FullSlot[] {
    const full = this.#slots.filter((slot): slot is FullSlot => slot.kept?.head.page === page);
    return full.toSorted((a, b) => serialOf(b) - serialOf(a));
  }

  /** Something is kept, of whatever volume. */
  get hasAny(): boolean {
    return this.#slots.some(({ kept }) => kept !== null);
  }

  /**
   * Takes the place of the older one; between the pieces others may work. When it is not gone to its end the newer one
   * stays.
   *
   * @throws what the browser says when it gives no more room
   */
  *write({ volume, page, screen, state }: Running): Generator<void, void> {
    const [older, newer] = this.#slots.toSorted((a, b) => serialOf(a) - serialOf(b)) as [Slot, Slot];
    erase(older);
    const { handle } = older;
    const head: KeptHead = { volume, page, screen, stateBytes: state.length, serial: serialOf(newer) + 1 };
    const start = HEAD.encode(head);
    const end = start.length + state.length;
    if (handle.getSize() > end) handle.truncate(end);
    for (let done = 0; done < state.length; done += PIECE_BYTES) {
      yield;
      writeAll(handle, state.subarray(done, done + PIECE_BYTES), start.length + done);
    }
    yield;
    handle.flush();
    writeAll(handle, start, 0);
    handle.flush();
    older.kept = { head, stateAt: start.length };
  }

  /** Nothing is kept any more. @throws what the browser says */
  drop(): void {
    for (const slot of this.#slots) erase(slot);
  }

  close(): void {
    for (const { handle } of this.#slots) handle.close();
  }
}

function isSameVolume(one: VolumeMark, other: VolumeMark): boolean {
  return one.generation === other.generation && one.checksum === other.checksum;
}

function serialOf({ kept }: Slot): number {
  return kept?.head.serial ?? 0;
}

function erase(slot: Slot): void {
  slot.kept = null;
  if (slot.handle.getSize() === 0) return;
  writeAll(slot.handle, new Uint8Array(START_BYTES), 0);
  slot.handle.flush();
}

function headIn(handle: SyncAccessHandle): Slot["kept"] {
  const first = bytesIn(handle, 0, START_BYTES);
  const start = first === null ? null : bytesIn(handle, 0, HEAD.bytesOf(first));
  if (start === null) return null;
  try {
    const { head, end } = HEAD.decode(start);
    return isHead(head) ? { head, stateAt: end } : null;
  } catch (error) {
    if (error instanceof StateError) return null;
    throw error;
  }
}

function isHead(head: Partial<KeptHead>): head is KeptHead {
  const { volume, page, screen, stateBytes, serial } = head;
  const numbers = [volume?.generation, volume?.checksum, stateBytes, serial];
  return (
    numbers.every((one) => Number.isSafeInteger(one) && one! >= 0) &&
    typeof screen === "string" &&
    typeof page === "string"
  );
}

/** @returns null: the file is shorter, or cannot be read */
function bytesIn(handle: SyncAccessHandle, at: number, length: number): Uint8Array | null {
  try {
    if (at + length > handle.getSize()) return null;
    const bytes = new Uint8Array(length);
    return readAll(handle, bytes, at) ? bytes : null;
  } catch {
    return null;
  }
}
