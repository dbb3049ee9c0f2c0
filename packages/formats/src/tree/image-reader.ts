/** Read-only images as a kernel reads them: a file by its number, a folder's entries in their order. */

/** A part of a file's content: `length` bytes from `start` on lie at `at` on the disk. */
export interface ImageExtent {
  readonly start: number;
  readonly at: number;
  readonly length: number;
}

/** What stat(2) shows of a file. */
export interface ImageFile {
  /** type and rights, as in st_mode */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** bytes */
  readonly size: number;
  readonly device: { readonly major: number; readonly minor: number };
  /** seconds since 1970 */
  readonly mtime: number;
  readonly atime: number;
  readonly ctime: number;
  /** Of a symbolic link; a byte string. */
  readonly target: string;
  /** Have its rights and owners a place in the image? Else they are the mount's. */
  readonly hasRights: boolean;
}

export interface ImageReader {
  /** Number of the root folder. Numbers say where records lie. */
  readonly root: number;
  /** of the file system, in bytes */
  readonly blockSize: number;
  readonly blockCount: number;
  /** @throws FormatError, or the disk's error */
  file(ino: number): ImageFile;
  /** In ascending order, none over another. @throws FormatError, or the disk's error */
  extents(ino: number): ImageExtent[];
  /**
   * Entries of a folder but "." and "..", from `cursor` (0: the first) on; `visit` returns false to end. Names are byte
   * strings, and `type` is `mode >> 12`, or 0: not known without a look at the file.
   * @throws FormatError, or the disk's error
   */
  list(ino: number, cursor: number, visit: ImageVisitor): void;
  /** What two names of one file have in common: FAT finds names whatever their case. */
  keyOf(name: string): string;
}

export type ImageVisitor = (name: string, ino: number, type: number, next: number) => boolean;

export const NO_DEVICE = { major: 0, minor: 0 } as const;
