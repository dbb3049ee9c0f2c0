import { MS_RDONLY } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { MountIdMap } from "../security/mount-id-map.ts";
import type { OwnedFile } from "../security/owned-file.ts";
import type { UserNamespace } from "../security/user-namespace.ts";
import type { Dentry } from "./dentry.ts";
import type { MountNamespace } from "./mount-namespace.ts";
import type { PeerGroup } from "./peer-group.ts";
import type { FanotifyMark } from "./fanotify-mark.ts";
import type { FileSystem } from "./file-system.ts";

/** Of one namespace, whose owner they count for. Bound: fs.mount-max. */
interface HeldMounts {
  readonly owner: UserNamespace;
  readonly byPoint: Map<Dentry, Mount>;
}

/** A file system (or a part of one: bind mount) attached at a place. */
export class Mount {
  readonly id: number;
  readonly fileSystem: FileSystem;
  readonly root: Dentry;
  parent: Mount | null;
  mountPoint: Dentry | null;
  /** MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC … (mount(2)). */
  flags: number;
  /** What was given as the source, for /proc/mounts. */
  readonly source: string;
  users = 0;
  /** Descriptions of files that are open to be written by way of it. */
  writers = 0;
  /** Where it is; null: nowhere any more. */
  namespace: MountNamespace | null = null;
  /** How many mounts are on it. */
  children = 0;
  /** Tells them of what is mounted on it, and hears of theirs (peer-group.ts); null: it is not shared. */
  group: PeerGroup<Mount> | null = null;
  /** Hears of theirs; null: it is nobody's slave. */
  master: PeerGroup<Mount> | null = null;
  /** It can't be bound elsewhere. */
  isUnbindable = false;
  /**
   * Came with a copy for another user namespace: what it covers stays covered, these flags stay, and access times are
   * kept as they were (mount_namespaces(7)).
   */
  isLocked = false;
  lockedFlags = 0;
  areTimesLocked = false;
  /** It was taken away while it was in use (MNT_DETACH): told of its last user's end. */
  lingers: { unused(): void } | null = null;
  /** Locked mounts that were taken away with it: what they cover stays covered while it is used. null: none. */
  held: HeldMounts | null = null;
  /** umount2(MNT_EXPIRE) was asked for once, and no path led here since. */
  isExpiring = false;
  /** Shows files with other owners than they have (mount_setattr(2), MOUNT_ATTR_IDMAP); null: with their own. */
  idMap: MountIdMap | null = null;
  /** fanotify(7) marks on it; null: none. */
  fanotify: Set<FanotifyMark> | null = null;

  constructor(
    id: number,
    fileSystem: FileSystem,
    root: Dentry,
    parent: Mount | null,
    mountPoint: Dentry | null,
    flags: number,
    source: string,
  ) {
    this.id = id;
    this.fileSystem = fileSystem;
    this.root = root;
    this.parent = parent;
    this.mountPoint = mountPoint;
    this.flags = flags;
    this.source = source;
  }

  /** Nothing is written by way of it, or to its file system at all. */
  get isReadOnly(): boolean {
    return (this.flags & MS_RDONLY) !== 0 || this.fileSystem.readOnly;
  }

  /** A copy is as restricted as what it is of, and shows the same owners. */
  takeRules(from: Mount): void {
    this.idMap = from.idMap;
    this.lockedFlags = from.lockedFlags;
    this.areTimesLocked = from.areTimesLocked;
  }

  static {
    stateClass("Mount", this);
  }
}

/** The file with the owners that it has as seen by way of the mount. @param mount  null: by none */
export function shownOn(mount: Mount | null, file: OwnedFile): OwnedFile {
  return mount === null || mount.idMap === null ? file : mount.idMap.show(file);
}
