import { EBADF, O_PATH } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { OpenFile } from "./open-file.ts";
import type { Path } from "./path.ts";

/** open(2) with O_PATH: a place, not an opened file; calls that would use its content say EBADF. */
export class PathOnlyFile extends OpenFile {
  constructor(flags: number, path: Path) {
    super(flags | O_PATH, path.dentry.inode, path);
  }

  override get isReadable(): boolean {
    return false;
  }

  override get isWritable(): boolean {
    return false;
  }

  override read(): number {
    return -EBADF;
  }

  override write(): number {
    return -EBADF;
  }

  override poll(): number {
    return 0;
  }

  override ioctl(): number {
    return -EBADF;
  }

  override seek(): number {
    return -EBADF;
  }

  override readDirectory(): number {
    return -EBADF;
  }

  override mapping(): number {
    return -EBADF;
  }

  override sync(): number {
    return -EBADF;
  }

  static {
    stateClass("PathOnlyFile", this);
  }
}
