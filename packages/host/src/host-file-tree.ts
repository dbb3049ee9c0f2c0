/**
 * A folder of the host, passed through to the guest (`-v`). Paths are relative to it, byte strings, '' is the folder
 * itself. Errors are negated errnos. The implementation must never follow a symbolic link out of the folder.
 */
export interface HostStat {
  /** Below 2⁵³, and of this file alone in the whole folder, whatever else is mounted in it. */
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  size: number;
  rdev: number;
  atimeMs: number;
  mtimeMs: number;
  ctimeMs: number;
  blocks: number;
}
export interface HostFile {
  read(position: number, bytes: Uint8Array, at: number, length: number): number;
  /**
   * @param isAppend  to the file's end as it is when the bytes come there: others may have written since `position`
   *   was that (O_APPEND)
   */
  write(position: number, bytes: Uint8Array, at: number, length: number, isAppend?: boolean): number;
  truncate(size: number): number;
  sync(): number;
  stat(): HostStat | number;
  /** The file for a fork of the machine that holds it; null, or no such method: the fork opens it by its name. */
  forked?(): HostFile | null;
  close(): void;
}
/** statfs(2) of the folder's file system. */
export interface HostUsage {
  blockSize: number;
  blocks: number;
  blocksFree: number;
  files: number;
  filesFree: number;
}
export interface HostFileTree {
  readonly readOnly: boolean;
  /** Its answers are those of a recording, or become one: nobody but programs may ask it. */
  readonly isRecorded?: true;
  /**
   * Did the last call fail on its way, before it came to the last name of its path? Undefined where that can't be told:
   * then programs ask for each folder on the way, each time.
   */
  readonly hasLostWay?: boolean | undefined;
  lstat(path: string): HostStat | number;
  list(path: string): string[] | number;
  /** `lstat` of several names of a folder, where that costs less than asking for each. */
  lstatEach?(folder: string, names: readonly string[]): (HostStat | number)[] | number;
  readlink(path: string): string | number;
  /** `flags`: Linux O_* (access mode, O_CREAT, O_EXCL, O_TRUNC). */
  open(path: string, flags: number, mode: number): HostFile | number;
  mkdir(path: string, mode: number): number;
  rmdir(path: string): number;
  unlink(path: string): number;
  symlink(target: string, path: string): number;
  link(source: string, target: string): number;
  rename(source: string, target: string): number;
  chmod(path: string, mode: number): number;
  chown(path: string, uid: number, gid: number): number;
  utimes(path: string, atimeMs: number, mtimeMs: number): number;
  /** Null where the host doesn't tell. */
  usage(): HostUsage | null;
}
