import {
  FUSE_FLUSH,
  FUSE_RELEASE,
  FUSE_RELEASEDIR,
  FUSE_RELEASE_FLOCK_UNLOCK,
  FuseFlushIn,
  FuseReleaseIn,
} from "@stratos/abi/fuse";
import { stateClass } from "@stratos/base";
import type { FuseConnection } from "./fuse-connection.ts";
import { type Held, message, type Opaque } from "./fuse-request.ts";

/**
 * What the server knows an open file by. The description holds it, and so does the call that opens it while that is
 * executed again: the server hears of the end once.
 */
export class FuseHandle implements Held {
  readonly connection: FuseConnection;
  readonly inode: Held & { readonly node: Opaque };
  readonly fh: Opaque;
  /** FOPEN_*. */
  readonly openFlags: number;
  /** O_* that the server was given. */
  readonly flags: number;
  readonly isDirectory: boolean;
  /** The server has opened nothing, and closes nothing (FUSE_NO_OPEN_SUPPORT). */
  readonly isUnknown: boolean;
  references = 0;
  /** By flock(2) it has, or had, a lock of this owner's (fuse-locks.ts); 0: it never did. */
  flockOwner = 0;

  constructor(
    connection: FuseConnection,
    inode: FuseHandle["inode"],
    opened: {
      readonly fh: Opaque;
      readonly openFlags: number;
      readonly flags: number;
      readonly isDirectory: boolean;
      readonly isUnknown: boolean;
    },
  ) {
    this.connection = connection;
    this.inode = inode;
    this.fh = opened.fh;
    this.openFlags = opened.openFlags;
    this.flags = opened.flags;
    this.isDirectory = opened.isDirectory;
    this.isUnknown = opened.isUnknown;
  }

  retain(): void {
    this.references++;
  }

  release(): void {
    if (--this.references > 0 || this.isUnknown) return;
    const opcode = this.isDirectory ? FUSE_RELEASEDIR : FUSE_RELEASE;
    const { inode, flags, flockOwner } = this;
    const release = flockOwner === 0 ? 0 : FUSE_RELEASE_FLOCK_UNLOCK;
    const values = { flags, release_flags: release, lock_owner: flockOwner };
    this.connection.post(opcode, inode.node, message(FuseReleaseIn, values, this.fh), 0, 0, inode);
  }

  /** A descriptor is closed by what doesn't wait: the end of a process, dup2(2), execve(2). */
  postFlush(lockOwner: number): void {
    this.connection.post(FUSE_FLUSH, this.inode.node, message(FuseFlushIn, { lock_owner: lockOwner }, this.fh));
  }

  static {
    stateClass("FuseHandle", this);
  }
}

/** A file and a handle of it: made by a call that has it open; held until what was written by it has arrived. */
export class FuseCreation<Node extends Held = Held> implements Held {
  readonly inode: Node;
  readonly handle: FuseHandle;

  constructor(inode: Node, handle: FuseHandle) {
    this.inode = inode;
    this.handle = handle;
  }

  retain(): void {
    this.inode.retain();
    this.handle.retain();
  }

  release(): void {
    this.handle.release();
    this.inode.release();
  }

  static {
    stateClass("FuseCreation", this);
  }
}
