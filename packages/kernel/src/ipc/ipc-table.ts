/**
 * What the three kinds of System V IPC share: keys, identifiers, permissions (sysvipc(7)). Read next: semaphores.ts,
 * message-queues.ts, shared-memory.ts; the calls are in syscall/ipc-calls.ts.
 */
import {
  CAP_IPC_OWNER,
  CAP_SYS_ADMIN,
  EACCES,
  EEXIST,
  EFAULT,
  EIDRM,
  EINVAL,
  ENOENT,
  ENOSPC,
  EPERM,
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  IpcPerm,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { UserMemory } from "../ground/user-memory.ts";
import { type Credentials, isCapable } from "../security/credentials.ts";
import { INITIAL_USER_NAMESPACE, type UserNamespace } from "../security/user-namespace.ts";
import type { Identified } from "../ground/identity.ts";
import { WaitQueue } from "../ground/wait-queue.ts";

/** Rights as in a mode, for user, group and others at once: the caller's class decides which bits count. */
export const READ = 0o444,
  ALTER = 0o222;

/** An identifier is the slot's index and, above it, how often the table went round (ipc/util.h, IPCMNI_SHIFT). */
const INDEX_BITS = 15;
const SEQUENCE_MAX = 2 ** (31 - INDEX_BITS) - 1;

/** A semaphore set, message queue or shared memory segment. */
export class IpcObject implements Identified {
  id = -1;
  sequence = 0;
  key: number;
  uid: number;
  gid: number;
  readonly cuid: number;
  readonly cgid: number;
  /** The nine permission bits, and SHM_DEST. */
  mode: number;
  /** Seconds since the epoch. */
  changedAt: number;
  identity = 0;
  /** Of the host's memory (IpcMemory). */
  heldBytes = 0;
  readonly queue = new WaitQueue();
  /** Whose capabilities count: the owner of its IPC namespace. Set when it is put into the table. */
  userNamespace: UserNamespace = INITIAL_USER_NAMESPACE;

  constructor(key: number, flags: number, owner: Credentials, now: number) {
    this.key = key;
    this.uid = this.cuid = owner.euid;
    this.gid = this.cgid = owner.egid;
    this.mode = flags & 0o777;
    this.changedAt = now;
  }

  /** @param wanted  READ, ALTER or both @see ipc/util.c, ipcperms */
  permits(credentials: Credentials, wanted: number): boolean {
    const inGroup = (gid: number): boolean => credentials.egid === gid || credentials.groups.includes(gid);
    const shift =
      credentials.euid === this.cuid || credentials.euid === this.uid
        ? 6
        : inGroup(this.cgid) || inGroup(this.gid)
          ? 3
          : 0;
    const requested = (wanted >> 6) | (wanted >> 3) | wanted;
    return (requested & ~(this.mode >> shift) & 7) === 0 || isCapable(credentials, CAP_IPC_OWNER, this.userNamespace);
  }

  /** May the caller IPC_SET and IPC_RMID it? */
  isControlledBy(credentials: Credentials): boolean {
    return (
      credentials.euid === this.uid ||
      credentials.euid === this.cuid ||
      isCapable(credentials, CAP_SYS_ADMIN, this.userNamespace)
    );
  }

  /** User, group, and those of its maker, as a reader knows them. */
  #owners({ uids, gids }: UserNamespace): readonly [number, number, number, number] {
    return [uids.shown(this.uid), gids.shown(this.gid), uids.shown(this.cuid), gids.shown(this.cgid)];
  }

  /** The same for /proc/sysvipc. */
  describeOwners(reader: UserNamespace): string {
    return this.#owners(reader)
      .map((id) => String(id).padStart(5))
      .join(" ");
  }

  /** Fills the `struct ipc64_perm` with which each kind's structure begins. */
  describe(view: DataView, reader: UserNamespace): void {
    const [uid, gid, cuid, cgid] = this.#owners(reader);
    view.setUint32(IpcPerm.offset.key, this.key, true);
    view.setUint32(IpcPerm.offset.uid, uid, true);
    view.setUint32(IpcPerm.offset.gid, gid, true);
    view.setUint32(IpcPerm.offset.cuid, cuid, true);
    view.setUint32(IpcPerm.offset.cgid, cgid, true);
    view.setUint32(IpcPerm.offset.mode, this.mode, true);
    view.setUint16(IpcPerm.offset.seq, this.sequence, true);
  }

  /** IPC_SET: takes owner, group and mode from the user's structure. @returns 0, −EFAULT, −EPERM */
  change(space: UserMemory, credentials: Credentials, address: number, now: number): number {
    const bytes = new Uint8Array(IpcPerm.size);
    if (space.copyIn(address, bytes, 0, bytes.length) < 0) return -EFAULT;
    if (!this.isControlledBy(credentials)) return -EPERM;
    const view = new DataView(bytes.buffer);
    const { uids, gids } = credentials.userNamespace;
    const uid = uids.toKernel(view.getUint32(IpcPerm.offset.uid, true));
    const gid = gids.toKernel(view.getUint32(IpcPerm.offset.gid, true));
    if (uid < 0 || gid < 0 || uid === 0xffffffff || gid === 0xffffffff) return -EINVAL;
    this.uid = uid;
    this.gid = gid;
    this.mode = (this.mode & ~0o777) | (view.getUint32(IpcPerm.offset.mode, true) & 0o777);
    this.changedAt = now;
    return 0;
  }

  static {
    stateClass("IpcObject", this);
  }
}

