/**
 * Quotas of a subvolume: what users, groups and projects (trees of folders) own, and what they may (quota(1), FORMAT.md
 * §5.5). Usage is counted in the transaction that changes it. Off, they cost a test of a flag; turned on, all inodes
 * are counted once.
 *
 * Pages that wait in memory are not counted yet: near a limit everything is settled first, so that no limit is passed.
 */
import { EDQUOT, EINVAL, ENOENT } from "@stratos/abi";
import { Failure } from "../failure.ts";
import { getPair, loadInode, mayHaveItems, putPair } from "../file/inode.ts";
import { findExtent } from "../file/extents.ts";
import { KIND_INODE, KIND_QUOTA, keyMiddle } from "../format/key.ts";
import { INODE_AT_BLOCKS, INODE_AT_GID, INODE_AT_PROJECT, INODE_AT_UID } from "../format/inode-item.ts";
import type { FileTree } from "../file/file-tree.ts";

export const QUOTA_USER = 0;
export const QUOTA_GROUP = 1;
export const QUOTA_PROJECT = 2;
export type QuotaKind = 0 | 1 | 2;

/** Blocks of 4096 bytes and inodes; 0: no limit. A soft limit may be passed for the time of grace. */
export interface QuotaLimits {
  readonly blocksSoft: number;
  readonly blocksHard: number;
  readonly inodesSoft: number;
  readonly inodesHard: number;
}

export interface QuotaReport extends QuotaLimits {
  readonly kind: QuotaKind;
  readonly id: number;
  readonly blocks: number;
  readonly inodes: number;
}

/** Offset of the item that says that quotas are on. */
const HEADER = 255;
const HEADER_SIZE = 8;
const ACCOUNT_SIZE = 64;
const GRACE_SECONDS = 7 * 86400;

class Account {
  readonly kind: QuotaKind;
  readonly id: number;
  blocks = 0;
  inodes = 0;
  blocksSoft = 0;
  blocksHard = 0;
  inodesSoft = 0;
  inodesHard = 0;
  /** When the soft limit was passed, in seconds; 0: it is not. */
  blocksSince = 0;
  inodesSince = 0;
  /** Blocks that callers who delay writes were promised (`promise`); in memory alone. */
  promised = 0;
  isDirty = false;

  constructor(kind: QuotaKind, id: number) {
    this.kind = kind;
    this.id = id;
  }
}

export class Quotas {
  readonly #subvolume: FileTree;
  /** Bound: one for each owner whose files were changed since the mount. */
  readonly #accounts = new Map<number, Account>();
  readonly #dirty: Account[] = [];
  #on: boolean | null = null;
  #graceSeconds = GRACE_SECONDS;

  constructor(subvolume: FileTree) {
    this.#subvolume = subvolume;
  }

  /** The subvolume has other content now. */
  reset(): void {
    this.#accounts.clear();
    this.#dirty.length = 0;
    this.#on = null;
  }

  get isOn(): boolean {
    return this.#on ?? this.#load();
  }

  #load(): boolean {
    const { tree } = this.#subvolume;
    this.#on = tree.root[0] !== 0 && tree.find(0, keyMiddle(KIND_QUOTA, HEADER), 0);
    if (this.#on) this.#graceSeconds = tree.words[tree.offset >>> 2]!;
    return this.#on;
  }

  // ---- For tools --------------------------------------------------------------------------------------------------

  /** Counts everything, and from now on. Inside an operation. Throws Failure. */
  enable(): number {
    const { tree, volume } = this.#subvolume;
    if (this.isOn) return 0;
    volume.settle();
    volume.log.skip();
    const at = tree.insert(0, keyMiddle(KIND_QUOTA, HEADER), 0, HEADER_SIZE) >>> 2;
    tree.words[at] = GRACE_SECONDS;
    tree.words[at + 1] = 0;
    this.reset();
    this.#load();
    this.#countAll();
    this.store();
    return 0;
  }

