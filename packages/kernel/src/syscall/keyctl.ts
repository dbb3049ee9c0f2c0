/** The operations of keyctl(2), each with a manual page of its own (keyctl_chown(3) …). Read first: keys/key.ts. */
import {
  CAP_SETUID,
  CAP_SYS_ADMIN,
  EACCES,
  EAGAIN,
  EEXIST,
  EFAULT,
  EINVAL,
  EIO,
  ENODEV,
  ENOENT,
  ENOKEY,
  ENOTDIR,
  EOPNOTSUPP,
  EPERM,
  KEYCTL_ASSUME_AUTHORITY,
  KEYCTL_CAPABILITIES,
  KEYCTL_CAPS0_BIG_KEY,
  KEYCTL_CAPS0_CAPABILITIES,
  KEYCTL_CAPS0_INVALIDATE,
  KEYCTL_CAPS0_MOVE,
  KEYCTL_CAPS0_PERSISTENT_KEYRINGS,
  KEYCTL_CAPS0_RESTRICT_KEYRING,
  KEYCTL_CAPS1_NS_KEYRING_NAME,
  KEYCTL_CHOWN,
  KEYCTL_CLEAR,
  KEYCTL_DESCRIBE,
  KEYCTL_GET_KEYRING_ID,
  KEYCTL_GET_PERSISTENT,
  KEYCTL_GET_SECURITY,
  KEYCTL_INSTANTIATE,
  KEYCTL_INSTANTIATE_IOV,
  KEYCTL_INVALIDATE,
  KEYCTL_JOIN_SESSION_KEYRING,
  KEYCTL_LINK,
  KEYCTL_MOVE,
  KEYCTL_MOVE_EXCL,
  KEYCTL_NEGATE,
  KEYCTL_READ,
  KEYCTL_REJECT,
  KEYCTL_RESTRICT_KEYRING,
  KEYCTL_REVOKE,
  KEYCTL_SEARCH,
  KEYCTL_SESSION_TO_PARENT,
  KEYCTL_SETPERM,
  KEYCTL_SET_REQKEY_KEYRING,
  KEYCTL_SET_TIMEOUT,
  KEYCTL_UNLINK,
  KEYCTL_UPDATE,
  KEY_OTH_ALL,
  KEY_OTH_LINK,
  KEY_OTH_READ,
  KEY_OTH_SEARCH,
  KEY_OTH_SETATTR,
  KEY_OTH_VIEW,
  KEY_OTH_WRITE,
  KEY_POS_ALL,
  KEY_POS_SETATTR,
  KEY_REQKEY_DEFL_DEFAULT,
  KEY_REQKEY_DEFL_NO_CHANGE,
  KEY_REQKEY_DEFL_PROCESS_KEYRING,
  KEY_REQKEY_DEFL_THREAD_KEYRING,
  KEY_REQKEY_DEFL_USER_SESSION_KEYRING,
  KEY_SPEC_SESSION_KEYRING,
  KEY_USR_READ,
  KEY_USR_VIEW,
  PAGE_SIZE,
  isErrno,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { isKeyType, type Key, KEY_TYPES, keyIndex, NO_GROUP, permits } from "../keys/key.ts";
import { mayLink, searchKeyring, unlinkKey, validate } from "../keys/keyring.ts";
import { joinSession, type KeyReference, lookupKey, makeOwn, searcherOf } from "../keys/process-keyrings.ts";
import { isCapable, isInGroup } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";
import { assumeAuthority, instantiate, reject } from "./key-instantiation.ts";
import { loadDescription, loadPayload, loadType, payloadFits } from "./key-arguments.ts";

const KEEP = 0xffffffff;
const PERMISSIONS = (KEY_OTH_ALL << 24) | (KEY_OTH_ALL << 16) | (KEY_OTH_ALL << 8) | KEY_OTH_ALL;

function serialOf(found: KeyReference | number): number {
  return isErrno(found) ? found : found.key.serial;
}

function join(task: Task, nameAt: number): number {
  if (nameAt === 0) return joinSession(task, null);
  const name = loadDescription(task, nameAt);
  if (isErrno(name)) return name;
  // The kernel's own keyrings are nobody's session.
  return name.startsWith(".") ? -EPERM : name === "" ? -EINVAL : joinSession(task, name);
}

function update(task: Task, id: number, payloadAt: number, length: number): number {
  if (length < 0 || length > PAGE_SIZE) return -EINVAL;
  const payload = loadPayload(task, payloadAt, length);
  if (isErrno(payload)) return payload;
  const found = lookupKey(task, id, { right: KEY_OTH_WRITE });
  if (isErrno(found)) return found;
  const { key } = found;
  if (!KEY_TYPES[key.type].updates) return -EOPNOTSUPP;
  return payloadFits(key.type, payload) ? task.kernel.keys.fill(key, payload) : -EINVAL;
}

function revoke(task: Task, id: number): number {
  let found = lookupKey(task, id, { right: KEY_OTH_WRITE });
  if (found === -EACCES) found = lookupKey(task, id, { right: KEY_OTH_SETATTR });
  if (isErrno(found)) return found;
  task.kernel.keys.revoke(found.key);
  return 0;
}

function chown(task: Task, id: number, user: number, group: number): number {
  const { kernel, credentials } = task;
  const { uids, gids } = credentials.userNamespace;
  const uid = user === KEEP ? -1 : uids.toKernel(user),
    gid = group === KEEP ? -1 : gids.toKernel(group);
  if ((user !== KEEP && uid < 0) || (group !== KEEP && gid < 0)) return -EINVAL;
  if (user === KEEP && group === KEEP) return 0;
  const found = lookupKey(task, id, { right: KEY_OTH_SETATTR, creates: true, isPartial: true });
  if (isErrno(found)) return found;
  const { key } = found;
  const isOwn =
    (user === KEEP || uid === key.uid) && (group === KEEP || gid === key.gid || isInGroup(credentials, gid));
  if (!isOwn && !isCapable(credentials, CAP_SYS_ADMIN)) return -EACCES;
  const changed = user === KEEP || uid === key.uid ? 0 : kernel.keys.changeOwner(key, uid);
  if (changed === 0 && group !== KEEP) key.gid = gid;
  return changed;
}

function setPermissions(task: Task, id: number, permissions: number): number {
  if ((permissions & ~PERMISSIONS) !== 0) return -EINVAL;
  const found = lookupKey(task, id, { right: KEY_OTH_SETATTR, creates: true, isPartial: true });
  if (isErrno(found)) return found;
  const { credentials } = task;
  if (found.key.uid !== credentials.fsuid && !isCapable(credentials, CAP_SYS_ADMIN)) return -EACCES;
  found.key.permissions = permissions;
  return 0;
}

/** Writes it when there is room for all of it. @returns how much room it takes; −EFAULT */
function give(task: Task, bytes: Uint8Array, address: number, room: number): number {
  task.kernel.work.charge(bytes.length >> 12);
  // A size_t: what is negative here is more than any key has.
  const hasRoom = room < 0 || room >= bytes.length;
  if (address !== 0 && hasRoom && task.space.copyOut(address, bytes, 0, bytes.length) < 0) return -EFAULT;
  return bytes.length;
}

function describe(task: Task, id: number, address: number, room: number): number {
  let found = lookupKey(task, id, { right: KEY_OTH_VIEW, isPartial: true });
  // Who is to make it may look at it.
  if (found === -EACCES && task.kernel.keys.requestOf(task.keyrings.authority)?.target.serial === id)
    found = lookupKey(task, id, { right: 0, isPartial: true });
  if (isErrno(found)) return found;
  const { key } = found;
  const { uids, gids } = task.credentials.userNamespace;
  const rights = key.permissions.toString(16).padStart(8, "0");
  const group = key.gid === NO_GROUP ? 65534 : gids.shown(key.gid);
  const text = `${key.type};${uids.shown(key.uid)};${group};${rights};${key.description}\0`;
  return give(task, byteStringOf(text), address, room);
}

function fillRequested(task: Task, id: number, given: { address: number; length: number; ring: number }): number {
  const { address, length, ring } = given;
  if (length < 0 || length > KEY_TYPES.big_key.payloadMost) return -EINVAL;
  const payload = loadPayload(task, address, length);
  return isErrno(payload) ? payload : instantiate(task, id, payload, ring);
}

function fillByPieces(task: Task, id: number, given: { address: number; count: number; ring: number }): number {
  const { address, count, ring } = given;
  const cursor = task.space.vectorCursor(address, count);
  if (isErrno(cursor)) return cursor;
  const length = cursor.remaining;
  if (length > KEY_TYPES.big_key.payloadMost) return -EINVAL;
  const payload = new Uint8Array(length);
  task.kernel.work.charge(length >> 12);
  return cursor.take(payload, 0, length) < 0 ? -EFAULT : instantiate(task, id, payload, ring);
}

function clear(task: Task, id: number): number {
  const found = lookupKey(task, id, { right: KEY_OTH_WRITE, creates: true });
  if (isErrno(found)) return found;
  if (found.key.links === null) return -ENOTDIR;
  task.kernel.work.charge(found.key.links.size >> 2);
  task.kernel.keys.clear(found.key);
  return 0;
}

function linkTo(task: Task, keyring: Key, key: Key): number {
  const { keys, work } = task.kernel;
  const refused = mayLink(keyring, key, (units) => work.charge(units));
  return refused < 0 ? refused : keys.link(keyring, key);
}

function link(task: Task, id: number, ring: number): number {
  const keyring = lookupKey(task, ring, { right: KEY_OTH_WRITE, creates: true });
  if (isErrno(keyring)) return keyring;
  const found = lookupKey(task, id, { right: KEY_OTH_LINK, creates: true });
  return isErrno(found) ? found : linkTo(task, keyring.key, found.key);
}

function unlink(task: Task, id: number, ring: number): number {
  const keyring = lookupKey(task, ring, { right: KEY_OTH_WRITE });
  if (isErrno(keyring)) return keyring;
  const found = lookupKey(task, id, { right: 0, isPartial: true, isLenient: true });
  return isErrno(found) ? found : unlinkKey(task.kernel.keys, keyring.key, found.key);
}

function search(task: Task, ring: number, typeAt: number, descriptionAt: number, target: number): number {
  const type = loadType(task, typeAt);
  if (isErrno(type)) return type;
  const description = loadDescription(task, descriptionAt);
  if (isErrno(description)) return description;
  const keyring = lookupKey(task, ring, { right: KEY_OTH_SEARCH });
  if (isErrno(keyring)) return keyring;
  let destination: KeyReference | number | null = null;
  if (target !== 0) {
    destination = lookupKey(task, target, { right: KEY_OTH_WRITE, creates: true });
    if (isErrno(destination)) return destination;
  }
  if (!isKeyType(type)) return -ENOKEY;
  const { isPossessed } = keyring;
  const found = searchKeyring(keyring.key, keyIndex(type, description), searcherOf(task, isPossessed));
  if (isErrno(found)) return found === -EAGAIN ? -ENOKEY : found;
  if (destination === null) return found.serial;
  if (!permits(found, task.credentials, KEY_OTH_LINK, isPossessed)) return -EACCES;
  const linked = linkTo(task, destination.key, found);
  return linked < 0 ? linked : found.serial;
}

function read(task: Task, id: number, address: number, room: number): number {
  const found = lookupKey(task, id, { right: 0, isPartial: true, isLenient: true });
  if (isErrno(found)) return -ENOKEY;
  const { key, isPossessed } = found;
  if (key.rejection < 0) return key.rejection;
  if (task.kernel.keys.requests.has(key)) return -EIO;
  if (!permits(key, task.credentials, KEY_OTH_READ, isPossessed) && !isPossessed) return -EACCES;
  if (!KEY_TYPES[key.type].reads) return -EOPNOTSUPP;
  const valid = validate(key, task.kernel.realtime().seconds);
  if (valid < 0) return valid;
  if (key.links !== null && address !== 0 && room % 4 !== 0) return -EINVAL;
  return give(task, key.payload ?? serialsIn(key), address, room);
}

function serialsIn({ links }: Key): Uint8Array {
  const bytes = new Uint8Array(links!.size * 4);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { serial } of links!.values()) {
    view.setInt32(at, serial, true);
    at += 4;
  }
  return bytes;
}

