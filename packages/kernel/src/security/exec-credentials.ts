import { EPERM, SECBIT_KEEP_CAPS, SECBIT_NOROOT, S_ISGID, S_ISUID } from "@stratos/abi";
import type { FileCapabilities } from "./file-capabilities.ts";
import type { OwnedFile } from "./owned-file.ts";
import { type Credentials, intersectCapabilities, isCapabilitySubset, uniteCapabilities } from "./credentials.ts";

/** What of a program's rights counts. */
interface ProgramRights {
  /** No set-user-ID or set-group-ID: the mount is nosuid, no_new_privs is set, somebody without the right traces it. */
  readonly noSetId: boolean;
  /** It may have fewer capabilities than before, but no others. */
  readonly gainsNothing: boolean;
  readonly file: FileCapabilities | null;
}

/**
 * Identity after execve: set-user-ID and set-group-ID bits, then capabilities by the rules of capabilities(7),
 * "Transformation of capabilities during execve". Source: security/commoncap.c, cap_bprm_creds_from_file.
 *
 * @returns `isSecure`: AT_SECURE of getauxval(3), it has rights that who started it lacks, so that it trusts no
 *   environment; −EPERM: the file would give capabilities by itself that the bounding set hasn't
 */
export function credentialsAfterExec(
  old: Credentials,
  inode: OwnedFile,
  { noSetId, gainsNothing, file }: ProgramRights,
): { credentials: Credentials; isSecure: boolean } | number {
  const { userNamespace, bounding, inheritable } = old;
  noSetId ||= !userNamespace.hasIds(inode.uid, inode.gid);
  const { rootUid } = userNamespace;
  const euid = !noSetId && (inode.mode & S_ISUID) !== 0 ? inode.uid : old.euid;
  const egid = !noSetId && (inode.mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010) ? inode.gid : old.egid;
  const changesId = euid !== old.euid || egid !== old.egid;
  let permitted = 0;
  let isEffective = false;
  if (file !== null) {
    permitted = uniteCapabilities(
      intersectCapabilities(bounding, file.permitted),
      intersectCapabilities(inheritable, file.inheritable),
    );
    ({ isEffective } = file);
    if (isEffective && !isCapabilitySubset(file.permitted, permitted)) return -EPERM;
  }
  const [isRoot, wasRoot] = [euid === rootUid, old.uid === rootUid];
  // A set-user-ID program of root's that names its capabilities has these alone.
  const isRootsWay = (old.secureBits & SECBIT_NOROOT) === 0 && (file === null || !isRoot || wasRoot);
  if (isRootsWay && (isRoot || wasRoot)) permitted = uniteCapabilities(bounding, inheritable);
  if (isRootsWay && isRoot) isEffective = true;
  if (gainsNothing) permitted = intersectCapabilities(permitted, old.permitted);
  const ambient = changesId || file !== null ? 0 : old.ambient;
  permitted = uniteCapabilities(permitted, ambient);
  const credentials: Credentials = {
    ...old,
    euid,
    suid: euid,
    fsuid: euid,
    egid,
    sgid: egid,
    fsgid: egid,
    permitted,
    effective: isEffective ? permitted : ambient,
    ambient,
    secureBits: old.secureBits & ~SECBIT_KEEP_CAPS,
  };
  const gains = isEffective || !isCapabilitySubset(permitted, ambient);
  return { credentials, isSecure: euid !== old.uid || egid !== old.gid || (!wasRoot && gains) };
}
