import type { OpenedVolume } from "./open-volume.ts";
import { expectResult } from "./volume-error.ts";

/** Forgets whose copies deleted snapshots were. */
export function forgetTransfers({ path, volume }: OpenedVolume): void {
  const names = volume.properties.names();
  if (typeof names === "number") return;
  for (const name of names) {
    const id = /^receiv(?:ed|ing)\/(\d+)$/.exec(name)?.[1];
    if (id !== undefined && volume.subvolume(Number(id)) === null) expectResult(path, volume.properties.remove(name));
  }
}