/** The objects of one kind. Bound: `most`, at most 2 ** INDEX_BITS. */
export class IpcTable<T extends IpcObject> {
  #slots: (T | undefined)[] = [];
  #byKey = new Map<number, T>();
  /** msgmni, semmni, shmmni. */
  most: number;
  /** msg_next_id and its like: the identifier that the next new object shall have, if it is free; −1: any. */
  nextId = -1;
  #count = 0;
  #lastIndex = -1;
  #sequence = 0;

  #owner: UserNamespace;

  /** @param owner  of the IPC namespace */
  constructor(most: number, owner: UserNamespace) {
    this.most = most;
    this.#owner = owner;
  }

  get count(): number {
    return this.#count;
  }

  /** Highest index in use, as IPC_INFO returns it; 0 when there is none. */
  get highestIndex(): number {
    let index = this.#slots.length - 1;
    while (index > 0 && this.#slots[index] === undefined) index--;
    return Math.max(0, index);
  }

  *objects(): Generator<T> {
    for (const object of this.#slots) if (object !== undefined) yield object;
  }

  /**
   * semget, msgget, shmget.
   * @param fits  0, or why an object that is there doesn't suit the request (−EINVAL)
   * @returns the identifier; −EACCES, −EEXIST, −ENOENT, −ENOSPC
   */
  obtain(
    request: { key: number; flags: number; credentials: Credentials },
    fits: (object: T) => number,
    create: () => T | number,
  ): number {
    const { key, flags, credentials } = request;
    const present = key === IPC_PRIVATE ? undefined : this.#byKey.get(key);
    if (present !== undefined) {
      if ((flags & IPC_CREAT) !== 0 && (flags & IPC_EXCL) !== 0) return -EEXIST;
      const suits = fits(present);
      if (suits < 0) return suits;
      return present.permits(credentials, flags & 0o777) ? present.id : -EACCES;
    }
    if (key !== IPC_PRIVATE && (flags & IPC_CREAT) === 0) return -ENOENT;
    if (this.#count >= this.most) return -ENOSPC;
    const object = create();
    if (isErrno(object)) return object;
    if (this.nextId < 0) this.#chooseSlot(object);
    else this.#wishedSlot(object);
    return this.#insert(object);
  }

  /** Slots are given out in turn, so that the identifier of a removed object isn't soon that of another. */
  #chooseSlot(object: T): void {
    let index = this.#firstFree(this.#lastIndex + 1);
    if (index >= this.most) index = this.#firstFree(0);
    if (index <= this.#lastIndex) this.#sequence = this.#sequence >= SEQUENCE_MAX ? 0 : this.#sequence + 1;
    this.#lastIndex = index;
    object.sequence = this.#sequence;
    object.id = (this.#sequence << INDEX_BITS) | index;
  }

  /**
   * The identifier that `nextId` names, or the next free one above (ipc/util.c, ipc_idr_alloc). The wish is used
   * up.
   */
  #wishedSlot(object: T): void {
    const wished = this.nextId & (2 ** INDEX_BITS - 1);
    const above = this.#firstFree(wished);
    object.sequence = this.nextId >>> INDEX_BITS;
    object.id = (object.sequence << INDEX_BITS) | (above < 2 ** INDEX_BITS ? above : this.#firstFree(0));
    this.nextId = -1;
  }

  #firstFree(from: number): number {
    let index = from;
    while (this.#slots[index] !== undefined) index++;
    return index;
  }

  #insert(object: T): number {
    object.userNamespace = this.#owner;
    const index = object.id & (2 ** INDEX_BITS - 1);
    while (this.#slots.length < index) this.#slots.push(undefined);
    this.#slots[index] = object;
    if (object.key !== IPC_PRIVATE) this.#byKey.set(object.key, object);
    this.#count++;
    return object.id;
  }

  /** −EINVAL: never was; −EIDRM: another object has its slot. */
  find(id: number): T | number {
    if (id < 0) return -EINVAL;
    const object = this.at(id & (2 ** INDEX_BITS - 1));
    return isErrno(object) ? object : object.id === id ? object : -EIDRM;
  }

  /** What a call has waited for: −EIDRM when it is gone, whatever has its identifier by now. */
  awaited(id: number, identity: number): T | number {
    const object = this.find(id);
    return isErrno(object) || object.identity !== identity ? -EIDRM : object;
  }

  /** The object in a slot, for SEM_STAT and its like. */
  at(index: number): T | number {
    return this.#slots[index] ?? -EINVAL;
  }

  /** Its key finds it no more. */
  forgetKey(object: T): void {
    if (this.#byKey.get(object.key) === object) this.#byKey.delete(object.key);
  }

  /** Who waits for it learns that it is gone. */
  remove(object: T): void {
    this.forgetKey(object);
    this.#slots[object.id & (2 ** INDEX_BITS - 1)] = undefined;
    this.#count--;
    object.queue.wakeAll();
  }

  static {
    stateClass("IpcTable", this, {
      save: (it) => ({
        slots: it.#slots,
        byKey: it.#byKey,
        count: it.#count,
        lastIndex: it.#lastIndex,
        sequence: it.#sequence,
        owner: it.#owner,
      }),
      load: (it, from) =>
        ({
          slots: it.#slots,
          byKey: it.#byKey,
          count: it.#count,
          lastIndex: it.#lastIndex,
          sequence: it.#sequence,
          owner: it.#owner,
        } = from),
    });
  }
}
