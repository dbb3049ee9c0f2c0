/**
 * A machine that goes on from where another one stands, beside that one on its board. Nothing is written: the objects
 * of the kernel are copied, pages are both machines' until one of them writes.
 */
import { PAGE_SIZE } from "@stratos/abi";
import { StateError, stateName } from "@stratos/base";
import { beginAnew, copyKernel, familyOf, rehearseKernelCopy, Tmpfs } from "@stratos/kernel";
import { Machine, type MachineOptions } from "./machine.ts";
import { namingHolders, portsOf } from "./saved-machine.ts";

/**
 * Is a fork to be told from its original? "fresh": its kernel draws other random numbers, its boot has another name,
 * and pages under MADV_WIPEONFORK are zeroes. What programs drew before is in both.
 */
export type ForkIdentity = "fresh" | "same";

interface ForkOptions extends Pick<MachineOptions, "engine" | "sockets" | "log"> {
  /** Seeded ones: another seed for each "fresh" fork, or these draw the same and have one boot's name. */
  readonly random: MachineOptions["random"];
  readonly identity: ForkIdentity;
  /** Handles of the host that the machine holds, and what the fork has in their place. */
  readonly handles: ReadonlyMap<object, object>;
}

/**
 * @param machine  at rest: between two calls of `run`
 * @throws StateError of kind "unsavable", which names the process that holds what cannot be in two machines
 */
export function forkMachine(machine: Machine, { identity, handles, ...outside }: ForkOptions): Machine {
  const { kernel } = machine;
  const { board, clock, random, sockets, work, harts, memory } = kernel;
  if (sockets !== null && outside.sockets === null)
    throw new StateError("unsavable", "a machine with a network cannot have a fork without one");
  const family = familyOf(kernel);
  const isVirtual = stateName(clock) !== undefined;
  const fork = new Machine({
    ...outside,
    board,
    family,
    clock,
    memoryBytes: memory.limit * PAGE_SIZE,
    hostname: "",
    harts,
    callWork: work.limit,
    virtualTime: isVirtual,
  });
  const replaced: [object, object][] = [...handles];
  const given: [object, object][] = [[machine, fork]];
  (isVirtual ? given : replaced).push([clock, fork.kernel.clock]);
  if (identity === "fresh" || stateName(random) === undefined) replaced.push([random, outside.random]);
  if (sockets !== null && outside.sockets !== null) replaced.push([sockets, outside.sockets]);
  namingHolders(machine, { what: "forked", outside: [...portsOf(machine).values(), ...handles.keys()] }, () =>
    copyKernel(kernel, fork.kernel, { root: machine, replaced, given }),
  );
  if (identity === "fresh") beginAnew(fork.kernel);
  return fork;
}

/** The third one gains little more. */
const COPY_REHEARSALS = 2;

/**
 * What `forkMachine` does: with a machine that has nothing, whole, and with this one as far as nobody notices. Code
 * that runs for the first time takes V8 several times as long, and whoever runs on the board stands still for it. In a
 * rehearsal that is told by turns.
 *
 * @param machine  whose fork is going to be made. It may run whenever this does not
 * @throws StateError when there is no memory for it
 */
export function* rehearseFork(
  machine: Machine,
  outside: Pick<ForkOptions, "engine" | "log" | "random">,
): Generator<void, void> {
  const { board, clock, memory } = machine.kernel;
  const family = familyOf(machine.kernel);
  const memoryBytes = memory.limit * PAGE_SIZE;
  const virtualTime = stateName(clock) !== undefined;
  const empty = new Machine({
    ...{ ...outside, board, family, clock, sockets: null, memoryBytes, virtualTime, hostname: "" },
  });
  try {
    yield;
    empty.mountRoot(new Tmpfs(empty.kernel));
    empty.mountSystem();
    yield;
    forkMachine(empty, { ...outside, sockets: null, identity: "same", handles: new Map() }).dispose();
    yield;
  } finally {
    empty.dispose();
  }
  for (let round = 0; round < COPY_REHEARSALS; round++) yield* rehearseKernelCopy(machine.kernel);
}
