/**
 * The kernel of one machine. `Kernel` holds what is one per machine; everything else hangs off tasks.
 *
 * Order rules: nothing here blocks or awaits; every entry (system call, fault, timer, host event) runs to completion. Frames are
 * allocated before they are mapped and unmapped before they are released; a Path is retained before it is stored.
 */
export { Kernel, type KernelOptions } from "./kernel-state.ts";