function setRequestDefault(task: Task, wanted: number): number {
  const { keyrings, kernel, credentials } = task;
  const before = keyrings.requestDefault;
  if (wanted === KEY_REQKEY_DEFL_NO_CHANGE) return before;
  if (wanted < KEY_REQKEY_DEFL_DEFAULT || wanted > KEY_REQKEY_DEFL_USER_SESSION_KEYRING) return -EINVAL;
  let made = 0;
  if (wanted === KEY_REQKEY_DEFL_THREAD_KEYRING && keyrings.thread === null)
    made = makeOwn(kernel.keys, keyrings, credentials, "thread");
  if (wanted === KEY_REQKEY_DEFL_PROCESS_KEYRING && keyrings.process === null)
    made = makeOwn(kernel.keys, keyrings, credentials, "process");
  if (made < 0) return made;
  keyrings.requestDefault = wanted;
  return before;
}

function setTimeout(task: Task, id: number, seconds: number): number {
  const found = lookupKey(task, id, { right: KEY_OTH_SETATTR, creates: true, isPartial: true });
  if (isErrno(found)) return found;
  const { keys } = task.kernel;
  keys.expireAt(found.key, seconds === 0 ? Infinity : task.kernel.realtime().seconds + seconds);
  return 0;
}

/** There are no security modules: the label is empty. */
function security(task: Task, id: number, address: number, room: number): number {
  const found = lookupKey(task, id, { right: KEY_OTH_VIEW, isPartial: true });
  return isErrno(found) ? found : give(task, new Uint8Array(1), address, room);
}

