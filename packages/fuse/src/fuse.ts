/**
 * AegisFS for a Linux kernel: the FUSE protocol (7.31 and later), spoken over a `FuseDevice`.
 *
 *   new FuseServer(device, volume, clock, options).serve()    until the mount ends
 *
 * The device of a real mount is in tools-node (src/fuse/); this package knows no Node.
 */
export { FuseServer, SERVE_CALLED } from "./server.ts";
export type { ServeOptions } from "./server.ts";
export type { FuseDevice } from "./device.ts";
export type { KernelTime } from "./kernel-time.ts";
export { MEMORY_SIZE } from "./wire/layout.ts";
export { GATHERED_PREFIX, SNAPSHOTS_NAME, STATUS_NAME } from "./snapshot-folder.ts";
