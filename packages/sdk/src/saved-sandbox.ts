/**
 * A sandbox as bytes hold it: what `save` gives, and another one goes on from.
 *
 * ```
 * "STRATOSB"  u32 version  u32 length of what follows
 * a saved state: all but the machine
 * to the end: what MachineSession.save gave, which has its own checksums
 * ```
 */
import {
  byteString,
  byteStringOf,
  copyInPieces,
  inOnePiece,
  loadState,
  saveStateInPieces,
  StateError,
} from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import type { SavedProgram } from "./machine-program.ts";
import type { Authority } from "./tls-gateway.ts";

/** All but the machine. */
export interface SavedSurroundings {
  /** Over the image. */
  readonly changes: MemoryBlockDevice;
  readonly seed: number | null;
  /** Those under way whose ends the channel has. */
  readonly programs: readonly SavedProgram[];
  /** Of connections from outside, the ports of the ends that nobody has any more. */
  readonly outsidePorts: readonly number[];
  /** Its programs trust it. */
  readonly authority: Authority | null;
}

export interface SavedSandbox extends SavedSurroundings {
  /** What MachineSession.save gave. */
  readonly session: Uint8Array;
}

const MAGIC = "STRATOSB";
const VERSION = 1;
const HEADER_BYTES = 16;

/** @throws StateError */
export function readSaved(bytes: Uint8Array): SavedSandbox {
  if (byteString(bytes, 0, MAGIC.length) !== MAGIC) return checked(loadedState(bytes));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) throw new StateError("damaged", "the saved sandbox is damaged: cut short");
  const version = view.getUint32(8, true);
  if (version !== VERSION)
    throw new StateError("foreign", `the sandbox was saved in format ${version}; this version reads ${VERSION}`);
  const end = HEADER_BYTES + view.getUint32(12, true);
  if (end > bytes.length) throw new StateError("damaged", "the saved sandbox is damaged: cut short");
  return checked({ ...loadedState(bytes.subarray(HEADER_BYTES, end)), session: bytes.subarray(end) });
}

function loadedState(bytes: Uint8Array): Partial<SavedSandbox> {
  return loadState(bytes, { ports: new Map(), given: new Map() }) as Partial<SavedSandbox>;
}

/** @throws StateError */
function checked({
  session,
  changes,
  seed,
  programs,
  outsidePorts,
  // Versions before this one had none.
  authority = null,
}: Partial<SavedSandbox>): SavedSandbox {
  if (
    session instanceof Uint8Array &&
    changes instanceof MemoryBlockDevice &&
    (seed === null || Number.isInteger(seed)) &&
    Array.isArray(programs) &&
    Array.isArray(outsidePorts) &&
    (authority === null || [authority.certificate, authority.key].every((text) => typeof text === "string"))
  )
    return { session, changes, seed: seed as number | null, programs, outsidePorts, authority };
  throw new StateError("foreign", "this is no saved sandbox");
}

/** What stands before the machine. @throws StateError */
export function bytesBefore(surroundings: SavedSurroundings): Uint8Array {
  return inOnePiece(bytesBeforeInPieces(surroundings));
}

/** The same; between the pieces none of it may change. */
export function* bytesBeforeInPieces(surroundings: SavedSurroundings): Generator<void, Uint8Array> {
  const state = yield* saveStateInPieces(surroundings, new Map());
  const bytes = new Uint8Array(HEADER_BYTES + state.length);
  bytes.set(byteStringOf(MAGIC));
  const view = new DataView(bytes.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, state.length, true);
  yield* copyInPieces(state, bytes, HEADER_BYTES);
  return bytes;
}
