/**
 * A key of keyrings(7): some bytes with a description, an owner and rights; or a keyring, which leads to others.
 *
 * A key lives while something holds it (`users`): tasks by their keyrings, keyrings that link to it, and the registers
 * of users' keyrings. `Keys` alone counts, so nobody here does.
 */
import { KEY_OTH_ALL } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type Credentials, isInGroup } from "../security/credentials.ts";

/** What there is of a type; a type that has no row is ENODEV. */
export const KEY_TYPES = {
  keyring: { updates: false, reads: true, payloadMost: 0 },
  user: { updates: true, reads: true, payloadMost: 32767 },
  logon: { updates: true, reads: false, payloadMost: 32767 },
  big_key: { updates: true, reads: true, payloadMost: (1 << 20) - 1 },
  /** The kernel's own (key-request.ts): programs name no type with a dot. */
  ".request_key_auth": { updates: false, reads: true, payloadMost: 4095 },
} as const;
export type KeyType = keyof typeof KEY_TYPES;

export function isKeyType(name: string): name is KeyType {
  return Object.hasOwn(KEY_TYPES, name);
}

/** The group that users' keyrings have: none. */
export const NO_GROUP = -1;

/** Whom keys are charged to, by uid of the initial namespace. */
export interface KeyUser {
  readonly uid: number;
  keys: number;
  /** Of those that count: how many, and their bytes. */
  quotaKeys: number;
  quotaBytes: number;
}

/** What a keyring knows a key by: it links to one of each. */
export function keyIndex(type: KeyType, description: string): string {
  return `${type} ${description}`;
}

export class Key {
  readonly serial: number;
  readonly type: KeyType;
  readonly description: string;
  user: KeyUser;
  uid: number;
  gid: number;
  /** KEY_POS_*, KEY_USR_*, KEY_GRP_*, KEY_OTH_*. */
  permissions: number;
  readonly isInQuota: boolean;
  /** `_uid.N`, `_uid_ses.N`: nobody joins it by its name. */
  readonly isOfUser: boolean;
  users = 0;
  isRevoked = false;
  isInvalidated = false;
  /** A negated errno: nobody could make it, and who asks for it learns this (request_key(2)). */
  rejection = 0;
  /** Seconds of CLOCK_REALTIME. */
  expirySeconds = Infinity;
  /** Of a keyring null. */
  payload: Uint8Array | null = null;
  /** What it counts for in the quota beside its description. */
  payloadBytes = 0;
  /** Of a keyring: by `keyIndex`. Bound: LINKS_MAX in all of them together. */
  readonly links: Map<string, Key> | null;
  /** The keyrings among `links`. */
  readonly rings: Set<Key> | null;
  /** Keyrings that link to it. */
  readonly holders = new Set<Key>();
  /** KEYCTL_RESTRICT_KEYRING: nothing more is linked. */
  refusesLinks = false;

  constructor(
    serial: number,
    what: { type: KeyType; description: string; isInQuota: boolean; isOfUser: boolean },
    owner: { user: KeyUser; gid: number; permissions: number },
  ) {
    this.serial = serial;
    this.type = what.type;
    this.description = what.description;
    this.isInQuota = what.isInQuota;
    this.isOfUser = what.isOfUser;
    this.user = owner.user;
    this.uid = owner.user.uid;
    this.gid = owner.gid;
    this.permissions = owner.permissions;
    this.links = what.type === "keyring" ? new Map() : null;
    this.rings = what.type === "keyring" ? new Set() : null;
  }

  get index(): string {
    return keyIndex(this.type, this.description);
  }

  hasExpired(seconds: number): boolean {
    return seconds >= this.expirySeconds;
  }

  static {
    stateClass("Key", this);
  }
}

/**
 * Has who asks all of `rights` (KEY_OTH_*)? The owner's, the group's or the others' count, and the possessor's beside
 * them (keyrings(7), "Access rights").
 */
export function permits(key: Key, credentials: Credentials, rights: number, isPossessed: boolean): boolean {
  const { permissions } = key;
  let has = permissions;
  if (key.uid === credentials.fsuid) has = permissions >>> 16;
  else if (key.gid !== NO_GROUP && ((permissions >>> 8) & KEY_OTH_ALL) !== 0 && isInGroup(credentials, key.gid))
    has = permissions >>> 8;
  if (isPossessed) has |= permissions >>> 24;
  return (has & rights) === rights;
}
