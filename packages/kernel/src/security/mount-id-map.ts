/**
 * Owners of files as one mount shows them (mount_setattr(2), "ID-mapped mounts"): a number that a file has is what the
 * user namespace of its file system calls the owner, and the mount's map says whom of the initial namespace that is
 * there, as if a program of the map's namespace had said the number. −1: nobody, and what is nobody's isn't changed.
 *
 * @see Linux fs/mnt_idmapping.c, make_vfsuid, from_vfsuid
 */
import { ACL_GROUP, ACL_USER, type Acl } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { IdMap } from "./id-map.ts";
import type { OwnedFile } from "./owned-file.ts";
import type { UserNamespace } from "./user-namespace.ts";

export class MountIdMap {
  /** Those that the namespace had when the mount got them. */
  readonly uids: IdMap;
  readonly gids: IdMap;
  /** Of the file system. */
  readonly inner: UserNamespace;

  constructor({ uids, gids }: UserNamespace, inner: UserNamespace) {
    this.uids = uids;
    this.gids = gids;
    this.inner = inner;
  }

  shownUid(kept: number): number {
    return this.uids.toKernel(this.inner.uids.fromKernel(kept));
  }

  shownGid(kept: number): number {
    return this.gids.toKernel(this.inner.gids.fromKernel(kept));
  }

  /** What a file has whose owner is to be shown as `shown`; −1: the mount has no number for it. */
  keptUid(shown: number): number {
    return this.inner.uids.toKernel(this.uids.fromKernel(shown));
  }

  keptGid(shown: number): number {
    return this.inner.gids.toKernel(this.gids.fromKernel(shown));
  }

  shownAcl(kept: Acl): Acl {
    return kept.map((entry) => {
      if (entry.tag === ACL_USER) return { ...entry, id: this.shownUid(entry.id) };
      return entry.tag === ACL_GROUP ? { ...entry, id: this.shownGid(entry.id) } : entry;
    });
  }

  keptAcl(shown: Acl): Acl {
    return shown.map((entry) => {
      if (entry.tag === ACL_USER) return { ...entry, id: this.keptUid(entry.id) };
      return entry.tag === ACL_GROUP ? { ...entry, id: this.keptGid(entry.id) } : entry;
    });
  }

  show(file: OwnedFile): OwnedFile {
    const { mode, uid, gid, acl, fileFlags, decidesAccess = false } = file;
    return {
      mode,
      uid: this.shownUid(uid),
      gid: this.shownGid(gid),
      acl: acl === null ? null : this.shownAcl(acl),
      decidesAccess,
      fileFlags,
    };
  }

  static {
    stateClass("MountIdMap", this);
  }
}
