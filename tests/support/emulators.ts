/** Who runs native programs of AstraLisp here. */
import { isExtended } from "@stratos/base/testing";
import { NATIVE_TARGETS, type NativeTarget } from "@stratos/lisp";

/** Words before a program's own; none: the host itself. Null: it is of another kind, and asks nobody. */
export const EMULATORS: Readonly<Record<NativeTarget, readonly string[] | null>> = {
  rv64: ["qemu-riscv64-static"],
  x86_64: process.arch === "x64" && process.platform === "linux" ? [] : null,
  // Pages are as large as those of the processor's kernels.
  ppc64le: ["qemu-ppc64le-static", "-p", "65536"],
};

/** The machine's processor and the usual host's; all of them in the extended run. */
export const MAIN_TARGETS: readonly NativeTarget[] = isExtended ? NATIVE_TARGETS : ["rv64", "x86_64"];

const others = NATIVE_TARGETS.filter((target) => EMULATORS[target]?.length !== 0);
let turn = 0;

/**
 * Processors for one of many alike programs: the host's and, by turns, one of those that are emulated; all that can be
 * had in the extended run. To build for one, and to emulate it, costs as much as the host's.
 */
export function someTargets(): readonly NativeTarget[] {
  const emulated = others.filter((target) => EMULATORS[target] !== null);
  const chosen = isExtended ? emulated : [emulated[turn++ % emulated.length]!];
  return [...NATIVE_TARGETS.filter((target) => !others.includes(target)), ...chosen];
}