/** The parent has the caller's session keyring from now on, if it is as it were the same person. */
function sessionToParent(task: Task): number {
  const found = lookupKey(task, KEY_SPEC_SESSION_KEYRING, { right: KEY_OTH_LINK });
  if (isErrno(found)) return found;
  const { parent } = task.group;
  if (parent === null || parent.pid <= 1 || parent.tasks.length !== 1) return -EPERM;
  const other = parent.tasks[0]!;
  if (other.keyrings.session === found.key) return 0;
  const { euid, egid } = task.credentials;
  const theirs = other.credentials;
  const isSame =
    [theirs.uid, theirs.euid, theirs.suid].every((id) => id === euid) &&
    [theirs.gid, theirs.egid, theirs.sgid].every((id) => id === egid);
  const former = other.keyrings.session;
  if (!isSame || found.key.uid !== euid || (former !== null && former.uid !== euid)) return -EPERM;
  other.keyrings.put("session", found.key);
  return 0;
}

function invalidate(task: Task, id: number): number {
  const found = lookupKey(task, id, { right: KEY_OTH_SEARCH });
  if (isErrno(found)) return found;
  task.kernel.keys.invalidate(found.key);
  return 0;
}

/** A user's keyring that outlives his sessions (persistent-keyring(7)). */
function persistent(task: Task, user: number, target: number): number {
  const { kernel, credentials } = task;
  const { keys } = kernel;
  const { userNamespace } = credentials;
  const uid = user === KEEP ? credentials.uid : userNamespace.uids.toKernel(user);
  if (uid < 0) return -EINVAL;
  if (uid !== credentials.uid && uid !== credentials.euid && !isCapable(credentials, CAP_SETUID, userNamespace))
    return -EPERM;
  const destination = lookupKey(task, target, { right: KEY_OTH_WRITE, creates: true });
  if (isErrno(destination)) return destination;
  if (destination.key.links === null) return -ENOTDIR;
  const register = keys.makePersistentRegister(userNamespace);
  if (isErrno(register)) return register;
  const description = `_persistent.${userNamespace.uids.fromKernel(uid) >>> 0}`;
  const { seconds } = kernel.realtime();
  let key: Key | number | undefined = register.links!.get(keyIndex("keyring", description));
  if (key === undefined || validate(key, seconds) < 0) {
    const permissions = (KEY_POS_ALL & ~KEY_POS_SETATTR) | KEY_USR_VIEW | KEY_USR_READ;
    key = keys.make({ type: "keyring", description, uid, gid: NO_GROUP, permissions, quota: "free" });
    if (isErrno(key)) return key;
    const kept = keys.link(register, key);
    if (kept < 0) {
      keys.drop(key);
      return kept;
    }
  }
  const linked = linkTo(task, destination.key, key);
  if (linked < 0) return linked;
  keys.expireAt(key, seconds + keys.settings.persistent_keyring_expiry);
  return key.serial;
}

