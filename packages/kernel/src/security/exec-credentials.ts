import { SECBIT_KEEP_CAPS, SECBIT_NOROOT, S_ISGID, S_ISUID } from "@stratos/abi";
import type { OwnedFile } from "./owned-file.ts";
import { type Credentials, uniteCapabilities } from "./credentials.ts";

/**
 * Identity after execve: set-user-ID and set-group-ID bits, then capabilities by the rules of capabilities(7),
 * "Transformation of capabilities during execve" (no file capabilities: `security.capability` is not evaluated).
 *
 * @param noSetId  the mount is nosuid, or no_new_privs is set
 */
export function credentialsAfterExec(old: Credentials, inode: OwnedFile, noSetId: boolean): Credentials {
  const { userNamespace } = old;
  noSetId ||= !userNamespace.hasIds(inode.uid, inode.gid);
  const { rootUid } = userNamespace;
  const euid = !noSetId && (inode.mode & S_ISUID) !== 0 ? inode.uid : old.euid;
  const egid = !noSetId && (inode.mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010) ? inode.gid : old.egid;
  const isRoot = (euid === rootUid || old.uid === rootUid) && (old.secureBits & SECBIT_NOROOT) === 0;
  const changesId = euid !== old.euid || egid !== old.egid;
  const ambient = changesId ? 0 : old.ambient;
  const permitted = isRoot ? uniteCapabilities(old.bounding, old.inheritable) : ambient;
  const effective = isRoot && euid === rootUid ? permitted : ambient;
  return {
    ...old,
    euid,
    suid: euid,
    fsuid: euid,
    egid,
    sgid: egid,
    fsgid: egid,
    permitted,
    effective,
    ambient,
    secureBits: old.secureBits & ~SECBIT_KEEP_CAPS,
  };
}