  #countAll(): void {
    const { tree } = this.#subvolume;
    const middle = keyMiddle(KIND_INODE, 0);
    const counted = [0, 0, 0];
    for (let more = tree.ceiling(1, middle, 0); more;) {
      const ino = tree.key(0);
      if (tree.key(1) === middle) {
        const { words } = tree;
        const item = tree.offset >>> 2;
        counted[0] = words[item + INODE_AT_UID]!;
        counted[1] = words[item + INODE_AT_GID]!;
        counted[2] = words[item + INODE_AT_PROJECT]!;
        const blocks = getPair(words, item + INODE_AT_BLOCKS);
        for (const kind of KINDS) this.#charge(kind, counted[kind]!, blocks, 1);
      }
      if (ino === 0xffffffff) break;
      more = tree.ceilingOfAll(ino + 1, 0, 0);
    }
  }

  /** Counts all inodes of the tree anew, after a repair; limits stay. Throws Failure. */
  recount(): void {
    this.reset();
    if (!this.isOn) return;
    const { tree } = this.#subvolume;
    for (
      let more = tree.ceiling(0, keyMiddle(KIND_QUOTA, 0), 0);
      more && tree.key(0) === 0 && tree.key(1) >>> 24 === KIND_QUOTA;
      more = tree.next()
    ) {
      const kind = tree.key(1) & 0xffffff;
      if (kind !== QUOTA_USER && kind !== QUOTA_GROUP && kind !== QUOTA_PROJECT) continue;
      const account = this.#read(new Account(kind, tree.key(2)));
      account.blocks = 0;
      account.inodes = 0;
      this.#accounts.set(kind * 0x100000000 + account.id, account);
      this.#changed(account);
    }
    this.#countAll();
    this.store();
  }

  /** Forgets usage and limits. Throws Failure. */
  disable(): number {
    const { tree, volume } = this.#subvolume;
    volume.log.skip();
    const first = keyMiddle(KIND_QUOTA, 0);
    while (tree.ceiling(0, first, 0) && tree.key(0) === 0 && tree.key(1) >>> 24 === KIND_QUOTA)
      tree.remove(0, tree.key(1), tree.key(2));
    this.reset();
    this.#on = false;
    return 0;
  }

  /** −EINVAL for a soft limit above the hard one; −ENOENT when quotas are off. Throws Failure. */
  setLimits(kind: QuotaKind, id: number, limits: QuotaLimits): number {
    if (!this.isOn) return -ENOENT;
    const { blocksSoft, blocksHard, inodesSoft, inodesHard } = limits;
    if ((blocksHard > 0 && blocksSoft > blocksHard) || (inodesHard > 0 && inodesSoft > inodesHard)) return -EINVAL;
    const account = this.#account(kind, id);
    this.#subvolume.volume.log.skip();
    Object.assign(account, { blocksSoft, blocksHard, inodesSoft, inodesHard });
    this.#changed(account);
    this.store();
    return 0;
  }

  /** All who own something or have limits, by kind and number. Throws Failure. */
  report(): QuotaReport[] {
    const { tree, volume } = this.#subvolume;
    if (!this.isOn) return [];
    volume.settle();
    const found: QuotaReport[] = [];
    for (
      let more = tree.ceiling(0, keyMiddle(KIND_QUOTA, 0), 0);
      more && tree.key(0) === 0 && tree.key(1) >>> 24 === KIND_QUOTA;
      more = tree.next()
    ) {
      const kind = tree.key(1) & 0xffffff;
      if (kind !== QUOTA_USER && kind !== QUOTA_GROUP && kind !== QUOTA_PROJECT) continue;
      const { blocks, inodes, blocksSoft, blocksHard, inodesSoft, inodesHard } = this.#read(
        new Account(kind, tree.key(2)),
      );
      found.push({ kind, id: tree.key(2), blocks, inodes, blocksSoft, blocksHard, inodesSoft, inodesHard });
    }
    return found;
  }

  // ---- Limits -----------------------------------------------------------------------------------------------------

  /** May one inode more belong to them? 0 or −EDQUOT. */
  mayCreate(uid: number, gid: number, project: number): number {
    if (!this.isOn || !this.#subvolume.volume.enforcesQuotas) return 0;
    return this.#hasInode(QUOTA_USER, uid) && this.#hasInode(QUOTA_GROUP, gid) && this.#hasInode(QUOTA_PROJECT, project)
      ? 0
      : -EDQUOT;
  }

  #hasInode(kind: QuotaKind, id: number): boolean {
    const { inodes, inodesHard, inodesSince } = this.#account(kind, id);
    return (inodesHard === 0 || inodes < inodesHard) && !this.#isOverdue(inodesSince);
  }

  /** How many of the `count` blocks from `first` on may be written: those that take no new block always. */
  allowedBlocks(ino: number, first: number, count: number): number {
    const subvolume = this.#subvolume;
    const { volume } = subvolume;
    if (!this.isOn || !volume.enforcesQuotas || this.#room(ino) >= volume.pages.dirtyCount + count) return count;
    volume.settle();
    let room = this.#room(ino);
    for (let allowed = 0; allowed < count; allowed++) {
      if (mayHaveItems(subvolume, ino) && findExtent(subvolume, ino, first + allowed)) continue;
      if (room-- <= 0) return allowed;
    }
    return count;
  }

  /** Has an owner of the inode a limit of blocks, which a write may meet? */
  isLimited(ino: number): boolean {
    return this.isOn && this.#accountsOf(ino).some(({ blocksHard, blocksSoft }) => blocksHard > 0 || blocksSoft > 0);
  }

  /**
   * Counts new blocks for the inode's owners that will be written later, so that who delays writes learns of a limit
   * when it is met and not when nobody listens any more. Negative: they are written or dropped now.
   *
   * @returns 0 or −EDQUOT
   */
  promise(ino: number, blocks: number): number {
    if (!this.isOn) return 0;
    if (blocks > 0 && this.#subvolume.volume.enforcesQuotas && !this.hasRoom(ino, blocks)) return -EDQUOT;
    for (const account of this.#accountsOf(ino)) account.promised = Math.max(0, account.promised + blocks);
    return 0;
  }

  /**
   * The same for the blocks of a file from `first` on, as far as there is room for them. Those that take a new block
   * are added to `promised`; those that are in it have been promised before.
   *
   * @returns how many of the `count` blocks may be written
   */
  promiseRun(ino: number, first: number, count: number, promised: Set<number>): number {
    const subvolume = this.#subvolume;
    if (!this.isOn) return count;
    if (subvolume.volume.pages.dirtyCount > 0) subvolume.volume.settle();
    for (let done = 0; done < count; done++) {
      if (promised.has(first + done)) continue;
      if (mayHaveItems(subvolume, ino) && findExtent(subvolume, ino, first + done)) continue;
      if (this.promise(ino, 1) < 0) return done;
      promised.add(first + done);
    }
    return count;
  }

  #accountsOf(ino: number): Account[] {
    const at = loadInode(this.#subvolume, ino);
    if (at < 0) return [];
    const { words } = this.#subvolume.volume.inodes;
    const ids = [words[at + INODE_AT_UID]!, words[at + INODE_AT_GID]!, words[at + INODE_AT_PROJECT]!];
    return KINDS.map((kind) => this.#account(kind, ids[kind]!));
  }

  /** May the inode's owners have so many blocks more? */
  hasRoom(ino: number, blocks: number): boolean {
    const { volume } = this.#subvolume;
    if (blocks <= 0 || !this.isOn || !volume.enforcesQuotas || this.#room(ino) >= volume.pages.dirtyCount + blocks)
      return true;
    volume.settle();
    return this.#room(ino) >= blocks;
  }

  #room(ino: number): number {
    let room = Infinity;
    for (const { blocks, blocksHard, blocksSince, promised } of this.#accountsOf(ino)) {
      if (this.#isOverdue(blocksSince)) return 0;
      if (blocksHard > 0) room = Math.min(room, blocksHard - blocks - promised);
    }
    return room;
  }

  #isOverdue(since: number): boolean {
    return since > 0 && this.#subvolume.volume.seconds > since + this.#graceSeconds;
  }

  // ---- Usage ------------------------------------------------------------------------------------------------------

  /** The inode at `words[at …)` came (1) or goes (−1), with its blocks. */
  countInode(words: Uint32Array, at: number, change: number): void {
    if (!this.isOn) return;
    this.#chargeAll(
      words[at + INODE_AT_UID]!,
      words[at + INODE_AT_GID]!,
      words[at + INODE_AT_PROJECT]!,
      change * getPair(words, at + INODE_AT_BLOCKS),
      change,
    );
  }

  countBlocks(words: Uint32Array, at: number, change: number): void {
    if (this.isOn)
      this.#chargeAll(words[at + INODE_AT_UID]!, words[at + INODE_AT_GID]!, words[at + INODE_AT_PROJECT]!, change, 0);
  }

  /** The inode is about to belong to others. 0, or −EDQUOT when they may not have it. */
  transfer(words: Uint32Array, at: number, uid: number, gid: number, project: number): number {
    if (!this.isOn) return 0;
    const before = [words[at + INODE_AT_UID]!, words[at + INODE_AT_GID]!, words[at + INODE_AT_PROJECT]!];
    const after = [uid, gid, project];
    const blocks = getPair(words, at + INODE_AT_BLOCKS);
    for (const kind of KINDS) {
      if (before[kind] === after[kind] || !this.#subvolume.volume.enforcesQuotas) continue;
      const { blocks: used, blocksHard } = this.#account(kind, after[kind]!);
      if (!this.#hasInode(kind, after[kind]!) || (blocksHard > 0 && used + blocks > blocksHard)) return -EDQUOT;
    }
    for (const kind of KINDS) {
      if (before[kind] === after[kind]) continue;
      this.#charge(kind, before[kind]!, -blocks, -1);
      this.#charge(kind, after[kind]!, blocks, 1);
    }
    return 0;
  }

  #chargeAll(uid: number, gid: number, project: number, blocks: number, inodes: number): void {
    this.#charge(QUOTA_USER, uid, blocks, inodes);
    this.#charge(QUOTA_GROUP, gid, blocks, inodes);
    this.#charge(QUOTA_PROJECT, project, blocks, inodes);
  }

  #charge(kind: QuotaKind, id: number, blocks: number, inodes: number): void {
    const account = this.#account(kind, id);
    const { seconds } = this.#subvolume.volume;
    account.blocks += blocks;
    account.inodes += inodes;
    account.blocksSince =
      account.blocksSoft === 0 || account.blocks <= account.blocksSoft
        ? 0
        : account.blocksSince || Math.max(1, seconds);
    account.inodesSince =
      account.inodesSoft === 0 || account.inodes <= account.inodesSoft
        ? 0
        : account.inodesSince || Math.max(1, seconds);
    this.#changed(account);
  }

  #changed(account: Account): void {
    if (account.isDirty) return;
    account.isDirty = true;
    this.#dirty.push(account);
  }

  #account(kind: QuotaKind, id: number): Account {
    const key = kind * 0x100000000 + id;
    let account = this.#accounts.get(key);
    if (account !== undefined) return account;
    account = new Account(kind, id);
    if (this.#subvolume.tree.find(0, keyMiddle(KIND_QUOTA, kind), id)) this.#read(account);
    this.#accounts.set(key, account);
    return account;
  }

  /** Takes what the item at the tree's position says. */
  #read(account: Account): Account {
    const { tree } = this.#subvolume;
    if (tree.length !== ACCOUNT_SIZE) throw new Failure("corrupt-node", tree.leaf.block);
    const at = tree.offset >>> 2;
    for (const [index, field] of FIELDS.entries()) account[field] = getPair(tree.words, at + index * 2);
    return account;
  }

  get hasChanges(): boolean {
    return this.#dirty.length > 0;
  }

  /** Puts changed accounts into the tree. Throws Failure. */
  store(): void {
    const { tree } = this.#subvolume;
    for (const account of this.#dirty) {
      account.isDirty = false;
      const middle = keyMiddle(KIND_QUOTA, account.kind);
      if (FIELDS.every((field) => account[field] === 0)) {
        tree.remove(0, middle, account.id);
        continue;
      }
      const at = tree.replace(0, middle, account.id, ACCOUNT_SIZE) >>> 2;
      for (const [index, field] of FIELDS.entries()) putPair(tree.words, at + index * 2, account[field]);
    }
    this.#dirty.length = 0;
  }
}

const KINDS: readonly QuotaKind[] = [QUOTA_USER, QUOTA_GROUP, QUOTA_PROJECT];
/** In the order of the item, two words each. */
const FIELDS = [
  "blocks",
  "inodes",
  "blocksSoft",
  "blocksHard",
  "inodesSoft",
  "inodesHard",
  "blocksSince",
  "inodesSince",
] as const;
