/** The FUSE protocol's numbers and layouts, for servers of other things than volumes. */
export * from "./layout.ts";
export * from "./opcodes.ts";
export * from "./init-flags.ts";
export { putPair, VALID_SECONDS } from "./attribute-words.ts";
