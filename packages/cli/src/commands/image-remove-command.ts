import { stratosHome } from "@stratos/host-node";
import { ImageStore, lockForChange } from "@stratos/images";
import type { RemoveOptions } from "./image-options.ts";

/** Removes all or, when one does not exist, none. */
export async function removeImages(names: readonly string[], options: RemoveOptions): Promise<number> {
  const store = new ImageStore(stratosHome());
  // What cannot be read goes, too.
  const present = names.filter(
    (name) => store.holds(name) || (options.force === true ? store.find(name) !== null : store.require(name) !== null),
  );
  const unlocks: (() => void)[] = [];
  try {
    // What is being changed would be there again when that is done.
    for (const name of new Set(present)) unlocks.push(lockForChange(stratosHome(), name));
    for (const name of new Set(present)) store.remove(name);
  } finally {
    for (const unlock of unlocks) unlock();
  }
  return 0;
}
