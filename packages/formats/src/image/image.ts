/** Images that are read in place, by number: the kernel's read-only file systems. */
export { FormatError } from "../format-error.ts";
export { FatReader } from "../fat/fat-reader.ts";
export { IsoReader } from "../iso9660/iso-reader.ts";
export type { ImageExtent, ImageFile, ImageReader, ImageVisitor } from "../tree/image-reader.ts";
