import { StateError } from "@stratos/base";
import type { WasmEngine } from "@stratos/host";
import type { Machine } from "@stratos/machine";
import { rehearseFork } from "@stratos/machine/forked";

/** Lets programs stand still for less time when their machine is forked for the first time. */
export async function rehearseForkByTurns(
  machine: Machine,
  engine: WasmEngine,
  breathe: () => Promise<void>,
): Promise<void> {
  const { kernel } = machine;
  // One of a family was forked before.
  if (kernel.isStopped || kernel.memory.parent !== null) return;
  try {
    for (const _ of rehearseFork(machine, { engine, random: kernel.random, log: () => {} })) {
      await breathe();
      if (kernel.isStopped) return;
    }
  } catch (error) {
    // There is no memory for it: then it is forked without, or not.
    if (!(error instanceof StateError)) throw error;
  }
  await breathe();
}
