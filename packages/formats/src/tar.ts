/** Tar archives, read and written: what needs no other format comes by this door. */
export { TarType, tarEntry, TAR_BLOCK_SIZE, type TarEntry } from "./tar-entry.ts";
export { TarReader, visitTar, type TarVisitor, type TarError } from "./tar-reader.ts";
export { gnuTarHeader, tarHeader, tarPadding, tarEnd } from "./tar-writer.ts";
