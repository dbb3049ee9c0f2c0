/** The FUSE protocol's numbers and layouts, for servers of other things than volumes. */
export * from "./layout.ts";
export * from "@stratos/abi/fuse";
export { putPair, VALID_SECONDS } from "./attribute-words.ts";
