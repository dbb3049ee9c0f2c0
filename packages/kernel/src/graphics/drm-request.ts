import { getU64 } from "../ground/words.ts";
import type { DrmClient } from "./drm-client.ts";
import type { GraphicsCaller } from "./graphics-kernel.ts";

export interface DrmRequest {
  /** Of its structure, in bytes; 0: it has none. */
  readonly size: number;
  /** −EACCES for all but who may set modes. */
  readonly isForMaster?: true;
  /** @param view  the structure, as the caller gave it; stored as it is left when the result is not an error */
  run(client: DrmClient, task: GraphicsCaller, view: DataView): number;
}

/**
 * A list that the caller has room for, or asks the length of: as many as fit are stored, and all are counted.
 *
 * @param pointerAt  where the structure has the list's address
 * @param countAt  where it has the number of places there
 */
export function putList(
  task: GraphicsCaller,
  view: DataView,
  pointerAt: number,
  countAt: number,
  values: readonly number[],
  wordSize: 4 | 8 = 4,
): number {
  const address = getU64(view, pointerAt);
  const room = view.getUint32(countAt, true);
  for (let index = 0; index < Math.min(room, values.length); index++) {
    const at = address + index * wordSize;
    const failed = wordSize === 4 ? task.space.storeU32(at, values[index]!) : task.space.storeU64(at, values[index]!);
    if (failed < 0) return failed;
  }
  view.setUint32(countAt, values.length, true);
  return 0;
}

/** A word of two halves that a program gets back as it gave it. */
export function wordsAt(view: DataView, at: number): readonly [number, number] {
  return [view.getUint32(at, true), view.getUint32(at + 4, true)];
}
