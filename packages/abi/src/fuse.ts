/** The FUSE kernel protocol as data, for the kernel's side of it and for servers. */
export * from "./fuse-opcodes.ts";
export * from "./fuse-init-flags.ts";
export * from "./fuse-structures.ts";
