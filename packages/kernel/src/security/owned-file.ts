import type { Acl } from "@stratos/abi";

/** What decides who may do what with a file; inodes have it (path_resolution(7), acl(5), chattr(1)). */
export interface OwnedFile {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly acl: Acl | null;
  /** Whatever these say, its file system looks by itself at who asks. */
  readonly decidesAccess?: boolean;
  /** FS_*_FL. */
  readonly fileFlags: number;
}
