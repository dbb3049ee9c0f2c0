/** Where the machines of forks come from: the process of their original, or a file. */
import { rmSync } from "node:fs";
import type { ForkIdentity } from "@stratos/sdk/api";
import type { NamedSystem } from "./named-system.ts";

interface Forks {
  readonly count: number;
  readonly identity: ForkIdentity;
}

interface ForkSource {
  /** Gives a system its machine. */
  begin(system: NamedSystem): Promise<void>;
  /** Nothing is left of what was not begun. */
  close(): Promise<void>;
}

/**
 * Beside the original, on the pages that it has.
 *
 * @throws StratosError of kind system; StateError: something in it cannot be in two machines
 */
export async function forksInPlace(parent: NamedSystem, forks: Forks, unwanted: AbortSignal): Promise<ForkSource> {
  const { machines, programs } = await parent.forkMachine(forks, unwanted);
  return {
    begin: (system) => system.takeOn(machines.shift()!, programs),
    close: async () => void (await Promise.all(machines.map(({ process, target }) => process.close(target)))),
  };
}

/** Each in a process of its own. @param path  of a file that there is not yet. @throws StratosError, StateError */
export async function forksFromFile(
  parent: NamedSystem,
  { identity, path }: Pick<Forks, "identity"> & { readonly path: string },
  unwanted: AbortSignal,
): Promise<ForkSource> {
  const remove = (): void => rmSync(path, { force: true });
  try {
    await parent.checkpoint(path);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    begin: (system) => system.resume(path, { unwanted, identity }),
    close: async () => remove(),
  };
}
