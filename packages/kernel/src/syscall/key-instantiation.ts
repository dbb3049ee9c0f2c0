/** Keys that are made on request: the program that is asked to, and what it may do (keyctl_instantiate(3) …). */
import {
  EAGAIN,
  EINVAL,
  ENOKEY,
  EPERM,
  KEY_OTH_WRITE,
  KEY_POS_ALL,
  KEY_POS_LINK,
  KEY_POS_READ,
  KEY_POS_SEARCH,
  KEY_POS_VIEW,
  KEY_SPEC_REQKEY_AUTH_KEY,
  KEY_SPEC_REQUESTOR_KEYRING,
  KEY_SPEC_USER_SESSION_KEYRING,
  KEY_USR_READ,
  KEY_USR_VIEW,
  isErrno,
} from "@stratos/abi";
import { BLOCKED } from "../ground/wait-queue.ts";
import { type Key, keyIndex } from "../keys/key.ts";
import { AUTHORITY_TYPE, KeyRequest } from "../keys/key-request.ts";
import { mayLink, validate } from "../keys/keyring.ts";
import { lookupKey, searchOwnKeyrings } from "../keys/process-keyrings.ts";
import { startHelper } from "../task/first-process.ts";
import type { Task } from "../task/task.ts";
import { payloadFits } from "./key-arguments.ts";

/** Errors are below it. */
const MAX_ERRNO = 4096;
/** ERESTARTSYS … ERESTART_RESTARTBLOCK, which are no answers. */
const RESTARTS: readonly number[] = [512, 513, 514, 516];
const HELPER = "/sbin/request-key";
const HELPER_ENVIRONMENT: readonly string[] = ["HOME=/", "PATH=/sbin:/bin:/usr/sbin:/usr/bin"];

/** BLOCKED until it is made or rejected; then its serial number, or why there is none. */
export function awaitKey(task: Task, serial: number): number {
  const { keys } = task.kernel;
  const key = keys.all.get(serial);
  if (key === undefined) return -ENOKEY;
  const request = keys.requests.get(key);
  if (request !== undefined) {
    task.syscallState = { kind: "key", serial };
    task.waitOn(request.queue);
    return BLOCKED;
  }
  return key.rejection < 0 ? key.rejection : validate(key, task.kernel.realtime().seconds) || serial;
}

/**
 * Asks /sbin/request-key to make the key: as root, in the machine's first namespaces, with a session keyring in which
 * the authority lies. Source: Linux security/keys/request_key.c, call_sbin_request_key.
 *
 * @param key  lies in `destination` already
 * @returns 0; −EDQUOT; −ENOENT: it cannot be started
 */
export function askForKey(task: Task, key: Key, destination: Key, callout: Uint8Array): number {
  const { kernel, credentials, keyrings } = task;
  const { keys } = kernel;
  const { fsuid: uid, fsgid: gid } = credentials;
  const own = keyrings.session ?? userSession(task);
  if (isErrno(own)) return own;
  const session = keys.make({
    ...{ type: "keyring", description: `_req.${key.serial}`, uid, gid, quota: "free" },
    permissions: KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ,
  });
  if (isErrno(session)) return session;
  keys.retain(session);
  const failed = startRequestKey(task, { key, destination, callout, session, own });
  keys.release(session);
  return failed;
}

function userSession(task: Task): Key | number {
  const found = lookupKey(task, KEY_SPEC_USER_SESSION_KEYRING, { right: 0 });
  return isErrno(found) ? found : found.key;
}

interface Asked {
  readonly key: Key;
  readonly destination: Key;
  readonly callout: Uint8Array;
  /** Of the helper, and of who asks. */
  readonly session: Key;
  readonly own: Key;
}