/** @param typeAt  0: nothing more is linked; there is no type that could say what may be */
function restrict(task: Task, id: number, typeAt: number, restrictionAt: number): number {
  const found = lookupKey(task, id, { right: KEY_OTH_SETATTR });
  if (isErrno(found)) return found;
  if (typeAt !== 0) {
    const type = loadType(task, typeAt);
    if (isErrno(type)) return type;
    const restriction = loadDescription(task, restrictionAt);
    if (isErrno(restriction)) return restriction;
    if (found.key.links === null) return -ENOTDIR;
    return isKeyType(type) ? -ENOENT : -ENODEV;
  }
  if (restrictionAt !== 0) return -EINVAL;
  const { key } = found;
  if (key.links === null) return -ENOTDIR;
  if (key.refusesLinks) return -EEXIST;
  key.refusesLinks = true;
  return 0;
}

function move(task: Task, id: number, fromId: number, toId: number, flags: number): number {
  if ((flags & ~KEYCTL_MOVE_EXCL) !== 0) return -EINVAL;
  const found = lookupKey(task, id, { right: KEY_OTH_LINK, creates: true });
  if (isErrno(found)) return found;
  const from = lookupKey(task, fromId, { right: KEY_OTH_WRITE });
  if (isErrno(from)) return from;
  const to = lookupKey(task, toId, { right: KEY_OTH_WRITE, creates: true });
  if (isErrno(to)) return to;
  if (from.key === to.key) return 0;
  const { key } = found;
  if (from.key.links === null || to.key.links === null) return -ENOTDIR;
  if (from.key.links.get(key.index) !== key) return -ENOENT;
  if ((flags & KEYCTL_MOVE_EXCL) !== 0 && to.key.links.has(key.index)) return -EEXIST;
  const linked = linkTo(task, to.key, key);
  return linked < 0 ? linked : unlinkKey(task.kernel.keys, from.key, key);
}

