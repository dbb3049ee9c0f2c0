/** Who runs native programs of AstraLisp here. */
import type { NativeTarget } from "@stratos/lisp";

/** Words before a program's own; none: the host itself. Null: it is of another kind, and asks nobody. */
export const EMULATORS: Readonly<Record<NativeTarget, readonly string[] | null>> = {
  rv64: ["qemu-riscv64-static"],
  x86_64: process.arch === "x64" && process.platform === "linux" ? [] : null,
  // Pages are as large as those of the processor's kernels.
  ppc64le: ["qemu-ppc64le-static", "-p", "65536"],
};
