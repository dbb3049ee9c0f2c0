/** File formats as pure functions over bytes: no files, no clock, no host. Input is always taken to be hostile. */
export * from "./elf.ts";
export { parseAr, writeAr, type ArMember, type ArError } from "./ar.ts";
export { TarType, tarEntry, TAR_BLOCK_SIZE, type TarEntry } from "./tar-entry.ts";
export { TarReader, type TarVisitor, type TarError } from "./tar-reader.ts";
export { tarHeader, tarPadding, tarEnd } from "./tar-writer.ts";
export { xzUnpackedSize } from "./xz-size.ts";
export { archiveTree, type ArchiveOptions } from "./tree/tree-archive.ts";
export { FileKind, MemoryBlob, NO_FILE_XATTRS, checkFileTree, comparePaths, fileEntry, fileTreeOf, readBlob, type Blob, type FileEntry, type FileTree } from "./tree/file-tree.ts";