const CAPABILITIES = new Uint8Array([
  KEYCTL_CAPS0_CAPABILITIES |
    KEYCTL_CAPS0_PERSISTENT_KEYRINGS |
    KEYCTL_CAPS0_BIG_KEY |
    KEYCTL_CAPS0_INVALIDATE |
    KEYCTL_CAPS0_RESTRICT_KEYRING |
    KEYCTL_CAPS0_MOVE,
  KEYCTL_CAPS1_NS_KEYRING_NAME,
]);

/** As many bytes as there is room for; what lies behind is zeroed, up to a page. */
function capabilities(task: Task, address: number, length: number): number {
  const room = length < 0 || length > PAGE_SIZE ? PAGE_SIZE : length;
  const count = Math.min(room, CAPABILITIES.length);
  if (count > 0 && task.space.copyOut(address, CAPABILITIES, 0, count) < 0) return -EFAULT;
  if (room > count && task.space.clear(address + count, room - count) < 0) return -EFAULT;
  return CAPABILITIES.length;
}

/** keyctl(2): each operation says what it returns; −EOPNOTSUPP: there is no such one. */
export function keyctl(task: Task, operation: number, a: number, b: number, c: number, d: number): number {
  const id = a | 0;
  switch (operation | 0) {
    case KEYCTL_GET_KEYRING_ID:
      return serialOf(lookupKey(task, id, { right: KEY_OTH_SEARCH, creates: (b | 0) !== 0 }));
    case KEYCTL_JOIN_SESSION_KEYRING:
      return join(task, a);
    case KEYCTL_UPDATE:
      return update(task, id, b, c);
    case KEYCTL_REVOKE:
      return revoke(task, id);
    case KEYCTL_CHOWN:
      return chown(task, id, b >>> 0, c >>> 0);
    case KEYCTL_SETPERM:
      return setPermissions(task, id, b | 0);
    case KEYCTL_DESCRIBE:
      return describe(task, id, b, c);
    case KEYCTL_CLEAR:
      return clear(task, id);
    case KEYCTL_LINK:
      return link(task, id, b | 0);
    case KEYCTL_UNLINK:
      return unlink(task, id, b | 0);
    case KEYCTL_SEARCH:
      return search(task, id, b, c, d | 0);
    case KEYCTL_READ:
      return read(task, id, b, c);
    case KEYCTL_INSTANTIATE:
      return fillRequested(task, id, { address: b, length: c, ring: d | 0 });
    case KEYCTL_NEGATE:
      return reject(task, id, { seconds: b >>> 0, error: ENOKEY, ring: c | 0 });
    case KEYCTL_REJECT:
      return reject(task, id, { seconds: b >>> 0, error: c, ring: d | 0 });
    case KEYCTL_INSTANTIATE_IOV:
      return fillByPieces(task, id, { address: b, count: c, ring: d | 0 });
    case KEYCTL_SET_REQKEY_KEYRING:
      return setRequestDefault(task, id);
    case KEYCTL_SET_TIMEOUT:
      return setTimeout(task, id, b >>> 0);
    case KEYCTL_ASSUME_AUTHORITY:
      return assumeAuthority(task, id);
    case KEYCTL_GET_SECURITY:
      return security(task, id, b, c);
    case KEYCTL_SESSION_TO_PARENT:
      return sessionToParent(task);
    case KEYCTL_INVALIDATE:
      return invalidate(task, id);
    case KEYCTL_GET_PERSISTENT:
      return persistent(task, a >>> 0, b | 0);
    case KEYCTL_RESTRICT_KEYRING:
      return restrict(task, id, b, c);
    case KEYCTL_MOVE:
      return move(task, id, b | 0, c | 0, d >>> 0);
    case KEYCTL_CAPABILITIES:
      return capabilities(task, a, b);
    default:
      return -EOPNOTSUPP;
  }
}
