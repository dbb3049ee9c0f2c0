/**
 * The clock that the kernel stamps on files. Where it gathers writes it keeps the times of regular files itself
 * (FUSE_WRITEBACK_CACHE), from a clock that moves with its timer's ticks (ktime_get_coarse_real_ts64), behind others by
 * up to one, and by more where the host is a virtual machine whose processors stand still. All of a volume has to be
 * stamped by that one clock: by a finer one a folder would be younger than a file that was changed after it, and a new
 * file would be changed before its birth; and as a file's first write would move the time that we answered back, the
 * kernel would send us a SETATTR for each.
 *
 * A port: no system call of Node tells that clock, but whoever changes a file of the host can see what it was stamped.
 */
export interface KernelTime {
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Takes it into `seconds` and `nanoseconds`: not before any time that the kernel has stamped, nor after the next. */
  read(): void;
}
