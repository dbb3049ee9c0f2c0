/** add_key(2), request_key(2), and keyctl(2), whose operations stand in keyctl.ts. Read first: keys/key.ts. */
import {
  EACCES,
  EAGAIN,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOKEY,
  ENOTDIR,
  EPERM,
  KEY_OTH_LINK,
  KEY_OTH_WRITE,
  KEY_POS_LINK,
  KEY_POS_READ,
  KEY_POS_SEARCH,
  KEY_POS_SETATTR,
  KEY_POS_VIEW,
  KEY_POS_WRITE,
  KEY_REQKEY_DEFL_PROCESS_KEYRING,
  KEY_REQKEY_DEFL_SESSION_KEYRING,
  KEY_REQKEY_DEFL_THREAD_KEYRING,
  KEY_REQKEY_DEFL_USER_KEYRING,
  KEY_REQKEY_DEFL_USER_SESSION_KEYRING,
  KEY_SPEC_USER_KEYRING,
  KEY_SPEC_USER_SESSION_KEYRING,
  KEY_USR_VIEW,
  isErrno,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { stateOf } from "../ground/call-state.ts";
import { isKeyType, type Key, KEY_TYPES, keyIndex, type KeyType, permits } from "../keys/key.ts";
import { mayLink, validate } from "../keys/keyring.ts";
import { NEGATIVE_SECONDS } from "../keys/keys.ts";
import { type KeyReference, lookupKey, searchOwnKeyrings } from "../keys/process-keyrings.ts";
import type { Task } from "../task/task.ts";
import { askForKey, awaitKey } from "./key-instantiation.ts";
import { loadDescription, loadPayload, loadType, payloadFits } from "./key-arguments.ts";

/** The rights of a new key (security/keys/key.c, __key_create_or_update). */
function firstPermissions(type: KeyType): number {
  const { reads, updates } = KEY_TYPES[type];
  let permissions = KEY_POS_VIEW | KEY_POS_SEARCH | KEY_POS_LINK | KEY_POS_SETATTR | KEY_USR_VIEW;
  if (reads) permissions |= KEY_POS_READ;
  if (updates || type === "keyring") permissions |= KEY_POS_WRITE;
  return permissions;
}

/** Its serial number; −EACCES, −EDQUOT, −EFAULT, −EINVAL, −EKEYREVOKED, −ENODEV, −ENOKEY, −ENOTDIR, −EPERM. */
export function addKey(
  task: Task,
  typeAt: number,
  descriptionAt: number,
  payloadAt: number,
  length: number,
  ring: number,
): number {
  if (length < 0 || length > KEY_TYPES.big_key.payloadMost) return -EINVAL;
  const type = loadType(task, typeAt);
  if (isErrno(type)) return type;
  const description = loadDescription(task, descriptionAt);
  if (isErrno(description)) return description;
  if (description.startsWith(".") && type.startsWith("keyring")) return -EPERM;
  const payload = loadPayload(task, payloadAt, length);
  if (isErrno(payload)) return payload;
  const keyring = lookupKey(task, ring, { right: KEY_OTH_WRITE, creates: true });
  if (isErrno(keyring)) return keyring;
  if (!isKeyType(type)) return -ENODEV;
  if (keyring.key.links === null) return -ENOTDIR;
  if (!payloadFits(type, payload)) return -EINVAL;
  if (description === "" || !suits(type, description)) return -EINVAL;
  const refused = mayLink(keyring.key, null, () => {});
  if (refused < 0) return refused;
  const former = keyring.key.links.get(keyIndex(type, description));
  if (former !== undefined && KEY_TYPES[type].updates && !former.isRevoked && !former.isInvalidated)
    return updateFound(task, former, keyring.isPossessed, payload);
  return makeKey(task, keyring, { type, description }, payload);
}

/** The names of `logon` keys say what for, before a colon (keyrings(7)). */
function suits(type: KeyType, description: string): boolean {
  return type !== "logon" || description.indexOf(":") > 0;
}

function updateFound(task: Task, key: Key, isPossessed: boolean, payload: Uint8Array): number {
  if (!permits(key, task.credentials, KEY_OTH_WRITE, isPossessed)) return -EACCES;
  const filled = task.kernel.keys.fill(key, payload);
  return filled < 0 ? filled : key.serial;
}

/** Makes it and links it in the keyring. @param payload  null: it comes later */
function makeKey(
  { kernel, credentials }: Task,
  keyring: KeyReference,
  what: { type: KeyType; description: string },
  payload: Uint8Array | null,
): number {
  const { keys } = kernel;
  const { fsuid: uid, fsgid: gid } = credentials;
  const key = keys.make({ ...what, uid, gid, permissions: firstPermissions(what.type) });
  if (isErrno(key)) return key;
  let result = payload === null || what.type === "keyring" ? 0 : keys.fill(key, payload);
  if (result === 0) result = keys.link(keyring.key, key);
  if (result === 0) return key.serial;
  keys.drop(key);
  return result;
}

/**
 * The serial number of the key that a search finds; −ENOKEY: there is none, −ENOENT: nor anybody who could make it;
 * −EACCES, −EDQUOT, −EFAULT, −EINVAL, −EKEYEXPIRED, −EKEYREVOKED, −EPERM.
 */
export function requestKey(task: Task, typeAt: number, descriptionAt: number, calloutAt: number, ring: number): number {
  const { kernel, credentials } = task;
  const awaited = stateOf(task, "key");
  if (awaited !== null) return awaitKey(task, awaited.serial);
  const type = loadType(task, typeAt);
  if (isErrno(type)) return type;
  const description = loadDescription(task, descriptionAt);
  if (isErrno(description)) return description;
  const callout = calloutAt === 0 ? null : task.space.loadString(calloutAt, 4095);
  if (callout !== null && isErrno(callout)) return callout === -EFAULT ? -EFAULT : -EINVAL;
  let destination: KeyReference | number | null = null;
  if (ring !== 0) {
    destination = lookupKey(task, ring, { right: KEY_OTH_WRITE, creates: true });
    if (isErrno(destination)) return destination;
  }
  if (!isKeyType(type)) return -ENOKEY;
  const found = searchOwnKeyrings(task, keyIndex(type, description), true);
  if (!isErrno(found)) {
    if (destination === null) return awaitKey(task, found.serial);
    if (!permits(found, credentials, KEY_OTH_LINK, true)) return -EACCES;
    const refused = mayLink(destination.key, found, (units) => kernel.work.charge(units));
    const linked = refused < 0 ? refused : kernel.keys.link(destination.key, found);
    return linked < 0 ? linked : awaitKey(task, found.serial);
  }
  if (found !== -EAGAIN) return found;
  if (callout === null) return -ENOKEY;
  return construct(task, { type, description, callout }, destination);
}

/** Has it made; where nobody can be asked to (/sbin/request-key is missing) a negative one says so for a minute. */
function construct(
  task: Task,
  what: { type: KeyType; description: string; callout: string },
  given: KeyReference | null,
): number {
  if (what.type === "keyring") return -EPERM;
  const destination = given ?? defaultKeyring(task);
  if (isErrno(destination)) return destination;
  if (given === null && !permits(destination.key, task.credentials, KEY_OTH_WRITE, true)) return -EACCES;
  if (!suits(what.type, what.description) || what.description === "") return -EINVAL;
  const refused = mayLink(destination.key, null, () => {});
  const { callout, ...described } = what;
  const made = refused < 0 ? refused : makeKey(task, destination, described, null);
  if (made < 0) return made;
  const { keys } = task.kernel;
  const key = keys.all.get(made)!;
  const failed = askForKey(task, key, destination.key, byteStringOf(callout));
  if (failed < 0) {
    keys.rejectUntil(key, -ENOKEY, task.kernel.realtime().seconds + NEGATIVE_SECONDS);
    return failed;
  }
  return awaitKey(task, made);
}

/** Where a key goes that its asker didn't say a place for (KEYCTL_SET_REQKEY_KEYRING). */
function defaultKeyring(task: Task): KeyReference | number {
  const { thread, process, session, requestDefault } = task.keyrings;
  const own = (key: Key): KeyReference | number => validate(key, 0) || { key, isPossessed: true };
  // Each way leads on to the next where there is no such keyring.
  switch (requestDefault) {
    case KEY_REQKEY_DEFL_USER_KEYRING:
      return lookupKey(task, KEY_SPEC_USER_KEYRING, { right: 0 });
    case KEY_REQKEY_DEFL_USER_SESSION_KEYRING:
      return lookupKey(task, KEY_SPEC_USER_SESSION_KEYRING, { right: 0 });
    case KEY_REQKEY_DEFL_SESSION_KEYRING:
      return session === null ? lookupKey(task, KEY_SPEC_USER_SESSION_KEYRING, { right: 0 }) : own(session);
    case KEY_REQKEY_DEFL_PROCESS_KEYRING: {
      const first = process ?? session;
      return first === null ? lookupKey(task, KEY_SPEC_USER_SESSION_KEYRING, { right: 0 }) : own(first);
    }
    case KEY_REQKEY_DEFL_THREAD_KEYRING:
    default: {
      const first = thread ?? process ?? session;
      return first === null ? lookupKey(task, KEY_SPEC_USER_SESSION_KEYRING, { right: 0 }) : own(first);
    }
  }
}

export { keyctl } from "./keyctl.ts";
