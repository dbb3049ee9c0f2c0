/**
 * Whose keyrings a number of a key means, and what a search for a key looks through: the thread's, the process's and
 * the session's keyring, and those of the user (process-keyring(7), thread-keyring(7), session-keyring(7),
 * user-keyring(7), user-session-keyring(7)).
 */
import {
  EACCES,
  EAGAIN,
  EINVAL,
  EIO,
  ENOKEY,
  KEY_OTH_SEARCH,
  KEY_POS_ALL,
  KEY_POS_SETATTR,
  KEY_REQKEY_DEFL_DEFAULT,
  KEY_SPEC_PROCESS_KEYRING,
  KEY_SPEC_REQKEY_AUTH_KEY,
  KEY_SPEC_REQUESTOR_KEYRING,
  KEY_SPEC_SESSION_KEYRING,
  KEY_SPEC_THREAD_KEYRING,
  KEY_SPEC_USER_KEYRING,
  KEY_SPEC_USER_SESSION_KEYRING,
  KEY_USR_ALL,
  KEY_USR_LINK,
  KEY_USR_READ,
  KEY_USR_VIEW,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Credentials } from "../security/credentials.ts";
import { type Key, keyIndex, NO_GROUP, permits } from "./key.ts";
import { isReachable, type KeySearcher, searchKeyring, validate } from "./keyring.ts";
import type { Keys } from "./keys.ts";

type Place = "thread" | "process" | "session" | "authority";

/** The keyrings of a task, which it holds. */
export class TaskKeyrings {
  #keys: Keys;
  thread: Key | null = null;
  /** Threads that are made later have it, too. */
  process: Key | null = null;
  /** Children have it, too. */
  session: Key | null = null;
  /** To make a key (key-request.ts); children and new programs have it, too. */
  authority: Key | null = null;
  /** KEY_REQKEY_DEFL_*. */
  requestDefault = KEY_REQKEY_DEFL_DEFAULT;

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  put(place: Place, key: Key | null): void {
    const former = this[place];
    this[place] = key === null ? null : this.#keys.retain(key);
    if (former !== null) this.#keys.release(former);
  }