function startRequestKey(task: Task, { key, destination, callout, session, own }: Asked): number {
  const { kernel, credentials, keyrings } = task;
  const { keys } = kernel;
  const { fsuid: uid, fsgid: gid } = credentials;
  const authority = keys.make({
    ...{ type: AUTHORITY_TYPE, description: key.serial.toString(16), uid, gid, quota: "free" },
    permissions: KEY_POS_VIEW | KEY_POS_READ | KEY_POS_SEARCH | KEY_POS_LINK | KEY_USR_VIEW,
  });
  if (isErrno(authority)) return authority;
  const linked = keys.fill(authority, callout) || keys.link(session, authority);
  if (linked < 0) {
    keys.drop(authority);
    return linked;
  }
  const { thread, process } = keyrings;
  const numbers = [uid, gid, thread?.serial ?? 0, process?.serial ?? 0, own.serial];
  const started = startHelper(task, {
    path: HELPER,
    argv: [HELPER, "create", String(key.serial), ...numbers.map(String)],
    environment: [...HELPER_ENVIRONMENT],
    workingDirectory: "/",
    standardFiles: [],
  });
  if ("errno" in started) return -started.errno;
  const rings = [thread, process, own].filter((ring) => ring !== null);
  const request = new KeyRequest(key, authority, rings, destination);
  request.helper = started.group.pid;
  keys.begin(request);
  started.keyrings.put("session", session);
  return 0;
}

/** KEYCTL_ASSUME_AUTHORITY: the serial number of the authority; −EINVAL, −ENOKEY, −EKEYREVOKED. */
export function assumeAuthority(task: Task, id: number): number {
  if (id < 0) return -EINVAL;
  if (id === 0) {
    task.keyrings.put("authority", null);
    return 0;
  }
  const found = searchOwnKeyrings(task, keyIndex(AUTHORITY_TYPE, id.toString(16)), true);
  if (isErrno(found)) return found === -EAGAIN ? -ENOKEY : found;
  task.keyrings.put("authority", found);
  return found.serial;
}

/** KEYCTL_INSTANTIATE: 0; −EPERM: the authority has not been assumed; −EDQUOT, −EINVAL, −ENOKEY, and of the keyring. */
export function instantiate(task: Task, id: number, payload: Uint8Array, ring: number): number {
  return conclude(task, id, ring, ({ target }) =>
    payloadFits(target.type, payload) ? task.kernel.keys.fill(target, payload) : -EINVAL,
  );
}

/** KEYCTL_REJECT, and KEYCTL_NEGATE with ENOKEY: who asks for the key learns `error` for that many seconds. */
export function reject(task: Task, id: number, how: { seconds: number; error: number; ring: number }): number {
  const { seconds, error, ring } = how;
  if (!(error > 0 && error < MAX_ERRNO) || RESTARTS.includes(error)) return -EINVAL;
  return conclude(task, id, ring, ({ target }) => {
    task.kernel.keys.rejectUntil(target, -error, task.kernel.realtime().seconds + seconds);
    return 0;
  });
}

function conclude(task: Task, id: number, ring: number, act: (request: KeyRequest) => number): number {
  const { keys, work } = task.kernel;
  const request = keys.requestOf(task.keyrings.authority);
  if (request === null || request.target.serial !== id) return -EPERM;
  const keyring = ringOf(task, ring, request);
  if (isErrno(keyring)) return keyring;
  const refused = keyring === null ? 0 : mayLink(keyring, request.target, (units) => work.charge(units));
  const failed = refused < 0 ? refused : act(request) || (keyring === null ? 0 : keys.link(keyring, request.target));
  if (failed < 0) return failed;
  keys.end(request);
  task.keyrings.put("authority", null);
  return 0;
}

/** Where it is linked, too; null: nowhere else. Source: security/keys/keyctl.c, get_instantiation_keyring. */
function ringOf(task: Task, ring: number, request: KeyRequest): Key | null | number {
  if (ring === 0) return null;
  if (ring === KEY_SPEC_REQKEY_AUTH_KEY) return -EINVAL;
  if (ring < 0) return ring >= KEY_SPEC_REQUESTOR_KEYRING ? request.destination : -ENOKEY;
  const found = lookupKey(task, ring, { right: KEY_OTH_WRITE, creates: true });
  return isErrno(found) ? found : found.key;
}
