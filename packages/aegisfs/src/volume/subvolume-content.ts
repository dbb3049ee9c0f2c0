/**
 * Content of files, as operations on a subvolume (subvolume.ts): by pages for who has a page cache, by bytes for who
 * has none. Offsets, sizes and lengths are in bytes, up to 2^63 − 1 (file/file-offset.ts).
 */
import { Operation } from "../file/operation.ts";
import { baseContent, basePlace } from "../file/base-content.ts";
import { cloneRange, copyRange, type RangeCopy } from "../file/clone.ts";
import * as content from "../file/content.ts";
import * as data from "../file/data.ts";
import { fragmentation, rewritePart, type Fragmentation } from "../file/defragment.ts";
import { blocksOf, offsetOf, type FileOffset } from "../file/file-offset.ts";
import { listExtents, type FileExtent } from "../file/extent-list.ts";
import * as holes from "../file/holes.ts";
import { settleFile } from "../file/settle.ts";
import { collapseRange, insertRange } from "../file/shift.ts";
import { Room } from "../space/reserve.ts";
import type { Subvolume } from "./subvolume.ts";
import { SubvolumeOperation } from "./subvolume-operation.ts";

/** A subvolume, as far as content goes. Its methods are those of `Subvolume`, which is the only one that there is. */
export class SubvolumeContent extends SubvolumeOperation {
  /**
   * Reads `count` pages from page `index` on into `bytes[at …)`, zeros in holes and after the end. 0, −EIO for a bad
   * checksum, …
   */
  readPages(this: Subvolume, ino: number, index: number, count: number, bytes: Uint8Array, at: number): number {
    this.volume.heat?.touch(this.id, ino);
    this.reads?.addInode(ino);
    try {
      settleFile(this, ino);
      data.readPages(this, ino, index, count, bytes, at);
      return 0;
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** A number that only equal pages of an overlay's bases have (file/base-content.ts); −1: it has none. */
  basePlace(this: Subvolume, ino: number, index: number): number {
    try {
      settleFile(this, ino);
      return basePlace(this, ino, index);
    } catch (thrown) {
      this.volume.readFailed(thrown);
      return -1;
    } finally {
      this.volume.end();
    }
  }

  /** The same for the file's first `blocks`, as a text; null. */
  baseContent(this: Subvolume, ino: number, blocks: number): string | null {
    try {
      settleFile(this, ino);
      return baseContent(this, ino, blocks);
    } catch (thrown) {
      this.volume.readFailed(thrown);
      return null;
    } finally {
      this.volume.end();
    }
  }

  /**
   * Stores `length` bytes from page `index` on. When the last page is not full, the file ends in it. The size grows to
   * cover them, times stay. −ENOSPC may leave the first pages stored.
   */
  writePages(this: Subvolume, ino: number, index: number, bytes: Uint8Array, at: number, length: number): number {
    this.volume.heat?.touch(this.id, ino);
    const failed = this.begin(Room.grows, Math.ceil(length / 4096));
    if (failed < 0) return failed;
    try {
      settleFile(this, ino);
      return this.did(
        data.writePages(this, ino, index, bytes, at, length),
        Operation.write,
        ino,
        "",
        0,
        "",
        offsetOf(index, 0),
        length,
      );
    } catch (thrown) {
      return this.volume.abort(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** Reads up to the end of the file; returns the bytes read. For callers without a page cache. */
  read(this: Subvolume, ino: number, offset: FileOffset, bytes: Uint8Array, at: number, length: number): number {
    this.volume.heat?.touch(this.id, ino);
    this.reads?.addInode(ino);
    try {
      return content.read(this, ino, offset, bytes, at, length);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /**
   * Writes any bytes, the size and mtime and ctime with them; returns the bytes written (short when space ran out),
   * −EFBIG, −ENOSPC …
   */
  write(this: Subvolume, ino: number, offset: FileOffset, bytes: Uint8Array, at: number, length: number): number {
    this.volume.heat?.touch(this.id, ino);
    const failed = this.begin(Room.grows, Math.ceil(length / 4096));
    if (failed < 0) return failed;
    try {
      return this.did(
        content.write(this, ino, offset, bytes, at, length),
        Operation.write,
        ino,
        "",
        0,
        "",
        offset,
        length,
      );
    } catch (thrown) {
      return this.volume.abort(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** Cuts or extends (by a hole); stamps mtime and ctime. */
  truncate(this: Subvolume, ino: number, size: FileOffset): number {
    const failed = this.begin(Room.shrinks, 1);
    if (failed < 0) return failed;
    try {
      return this.did(holes.truncate(this, ino, size), Operation.truncate, ino, "", 0, "", size);
    } catch (thrown) {
      return this.volume.abort(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** Makes a range read as zeros and gives its whole blocks back; the size stays. Stamps mtime and ctime. */
  punchHole(this: Subvolume, ino: number, offset: FileOffset, length: FileOffset): number {
    return this.changing(Room.shrinks, 2, () => {
      return this.did(holes.punchHole(this, ino, offset, length), Operation.punchHole, ino, "", 0, "", offset, length);
    });
  }

  /**
   * Holds space for a range, so that it reads as zeros where it had none; the size grows unless `keepSize`. −ENOSPC.
   */
  preallocate(this: Subvolume, ino: number, offset: FileOffset, length: FileOffset, keepSize: boolean): number {
    return this.changing(Room.grows, blocksOf(length), () => {
      return this.did(
        holes.preallocate(this, ino, offset, length, keepSize),
        Operation.preallocate,
        ino,
        "",
        0,
        "",
        offset,
        length,
      );
    });
  }

  /**
   * As punching and preallocating in one: the range reads as zeros and holds its space; the size grows unless
   * `keepSize`. −ENOSPC.
   */
  zeroRange(this: Subvolume, ino: number, offset: FileOffset, length: FileOffset, keepSize: boolean): number {
    return this.changing(Room.grows, blocksOf(length) + 2, () => {
      const punched = holes.punchHole(this, ino, offset, length);
      const result = punched < 0 ? punched : holes.preallocate(this, ino, offset, length, keepSize);
      return this.did(result, Operation.zeroRange, ino, "", 0, "", offset, length);
    });
  }

  /**
   * Takes whole blocks out of a file: what lies behind moves to their place. −EINVAL when it is not aligned or reaches
   * the end.
   */
  collapseRange(this: Subvolume, ino: number, offset: FileOffset, length: FileOffset): number {
    return this.changing(Room.grows, 0, () =>
      this.did(collapseRange(this, ino, offset, length), Operation.collapseRange, ino, "", 0, "", offset, length),
    );
  }

  /** Puts a hole of whole blocks into a file, before its end. −EINVAL, −EFBIG. */
  insertRange(this: Subvolume, ino: number, offset: FileOffset, length: FileOffset): number {
    return this.changing(Room.grows, 1, () =>
      this.did(insertRange(this, ino, offset, length), Operation.insertRange, ino, "", 0, "", offset, length),
    );
  }

  /**
   * Gives the target the source's blocks (ioctl_ficlonerange(2)); see file/clone.ts for what must be aligned. −EINVAL,
   * −ENOSPC.
   */
  cloneRange(this: Subvolume, copy: RangeCopy): number {
    return this.changing(Room.grows, 2, () =>
      this.did(
        cloneRange(this, copy),
        Operation.cloneRange,
        copy.target,
        "",
        copy.source,
        "",
        copy.targetOffset,
        copy.length,
      ),
    );
  }

  /** copy_file_range(2): shares what blocks allow, copies the rest. Returns the bytes copied. */
  copyRange(this: Subvolume, copy: RangeCopy): number {
    return this.changing(Room.grows, 4, () =>
      this.did(
        copyRange(this, copy),
        Operation.copyRange,
        copy.target,
        "",
        copy.source,
        "",
        copy.targetOffset,
        copy.length,
      ),
    );
  }

  /** First offset at or after `offset` that is in data; −ENXIO. */
  seekData(this: Subvolume, ino: number, offset: FileOffset): FileOffset {
    this.reads?.addInode(ino);
    return this.reading(() => holes.seekData(this, ino, offset));
  }

  /** First offset at or after `offset` that is in a hole, the end of the file at the latest; −ENXIO. */
  seekHole(this: Subvolume, ino: number, offset: FileOffset): FileOffset {
    this.reads?.addInode(ino);
    return this.reading(() => holes.seekHole(this, ino, offset));
  }

  /**
   * Where room that is held without content begins, at or after `offset` and before `before`, beyond the file's end as
   * well; −ENXIO.
   */
  seekUnwritten(this: Subvolume, ino: number, offset: FileOffset, before: FileOffset): FileOffset {
    this.reads?.addInode(ino);
    return this.reading(() => holes.seekUnwritten(this, ino, offset, before));
  }

  /** Where such room ends that `offset` lies in. */
  unwrittenEnd(this: Subvolume, ino: number, offset: FileOffset): FileOffset {
    this.reads?.addInode(ino);
    return this.reading(() => holes.unwrittenEnd(this, ino, offset));
  }

  /**
   * The first `most` runs of a file that end behind byte `offset`, as FS_IOC_FIEMAP lists them (file/extent-list.ts).
   * −ENOENT, −EISDIR, −EINVAL, −EIO.
   */
  extents(this: Subvolume, ino: number, offset: FileOffset, most: number): FileExtent[] | number {
    this.reads?.addInode(ino);
    return this.reading(() => listExtents(this, ino, offset, most));
  }

  /** How a file lies on the device; −ENOENT, −EISDIR, −EINVAL. */
  fragmentation(this: Subvolume, ino: number): Fragmentation | number {
    return this.reading(() => fragmentation(this, ino));
  }

  /**
   * Writes a part of a file anew: about `blocks` blocks from block `from` on, in long runs and with the properties that
   * it has now. Returns where to go on, −1 at the end (file/defragment.ts); −ENOSPC, −EROFS …, all below −1.
   */
  defragment(this: Subvolume, ino: number, from: number, blocks: number): number {
    return this.changing(Room.grows, blocks, () => rewritePart(this, ino, from, blocks));
  }
}
