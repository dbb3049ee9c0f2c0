/**
 * What folders that all may write to (`/tmp`) are protected from: others' links and files in the place of what a
 * program expects (proc_sys_fs(5), protected_symlinks and its like; Linux's fs/namei.c).
 */
import {
  CAP_FOWNER,
  EACCES,
  EPERM,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_ISGID,
  S_ISUID,
  S_ISVTX,
  S_IWGRP,
  S_IWOTH,
  S_IXGRP,
} from "@stratos/abi";
import type { Credentials } from "../security/credentials.ts";
import type { OwnedFile } from "../security/owned-file.ts";
import { checkAccess, isCapableOver, MAY_READ, MAY_WRITE } from "../security/permission.ts";

/** fs.protected_*: 0: nothing is refused; 2, of fifos and regular files: in folders of a group, too. */
export interface ProtectedNames {
  symlinks: number;
  hardlinks: number;
  fifos: number;
  regular: number;
}

/** A symbolic link that ends a path. @returns 0 or −EACCES */
export function mayFollow(
  { symlinks }: ProtectedNames,
  { fsuid }: Credentials,
  folder: OwnedFile,
  link: OwnedFile,
): number {
  const isOpenToAll = (folder.mode & (S_ISVTX | S_IWOTH)) === (S_ISVTX | S_IWOTH);
  return symlinks !== 0 && isOpenToAll && link.uid !== fsuid && link.uid !== folder.uid ? -EACCES : 0;
}

/** Another name for a file of somebody else's. @returns 0 or −EPERM */
export function mayLink({ hardlinks }: ProtectedNames, credentials: Credentials, file: OwnedFile): number {
  if (hardlinks === 0 || file.uid === credentials.fsuid || isCapableOver(credentials, file, CAP_FOWNER)) return 0;
  const { mode } = file;
  const isPlain =
    (mode & S_IFMT) === S_IFREG && (mode & S_ISUID) === 0 && (mode & (S_ISGID | S_IXGRP)) !== (S_ISGID | S_IXGRP);
  return isPlain && checkAccess(credentials, file, MAY_READ | MAY_WRITE) === 0 ? 0 : -EPERM;
}

/** open(2) with O_CREAT finds what is there already; root is refused as well. @returns 0 or −EACCES */
export function mayOpenAsCreated(
  { fifos, regular }: ProtectedNames,
  { fsuid }: Credentials,
  folder: OwnedFile,
  file: OwnedFile,
): number {
  const kind = file.mode & S_IFMT;
  // Devices and sockets are so without a setting (fs/namei.c, may_create_in_sticky).
  const level = kind === S_IFREG ? regular : kind === S_IFIFO ? fifos : 1;
  if (level === 0 || (folder.mode & S_ISVTX) === 0 || file.uid === folder.uid || file.uid === fsuid) return 0;
  return (folder.mode & (S_IWOTH | (level > 1 ? S_IWGRP : 0))) !== 0 ? -EACCES : 0;
}
