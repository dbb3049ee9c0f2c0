/** Files of an image: from archives and package trees into a volume, and out of it. */
export { exactSize, jsonWithSizes } from "./exact-size.ts";
export { unpackedArchive } from "./unpacked-archive.ts";
export { ArchiveExtractor, archiveVolume } from "./volume-archive.ts";
export { entriesOf, xattrsOf } from "./volume-walk.ts";
export { decodeDevice, encodeDevice, VolumeWriter } from "./volume-writer.ts";
