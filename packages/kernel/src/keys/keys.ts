/**
 * All keys of a machine (keyrings(7)): who has how many, which are let go of when nothing holds them any more, and the
 * registers in which each user namespace keeps its users' keyrings. Read first: key.ts; next: keyring.ts, which
 * searches, and process-keyrings.ts, which says whose keyrings are searched.
 */
import {
  EDQUOT,
  ENOKEY,
  KEY_POS_ALL,
  KEY_POS_SEARCH,
  KEY_POS_SETATTR,
  KEY_POS_WRITE,
  KEY_USR_READ,
  KEY_USR_VIEW,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { RandomSource } from "@stratos/host";
import { randomWord } from "../ground/random-word.ts";
import type { UserNamespace } from "../security/user-namespace.ts";
import type { KeyRequest } from "./key-request.ts";
import { Key, type KeyType, type KeyUser, NO_GROUP } from "./key.ts";

/** In a machine, whatever its users may have by themselves: keys, links of keyrings, and bytes of keys. */
const KEYS_MAX = 32768,
  LINKS_MAX = 65536,
  BYTES_MAX = 32 << 20;
/** What one link counts for in a keyring's quota. Source: Linux security/keys/keyring.c, KEYQUOTA_LINK_BYTES. */
const LINK_BYTES = 4;
/** What a big_key counts for, whose bytes Linux keeps in a file. Source: Linux security/keys/big_key.c. */
const BIG_KEY_QUOTA = 16;

/** For which a key that nobody could make stays. Source: Linux include/linux/key.h, key_negative_timeout. */
export const NEGATIVE_SECONDS = 60;

interface Registers {
  users: Key | null;
  persistent: Key | null;
}

interface NewKey {
  readonly type: KeyType;
  readonly description: string;
  readonly uid: number;
  readonly gid: number;
  readonly permissions: number;
  /** `overrun`: it counts, and is made although the user has as many as he may. Default: `charged`. */
  readonly quota?: "charged" | "overrun" | "free";
  readonly isOfUser?: boolean;
}

export class Keys {
  /** /proc/sys/kernel/keys (keyrings(7), "/proc files"). */
  readonly settings = {
    maxkeys: 200,
    maxbytes: 20000,
    root_maxkeys: 1_000_000,
    root_maxbytes: 25_000_000,
    gc_delay: 300,
    persistent_keyring_expiry: 259_200,
  };
  /** By serial number. */
  readonly all = new Map<number, Key>();
  /** Who has keys, by uid. Bound: keys. */
  readonly users = new Map<number, KeyUser>();
  /** Keys under construction. Bound: processes. */
  readonly requests = new Map<Key, KeyRequest>();
  #registers = new Map<UserNamespace, Registers>();
  #random: RandomSource;
  #links = 0;
  #bytes = 0;
  /** No key expires before: seconds. */
  #soonestExpiry = Infinity;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** A key that nothing holds yet: `retain` or `link` it, or `drop` it; −EDQUOT. */
  make(what: NewKey): Key | number {
    const quota = what.quota ?? "charged";
    const bytes = what.description.length + 1;
    const known = this.users.get(what.uid);
    const user = known ?? { uid: what.uid, keys: 0, quotaKeys: 0, quotaBytes: 0 };
    if (this.all.size >= KEYS_MAX || this.#bytes + bytes > BYTES_MAX) return -EDQUOT;
    if (quota === "charged") {
      const { keys: most, bytes: bytesMost } = this.limitsOf(what.uid);
      if (user.quotaKeys + 1 > most || user.quotaBytes + bytes > bytesMost) return -EDQUOT;
    }
    const { type, description, isOfUser = false } = what;
    const key = new Key(
      this.#freeSerial(),
      { type, description, isInQuota: quota !== "free", isOfUser },
      { ...what, user },
    );
    this.users.set(what.uid, user);
    user.keys++;
    this.#bytes += bytes;
    if (key.isInQuota) {
      user.quotaKeys++;
      user.quotaBytes += bytes;
    }
    this.all.set(key.serial, key);
    return key;
  }

  limitsOf(uid: number): { keys: number; bytes: number } {
    const { maxkeys, maxbytes, root_maxkeys: rootKeys, root_maxbytes: rootBytes } = this.settings;
    return uid === 0 ? { keys: rootKeys, bytes: rootBytes } : { keys: maxkeys, bytes: maxbytes };
  }

  /** Positive numbers of 31 bits, three at least, that nobody guesses. */
  #freeSerial(): number {
    let serial = randomWord(this.#random) >>> 1;
    while (serial < 3 || this.all.has(serial)) serial = serial < 3 || serial === 0x7fffffff ? 3 + serial : serial + 1;
    return serial;
  }

  retain(key: Key): Key {
    key.users++;
    return key;
  }

  release(key: Key): void {
    if (--key.users <= 0) this.drop(key);
  }

  /** Nothing holds it. What it alone led to goes with it. */
  drop(first: Key): void {
    const unheld = [first];
    for (let key = unheld.pop(); key !== undefined; key = unheld.pop()) {
      this.all.delete(key.serial);
      for (const child of key.links?.values() ?? []) {
        child.holders.delete(key);
        this.#links--;
        if (--child.users <= 0) unheld.push(child);
      }
      key.links?.clear();
      key.rings?.clear();
      this.#bytes -= key.description.length + 1 + (key.payload?.length ?? 0);
      const { user } = key;
      user.keys--;
      if (key.isInQuota) {
        user.quotaKeys--;
        user.quotaBytes -= key.description.length + 1 + key.payloadBytes;
      }
      if (user.keys === 0) this.users.delete(user.uid);
    }
  }

  /** Counts that many bytes for what it holds: 0, −EDQUOT. */
  #reserve(key: Key, bytes: number): number {
    const more = bytes - key.payloadBytes;
    if (key.isInQuota) {
      if (more > 0 && key.user.quotaBytes + more > this.limitsOf(key.user.uid).bytes) return -EDQUOT;
      key.user.quotaBytes += more;
    }
    key.payloadBytes = bytes;
    return 0;
  }

  /** Gives it bytes: 0, −EDQUOT. One that nobody could make is made by that. */
  fill(key: Key, payload: Uint8Array): number {
    const more = payload.length - (key.payload?.length ?? 0);
    if (this.#bytes + more > BYTES_MAX) return -EDQUOT;
    const reserved = this.#reserve(key, key.type === "big_key" ? BIG_KEY_QUOTA : payload.length);
    if (reserved < 0) return reserved;
    this.#bytes += more;
    key.payload = payload;
    key.rejection = 0;
    key.expirySeconds = Infinity;
    return 0;
  }

  /** Nobody could make it, and who asks for it learns `rejection` until then (seconds). */
  rejectUntil(key: Key, rejection: number, seconds: number): void {
    key.rejection = rejection;
    this.expireAt(key, seconds);
  }

  /** The key is under construction from now on. */
  begin(request: KeyRequest): void {
    for (const key of request.held) this.retain(key);
    this.requests.set(request.target, request);
  }

  /** It is filled or rejected: who waits for it goes on, and nobody has the authority any more. */
  end(request: KeyRequest): void {
    this.requests.delete(request.target);
    this.revoke(request.authority);
    for (const key of request.held) this.release(key);
    request.queue.wakeAll();
  }

  /** The one that the authority is about; null: there is none, or it is over. */
  requestOf(authority: Key | null): KeyRequest | null {
    if (authority === null) return null;
    for (const request of this.requests.values()) if (request.authority === authority) return request;
    return null;
  }

  /** The process that was to make a key is gone: one that it has not made is negative for a while. */
  helperEnded(pid: number, nowSeconds: number): void {
    for (const request of this.requests.values()) {
      if (request.helper !== pid) continue;
      // add_key(2) may have filled it meanwhile.
      if (request.target.payload === null) this.rejectUntil(request.target, -ENOKEY, nowSeconds + NEGATIVE_SECONDS);
      this.end(request);
    }
  }

  revoke(key: Key): void {
    key.isRevoked = true;
    this.#bytes -= key.payload?.length ?? 0;
    key.payload = null;
    this.clear(key);
    this.#reserve(key, 0);
  }

  /** It goes out of all keyrings at once. */
  invalidate(key: Key): void {
    key.isInvalidated = true;
    this.retain(key);
    this.#unlinkEverywhere(key);
    this.release(key);
  }

  #unlinkEverywhere(key: Key): void {
    for (const keyring of [...key.holders]) this.unlink(keyring, key);
  }

  /** @param seconds  of CLOCK_REALTIME, or Infinity */
  expireAt(key: Key, seconds: number): void {
    key.expirySeconds = seconds;
    this.#soonestExpiry = Math.min(this.#soonestExpiry, seconds);
  }

  /**
   * Links it in the place of one with the same type and description: 0, −EDQUOT. Whoever calls has asked whether that
   * may be.
   */
  link(keyring: Key, key: Key): number {
    const { index } = key;
    const former = keyring.links!.get(index);
    if (former === key) return 0;
    if (former === undefined) {
      if (this.#links >= LINKS_MAX) return -EDQUOT;
      const reserved = this.#reserve(keyring, keyring.payloadBytes + LINK_BYTES);
      if (reserved < 0) return reserved;
      this.#links++;
    }
    this.retain(key);
    keyring.links!.set(index, key);
    if (key.links !== null) keyring.rings!.add(key);
    key.holders.add(keyring);
    if (former !== undefined) this.#letGo(keyring, former);
    return 0;
  }

  unlink(keyring: Key, key: Key): void {
    keyring.links!.delete(key.index);
    this.#links--;
    this.#reserve(keyring, Math.max(0, keyring.payloadBytes - LINK_BYTES));
    this.#letGo(keyring, key);
  }

  #letGo(keyring: Key, key: Key): void {
    keyring.rings!.delete(key);
    key.holders.delete(keyring);
    this.release(key);
  }

  clear(keyring: Key): void {
    for (const key of [...(keyring.links?.values() ?? [])]) this.unlink(keyring, key);
  }

  /** Charges another user for it: 0, −EDQUOT. */
  changeOwner(key: Key, uid: number): number {
    const to = this.users.get(uid) ?? { uid, keys: 0, quotaKeys: 0, quotaBytes: 0 };
    if (to === key.user) {
      key.uid = uid;
      return 0;
    }
    const bytes = key.description.length + 1 + key.payloadBytes;
    if (key.isInQuota) {
      const { keys: most, bytes: bytesMost } = this.limitsOf(uid);
      if (to.quotaKeys + 1 > most || to.quotaBytes + bytes > bytesMost) return -EDQUOT;
      to.quotaKeys++;
      to.quotaBytes += bytes;
      key.user.quotaKeys--;
      key.user.quotaBytes -= bytes;
    }
    to.keys++;
    if (--key.user.keys === 0) this.users.delete(key.user.uid);
    this.users.set(uid, to);
    key.user = to;
    key.uid = uid;
    return 0;
  }

  /** Takes keys that expired some time ago out of their keyrings (keyrings(7), gc_delay). */
  collect(seconds: number): void {
    const before = seconds - this.settings.gc_delay;
    if (this.#soonestExpiry > before) return;
    this.#soonestExpiry = Infinity;
    for (const key of [...this.all.values()]) {
      if (key.expirySeconds <= before) this.#unlinkEverywhere(key);
      else this.#soonestExpiry = Math.min(this.#soonestExpiry, key.expirySeconds);
    }
  }

  /** Where the namespace keeps `_uid.N` and `_uid_ses.N`; null: there are none. */
  userRegister(namespace: UserNamespace): Key | null {
    return this.#registers.get(namespace)?.users ?? null;
  }

  /** The same, made when it is not there; −EDQUOT. */
  makeUserRegister(namespace: UserNamespace): Key | number {
    return this.#register(namespace, "users", {
      type: "keyring",
      description: ".user_reg",
      uid: namespace.creatorUid,
      gid: NO_GROUP,
      permissions: KEY_POS_WRITE | KEY_POS_SEARCH | KEY_USR_VIEW | KEY_USR_READ,
    });
  }

  /** Where it keeps `_persistent.N`. */
  makePersistentRegister(namespace: UserNamespace): Key | number {
    return this.#register(namespace, "persistent", {
      type: "keyring",
      description: ".persistent_register",
      uid: 0,
      gid: 0,
      permissions: (KEY_POS_ALL & ~KEY_POS_SETATTR) | KEY_USR_VIEW | KEY_USR_READ,
      quota: "free",
    });
  }

  #register(namespace: UserNamespace, kind: keyof Registers, what: NewKey): Key | number {
    this.#forgetNamespaces();
    const registers = this.#registers.get(namespace) ?? { users: null, persistent: null };
    const found = registers[kind];
    if (found !== null) return found;
    const made = this.make(what);
    if (isErrno(made)) return made;
    registers[kind] = this.retain(made);
    this.#registers.set(namespace, registers);
    return made;
  }

  /** Registers go with their namespaces; it is seen when the next one is made. Bound: user namespaces. */
  #forgetNamespaces(): void {
    for (const [namespace, { users, persistent }] of this.#registers) {
      if (namespace.parent === null || namespace.users > 0) continue;
      this.#registers.delete(namespace);
      if (users !== null) this.release(users);
      if (persistent !== null) this.release(persistent);
    }
  }

  static {
    stateClass("Keys", this, {
      save: (it) => ({
        registers: it.#registers,
        random: it.#random,
        links: it.#links,
        bytes: it.#bytes,
        soonestExpiry: it.#soonestExpiry,
      }),
      load: (it, from) =>
        ({
          registers: it.#registers,
          random: it.#random,
          links: it.#links,
          bytes: it.#bytes,
          soonestExpiry: it.#soonestExpiry,
        } = from),
    });
  }
}
