/**
 * What ran when a tab's machine rested, in two files of the origin by turns, for the tab that comes after it:
 *
 *     "STRATOST"  u32 version  u32 bytes of the head  f64 bytes of the state  f64 serial      little-endian
 *     head        JSON: what it belongs to, and what a person saw
 *     state       what MachineSession.save gave, which has its own checksums
 *
 * The first line is written last, and taken away first: a crash, or a page that goes while it is written, leaves the
 * one before.
 */
import { byteString, byteStringOf } from "@stratos/base";
import { type SyncAccessHandle, writeAll } from "../opfs-block-device.ts";

/** Of the volume that the state's programs have their files on, as it was: another one is none of theirs. */
export interface VolumeMark {
  readonly generation: number;
  readonly checksum: number;
}

interface RunningHead {
  readonly volume: VolumeMark;
  /** What brings a terminal to show what it showed: characters and sequences. */
  readonly screen: string;
}

export interface Running extends RunningHead {
  readonly state: Uint8Array;
}

interface Line {
  readonly headBytes: number;
  readonly stateBytes: number;
  readonly serial: number;
}

const MAGIC = "STRATOST";
const VERSION = 1;
const LINE_BYTES = 32;
const HEAD_BYTES_MAX: number = 16 * 2 ** 20;
/** Of one call: a millisecond or two. */
const PIECE_BYTES: number = 2 ** 20;

export class RunningFiles {
  readonly #handles: readonly SyncAccessHandle[];

  /** @param handles  two */
  constructor(handles: readonly SyncAccessHandle[]) {
    this.#handles = handles;
  }

  /** @returns the newest that belongs to a volume like this; null: there is none, or not of this version */
  read(volume: VolumeMark): Running | null {
    const found = this.#handles
      .map((handle) => ({ handle, line: lineOf(handle) }))
      .filter((each): each is { handle: SyncAccessHandle; line: Line } => each.line !== null)
      .sort((a, b) => b.line.serial - a.line.serial);
    for (const { handle, line } of found) {
      const head = headOf(handle, line);
      if (head?.volume.generation !== volume.generation || head.volume.checksum !== volume.checksum) continue;
      const state = bytesOf(handle, LINE_BYTES + line.headBytes, line.stateBytes);
      if (state !== null) return { ...head, state };
    }
    return null;
  }

  /** Something is kept, of whatever volume. */
  get hasAny(): boolean {
    return this.#handles.some((handle) => lineOf(handle) !== null);
  }

  /**
   * Takes the place of the older one; between the pieces others may work. When it is not gone to its end the newer one
   * stays.
   *
   * @throws what the browser says when it gives no more room
   */
  *write({ volume, screen, state }: Running): Generator<void, void> {
    const serials = this.#handles.map((handle) => lineOf(handle)?.serial ?? 0);
    const handle = this.#handles[serials.indexOf(Math.min(...serials))]!;
    erase(handle);
    const head = new TextEncoder().encode(JSON.stringify({ volume, screen } satisfies RunningHead));
    const end = LINE_BYTES + head.length + state.length;
    if (handle.getSize() > end) handle.truncate(end);
    writeAll(handle, head, LINE_BYTES);
    for (let done = 0; done < state.length; done += PIECE_BYTES) {
      yield;
      writeAll(handle, state.subarray(done, done + PIECE_BYTES), LINE_BYTES + head.length + done);
    }
    yield;
    handle.flush();
    const line = new Uint8Array(LINE_BYTES);
    line.set(byteStringOf(MAGIC));
    const view = new DataView(line.buffer);
    view.setUint32(8, VERSION, true);
    view.setUint32(12, head.length, true);
    view.setFloat64(16, state.length, true);
    view.setFloat64(24, Math.max(...serials) + 1, true);
    writeAll(handle, line, 0);
    handle.flush();
  }

  /** Nothing is kept any more. @throws what the browser says */
  drop(): void {
    for (const handle of this.#handles) erase(handle);
  }

  close(): void {
    for (const handle of this.#handles) handle.close();
  }
}

function erase(handle: SyncAccessHandle): void {
  if (handle.getSize() === 0) return;
  writeAll(handle, new Uint8Array(LINE_BYTES), 0);
  handle.flush();
}

function lineOf(handle: SyncAccessHandle): Line | null {
  const line = bytesOf(handle, 0, LINE_BYTES);
  if (line === null || byteString(line, 0, MAGIC.length) !== MAGIC) return null;
  const view = new DataView(line.buffer);
  const [headBytes, stateBytes] = [view.getUint32(12, true), view.getFloat64(16, true)];
  const serial = view.getFloat64(24, true);
  if (view.getUint32(8, true) !== VERSION || headBytes > HEAD_BYTES_MAX) return null;
  return Number.isSafeInteger(stateBytes) && Number.isSafeInteger(serial) ? { headBytes, stateBytes, serial } : null;
}

function headOf(handle: SyncAccessHandle, { headBytes }: Line): RunningHead | null {
  const bytes = bytesOf(handle, LINE_BYTES, headBytes);
  try {
    const head = bytes === null ? null : (JSON.parse(new TextDecoder().decode(bytes)) as unknown);
    const { volume, screen } = (head ?? {}) as Partial<Record<keyof RunningHead, unknown>>;
    const { generation, checksum } = (volume ?? {}) as Partial<Record<keyof VolumeMark, unknown>>;
    if (typeof generation !== "number" || typeof checksum !== "number" || typeof screen !== "string") return null;
    return { volume: { generation, checksum }, screen };
  } catch {
    return null;
  }
}

/** @returns null: the file is shorter, or cannot be read */
function bytesOf(handle: SyncAccessHandle, at: number, length: number): Uint8Array<ArrayBuffer> | null {
  try {
    if (!(length >= 0 && at + length <= handle.getSize())) return null;
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const count = handle.read(bytes.subarray(done), { at: at + done });
      if (count <= 0) return null;
      done += count;
    }
    return bytes;
  } catch {
    return null;
  }
}
