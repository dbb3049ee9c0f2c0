import { FAN_MARK_EVICTABLE, FAN_MARK_IGNORE, FAN_MARK_IGNORED_MASK, FAN_MARK_IGNORED_SURV_MODIFY } from "@stratos/abi";
import { hexOf, stateClass } from "@stratos/base";
import { type FanotifyListener, type FanotifyMark, PERMISSIONS } from "../../vfs/fanotify-mark.ts";
import { addFanotifyMark, type Marked, removeFanotifyMark } from "../../vfs/fanotify-marks.ts";
import { HANDLE_INODE, handleBytesOf, handleTypeOf, putHandle } from "../../vfs/file-handle.ts";
import { Inode } from "../../vfs/inode.ts";
import { Mount } from "../../vfs/mount.ts";
import type { FsKernel } from "../fs-kernel.ts";

/** What keeps marks (fanotify-file.ts). */
interface MarkOwner extends FanotifyListener {
  dropMark(mark: ListenerMark): void;
}

/** What a listener wants of an inode, a mount or a file system. */
export class ListenerMark implements FanotifyMark {
  #kernel: FsKernel;
  readonly listener: MarkOwner;
  readonly marked: Marked;
  mask = 0;
  ignored = 0;
  survivesModify = false;
  hasOwnFlags = false;
  isHolding: boolean;

  constructor(kernel: FsKernel, listener: MarkOwner, marked: Marked, isHolding: boolean) {
    this.#kernel = kernel;
    this.listener = listener;
    this.marked = marked;
    this.isHolding = isHolding && marked instanceof Inode;
  }

  get kind(): "inode" | "mount" | "fileSystem" {
    if (this.marked instanceof Inode) return "inode";
    return this.marked instanceof Mount ? "mount" : "fileSystem";
  }

  begin(): void {
    addFanotifyMark(this.#kernel, this.marked, this);
    if (this.isHolding) (this.marked as Inode).users++;
  }

  end(): void {
    this.setMask(0);
    removeFanotifyMark(this.#kernel, this.marked, this);
    if (!this.isHolding) return;
    this.isHolding = false;
    const inode = this.marked as Inode;
    if (--inode.users === 0) inode.evictUnused();
  }

  ended(): void {
    this.listener.dropMark(this);
  }

  /** FAN_MARK_ADD, of what may be added. */
  extend(mask: number, flags: number): void {
    if ((flags & (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE)) === 0) this.setMask(this.mask | mask);
    else {
      this.ignored |= mask;
      this.hasOwnFlags ||= (flags & FAN_MARK_IGNORE) !== 0;
      this.survivesModify ||= (flags & FAN_MARK_IGNORED_SURV_MODIFY) !== 0;
    }
    if ((flags & FAN_MARK_EVICTABLE) !== 0 || this.isHolding || !(this.marked instanceof Inode)) return;
    this.isHolding = true;
    this.marked.users++;
  }

  setMask(mask: number): void {
    const asks = (mask & PERMISSIONS) !== 0,
      asked = (this.mask & PERMISSIONS) !== 0;
    this.#kernel.vfs.permissionCount += Number(asks) - Number(asked);
    this.mask = mask;
  }

  /** A line of /proc/PID/fdinfo/N (proc_pid_fdinfo(5)). */
  toString(): string {
    const { marked } = this;
    const hex = (value: number): string => (value >>> 0).toString(16);
    const isEvictable = marked instanceof Inode && !this.isHolding;
    const flags =
      (isEvictable ? FAN_MARK_EVICTABLE : 0) |
      (this.survivesModify ? FAN_MARK_IGNORED_SURV_MODIFY : 0) |
      (this.hasOwnFlags ? FAN_MARK_IGNORE : 0);
    const masks = `mflags:${hex(flags)} mask:${hex(this.mask)} ignored_mask:${hex(this.ignored)}`;
    if (marked instanceof Mount) return `fanotify mnt_id:${hex(marked.id)} ${masks}\n`;
    if (!(marked instanceof Inode)) return `fanotify sdev:${hex(marked.device)} ${masks}\n`;
    const { ino, device, generation } = marked.fileId;
    const handle = new Uint8Array(HANDLE_INODE + handleBytesOf(generation));
    putHandle(new DataView(handle.buffer), 0, ino, generation);
    return (
      `fanotify ino:${ino.toString(16)} sdev:${hex(device)} ${masks} ` +
      `fhandle-bytes:${hex(handleBytesOf(generation))} fhandle-type:${hex(handleTypeOf(generation))} ` +
      `f_handle:${hexOf(handle.subarray(HANDLE_INODE))}\n`
    );
  }

  static {
    stateClass("ListenerMark", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}
