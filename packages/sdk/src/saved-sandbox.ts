/** A sandbox as bytes hold it: what `save` gives, and another one goes on from. */
import { loadState, saveState, StateError } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import type { SavedProgram } from "./machine-program.ts";

export interface SavedSandbox {
  /** What MachineSession.save gave. */
  readonly session: Uint8Array;
  /** Over the image. */
  readonly changes: MemoryBlockDevice;
  readonly seed: number | null;
  /** Those under way whose ends the channel has. */
  readonly programs: readonly SavedProgram[];
  /** Of connections from outside, the ports of the ends that nobody has any more. */
  readonly outsidePorts: readonly number[];
}

/** @throws StateError */
export function readSaved(bytes: Uint8Array): SavedSandbox {
  const state = loadState(bytes, { ports: new Map(), given: new Map() }) as Partial<SavedSandbox>;
  const { session, changes, seed, programs, outsidePorts } = state;
  if (
    session instanceof Uint8Array &&
    changes instanceof MemoryBlockDevice &&
    (seed === null || Number.isInteger(seed)) &&
    Array.isArray(programs) &&
    Array.isArray(outsidePorts)
  )
    return { session, changes, seed: seed as number | null, programs, outsidePorts };
  throw new StateError("foreign", "this is no saved sandbox");
}

/** @throws StateError */
export function bytesOfSaved(sandbox: SavedSandbox): Uint8Array {
  return saveState(sandbox, new Map());
}