  /** Those of a child, or of a thread beside it, which has a new one where this one has one of its own. */
  forClone(isThread: boolean, credentials: Credentials): TaskKeyrings {
    const copy = new TaskKeyrings(this.#keys);
    copy.requestDefault = this.requestDefault;
    copy.put("session", this.session);
    copy.put("authority", this.authority);
    if (!isThread) return copy;
    copy.put("process", this.process);
    if (this.thread !== null) makeOwn(this.#keys, copy, credentials, "thread");
    return copy;
  }

  /** What a new program has (execve(2)). */
  forExec(): void {
    this.put("thread", null);
    this.put("process", null);
  }

  release(): void {
    this.forExec();
    this.put("session", null);
    this.put("authority", null);
  }

  static {
    stateClass("TaskKeyrings", this, {
      save: (it) => ({ keys: it.#keys }),
      load: (it, from) => ({ keys: it.#keys } = from),
    });
  }
}

/** Who asks about keys. */
export interface KeyCaller {
  readonly kernel: {
    readonly keys: Keys;
    readonly work: { charge(units: number): void };
    realtime(): { seconds: number };
  };
  readonly credentials: Credentials;
  readonly keyrings: TaskKeyrings;
}

/** A key, and whether it is the caller's by what he possesses. */
export interface KeyReference {
  readonly key: Key;
  readonly isPossessed: boolean;
}

/**
 * `right`: KEY_OTH_*; 0: none is asked for.
 *
 * - `creates`: keyrings of the caller that are not there are made
 * - `isPartial`: a key that nobody could make counts, too
 * - `isLenient`: one that is not valid any more, too
 */
interface KeyNeed {
  readonly right: number;
  readonly creates?: boolean;
  readonly isPartial?: boolean;
  readonly isLenient?: boolean;
}

export function searcherOf(caller: KeyCaller, isPossessed = true): KeySearcher {
  const { kernel, credentials } = caller;
  const { seconds } = kernel.realtime();
  return { credentials, seconds, isPossessed, charge: (units) => kernel.work.charge(units) };
}

/** What a search for a key begins with; who makes a key for others searches their keyrings, too. */
export function ownKeyrings(caller: KeyCaller): Set<Key> {
  const { thread, process, session, authority } = caller.keyrings;
  const last = session ?? userKeyring(caller, "_uid_ses");
  const others = caller.kernel.keys.requestOf(authority)?.rings ?? [];
  return new Set([thread, process, last, ...others].filter((key) => key !== null));
}

/** One of the caller's user, if it is there. */
function userKeyring({ kernel, credentials }: KeyCaller, kind: "_uid" | "_uid_ses"): Key | null {
  const { userNamespace, uid } = credentials;
  const index = keyIndex("keyring", `${kind}.${userNamespace.uids.fromKernel(uid) >>> 0}`);
  return kernel.keys.userRegister(userNamespace)?.links!.get(index) ?? null;
}

/** Both of the caller's user, made where they are missing; −EDQUOT. */
function userKeyrings(caller: KeyCaller): { user: Key; session: Key } | number {
  const { keys } = caller.kernel;
  const { userNamespace, uid } = caller.credentials;
  const register = keys.makeUserRegister(userNamespace);
  if (isErrno(register)) return register;
  const name = userNamespace.uids.fromKernel(uid) >>> 0;
  const made = (kind: "_uid" | "_uid_ses", child: Key | null): Key | number => {
    const found = userKeyring(caller, kind);
    if (found !== null) return validate(found, 0) || found;
    const key = keys.make({
      type: "keyring",
      description: `${kind}.${name}`,
      uid,
      gid: NO_GROUP,
      permissions: (KEY_POS_ALL & ~KEY_POS_SETATTR) | KEY_USR_ALL,
      isOfUser: true,
    });
    if (isErrno(key)) return key;
    let linked = child === null ? 0 : keys.link(key, child);
    if (linked === 0) linked = keys.link(register, key);
    if (linked === 0) return key;
    keys.drop(key);
    return linked;
  };
  const user = made("_uid", null);
  if (isErrno(user)) return user;
  const session = made("_uid_ses", user);
  return isErrno(session) ? session : { user, session };
}

/** `_tid`, `_pid`: 0; −EDQUOT: the machine has too many keys. */
export function makeOwn(
  keys: Keys,
  keyrings: TaskKeyrings,
  credentials: Credentials,
  place: "thread" | "process",
): number {
  const key = keys.make({
    type: "keyring",
    description: place === "thread" ? "_tid" : "_pid",
    uid: credentials.uid,
    gid: credentials.gid,
    permissions: KEY_POS_ALL | KEY_USR_VIEW,
    quota: "overrun",
  });
  if (isErrno(key)) return key;
  keyrings.put(place, key);
  return 0;
}

/** A new one without a name of its own, `_ses`. */
function makeSession({ kernel, keyrings, credentials }: KeyCaller): number {
  const { uid, gid } = credentials;
  const key = kernel.keys.make({
    type: "keyring",
    description: "_ses",
    uid,
    gid,
    permissions: KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ,
    quota: keyrings.session === null ? "overrun" : "charged",
  });
  if (isErrno(key)) return key;
  keyrings.put("session", key);
  return key.serial;
}

/**
 * KEYCTL_JOIN_SESSION_KEYRING. @param name  null: a new one without a name
 * @returns its serial number, 0 when it is the one already; −EDQUOT
 */
export function joinSession(caller: KeyCaller, name: string | null): number {
  if (name === null) return makeSession(caller);
  const { kernel, keyrings, credentials } = caller;
  const { uid, gid } = credentials;
  let found = namedKeyring(caller, name);
  if (found !== null && found === keyrings.session) return 0;
  if (found === null) {
    const permissions = KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ | KEY_USR_LINK;
    const made = kernel.keys.make({ type: "keyring", description: name, uid, gid, permissions });
    if (isErrno(made)) return made;
    found = made;
  }
  keyrings.put("session", found);
  return found.serial;
}

/** The oldest with that name that lets the caller search it. */
function namedKeyring({ kernel, credentials }: KeyCaller, name: string): Key | null {
  const { keys, work } = kernel;
  work.charge(keys.all.size >> 5);
  const { uids } = credentials.userNamespace;
  for (const key of keys.all.values()) {
    if (key.links === null || key.description !== name || key.isRevoked || key.isOfUser) continue;
    if (uids.fromKernel(key.user.uid) >= 0 && permits(key, credentials, KEY_OTH_SEARCH, false)) return key;
  }
  return null;
}

/** The keyring that one of KEY_SPEC_* stands for; −ENOKEY, −EINVAL, −EDQUOT. */
function specialKeyring(caller: KeyCaller, id: number, creates: boolean): Key | number {
  const { kernel, keyrings, credentials } = caller;
  const { keys } = kernel;
  switch (id) {
    case KEY_SPEC_THREAD_KEYRING:
    case KEY_SPEC_PROCESS_KEYRING: {
      const place = id === KEY_SPEC_THREAD_KEYRING ? "thread" : "process";
      if (keyrings[place] === null) {
        const made = creates ? makeOwn(keys, keyrings, credentials, place) : -ENOKEY;
        if (made < 0) return made;
      }
      return keyrings[place]!;
    }
    case KEY_SPEC_SESSION_KEYRING: {
      if (keyrings.session === null && !creates) {
        const made = userKeyrings(caller);
        if (isErrno(made)) return made;
        keyrings.put("session", made.session);
      } else if (keyrings.session === null || (creates && keyrings.session === userKeyring(caller, "_uid_ses"))) {
        const made = makeSession(caller);
        if (made < 0) return made;
      }
      return keyrings.session!;
    }
    case KEY_SPEC_USER_KEYRING:
    case KEY_SPEC_USER_SESSION_KEYRING: {
      const made = userKeyrings(caller);
      if (isErrno(made)) return made;
      return id === KEY_SPEC_USER_KEYRING ? made.user : made.session;
    }
    case KEY_SPEC_REQKEY_AUTH_KEY:
      return keyrings.authority ?? -ENOKEY;
    case KEY_SPEC_REQUESTOR_KEYRING:
      return keys.requestOf(keyrings.authority)?.destination ?? -ENOKEY;
    default:
      return -EINVAL;
  }
}

/**
 * The key with that serial number, or the keyring that KEY_SPEC_* stands for.
 * @returns −EACCES, −EDQUOT, −EINVAL, −EKEYEXPIRED, −EKEYREVOKED, −ENOKEY, what a negative key says, or −EIO: it is
 *   not made yet
 */
export function lookupKey(caller: KeyCaller, id: number, need: KeyNeed): KeyReference | number {
  const { kernel, credentials } = caller;
  kernel.keys.collect(kernel.realtime().seconds);
  let key: Key | number | undefined;
  let isPossessed = true;
  if (id < 0) key = specialKeyring(caller, id, need.creates === true);
  else if (id === 0) return -EINVAL;
  else {
    key = kernel.keys.all.get(id);
    if (key === undefined) return -ENOKEY;
    isPossessed = isReachable(key, ownKeyrings(caller), searcherOf(caller));
  }
  if (isErrno(key)) return key;
  if (need.isLenient !== true) {
    if (need.isPartial !== true && key.rejection < 0) return key.rejection;
    if (need.isPartial !== true && kernel.keys.requests.has(key)) return -EIO;
    const valid = validate(key, kernel.realtime().seconds);
    if (valid < 0) return valid;
  }
  if (!permits(key, credentials, need.right, isPossessed)) return -EACCES;
  return { key, isPossessed };
}

/**
 * The key of that type and description in the caller's own keyrings.
 * @returns −EAGAIN: there is none; −ENOKEY: a negative one; else why the ways there are closed
 */
export function searchOwnKeyrings(caller: KeyCaller, index: string, skipsExpired: boolean): Key | number {
  const searcher = searcherOf(caller);
  let failure = -EAGAIN;
  let missing = 0;
  for (const keyring of ownKeyrings(caller)) {
    const found = searchKeyring(keyring, index, searcher, skipsExpired);
    if (!isErrno(found)) return found;
    if (found === -ENOKEY || (found === -EAGAIN && missing === 0)) missing = found;
    else if (found !== -EAGAIN) failure = found;
  }
  return missing === 0 ? failure : missing;
}
