/**
 * What of a kernel is no state of its own: what the outside and its board give it, and what it makes anew as it starts.
 */
import type { Kernel } from "./task/kernel-state.ts";

/** By name: the saver's are found again as the loader's. */
export function kernelPorts(kernel: Kernel): Map<string, object> {
  const { board, physical, processor, slots, tally } = kernel;
  const ports = new Map<string, object>([
    ["memory", physical],
    ["memory.buffer", physical.memory.buffer],
    ["memory.u8", physical.u8],
    ["memory.u16", physical.u16],
    ["memory.i32", physical.i32],
    ["memory.u32", physical.u32],
    ["memory.f64", physical.f64],
    ["board", board],
    ["processor", processor],
    ["slots", slots],
    ["tally", tally],
  ]);
  return ports;
}

/** Objects that a kernel has from its start, and that are filled when it is loaded. */
export function givenOfKernel(kernel: Kernel): Map<string, object> {
  return new Map<string, object>([
    ["Kernel", kernel],
    ["VfsState", kernel.vfs],
    ["SocketState", kernel.socketState],
    ["FrameAllocator", kernel.frames],
    ["ImagePages", kernel.board.images],
    ["LibraryPlaces", kernel.libraryPlaces],
  ]);
}
