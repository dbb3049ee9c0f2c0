import { forOneTurn, StateError } from "@stratos/base";
import { forgetUnread, type Kernel } from "@stratos/kernel";
import type { WasmEngine } from "@stratos/host";
import type { Machine } from "@stratos/machine";
import { rehearseFork } from "@stratos/machine/forked";

/** Less of a machine that has looked at many files is to be copied; it may run meanwhile. */
export async function forgetNamesByTurns(
  kernel: Kernel,
  { nowMs, turnMs }: { nowMs(): number; readonly turnMs: number },
  breathe: () => Promise<void>,
): Promise<void> {
  const pieces = forgetUnread(kernel);
  while (!kernel.isStopped && forOneTurn(pieces, nowMs, turnMs).done !== true) await breathe();
}

/** Lets programs stand still for less time when their machine is forked for the first time. */
export async function rehearseForkByTurns(
  machine: Machine,
  { engine, nowMs, turnMs }: { readonly engine: WasmEngine; nowMs(): number; readonly turnMs: number },
  breathe: () => Promise<void>,
): Promise<void> {
  const { kernel } = machine;
  // One of a family was forked before.
  if (kernel.isStopped || kernel.memory.parent !== null) return;
  const pieces = rehearseFork(machine, { engine, random: kernel.random, log: () => {} });
  try {
    while (!kernel.isStopped && forOneTurn(pieces, nowMs, turnMs).done !== true) await breathe();
  } catch (error) {
    // There is no memory for it: then it is forked without, or not.
    if (!(error instanceof StateError)) throw error;
  } finally {
    // It was given up: what it has made goes.
    pieces.return();
  }
  await breathe();
}
