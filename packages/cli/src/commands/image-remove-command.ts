import { stratosHome } from "@stratos/host-node";
import { ImageStore } from "@stratos/images";
import type { RemoveOptions } from "./image-options.ts";

/** Removes all or, when one does not exist, none. */
export async function removeImages(names: readonly string[], options: RemoveOptions): Promise<number> {
  const store = new ImageStore(stratosHome());
  // What cannot be read goes, too.
  const present = names.filter(
    (name) => store.holds(name) || (options.force === true ? store.find(name) !== null : store.require(name) !== null),
  );
  for (const name of new Set(present)) store.remove(name);
  return 0;
}
