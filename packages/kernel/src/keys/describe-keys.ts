/** /proc/keys and /proc/key-users (keyrings(7), "/proc files"). */
import { KEY_OTH_VIEW } from "@stratos/abi";
import { AUTHORITY_TYPE } from "./key-request.ts";
import { type Key, NO_GROUP, permits } from "./key.ts";
import { reachable } from "./keyring.ts";
import { type KeyCaller, ownKeyrings, searcherOf } from "./process-keyrings.ts";

/** What a group that a namespace has no name for, or none, is shown as. */
const OVERFLOW_GROUP = 65534;

/** Those that the reader may view, by their numbers. */
export function describeKeys(reader: KeyCaller): string {
  const { kernel, credentials } = reader;
  const { uids } = credentials.userNamespace;
  const { seconds } = kernel.realtime();
  kernel.keys.collect(seconds);
  const own = reachable(ownKeyrings(reader), searcherOf(reader));
  kernel.work.charge(kernel.keys.all.size >> 2);
  return [...kernel.keys.all.values()]
    .filter((key) => uids.fromKernel(key.user.uid) >= 0 && permits(key, credentials, KEY_OTH_VIEW, own.has(key)))
    .sort((one, other) => one.serial - other.serial)
    .map((key) => describeKey(reader, key, seconds))
    .join("");
}

function describeKey({ kernel, credentials }: KeyCaller, key: Key, seconds: number): string {
  const { uids, gids } = credentials.userNamespace;
  const isMade = !kernel.keys.requests.has(key);
  const flags =
    `${isMade ? "I" : "-"}${key.isRevoked ? "R" : "-"}-${key.isInQuota ? "Q" : "-"}${isMade ? "-" : "U"}` +
    `${key.rejection < 0 ? "N" : "-"}${key.isInvalidated ? "i" : "-"}`;
  const uid = String(uids.shown(key.uid)).padStart(5);
  const gid = String(key.gid === NO_GROUP ? OVERFLOW_GROUP : gids.shown(key.gid)).padStart(5);
  return (
    `${hex(key.serial)} ${flags} ${String(key.users).padStart(5)} ${timeLeft(key, seconds).padStart(4)} ` +
    `${hex(key.permissions)} ${uid} ${gid} ${key.type.slice(0, 9).padEnd(9)} ${describeContent(key)}\n`
  );
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

/** Seconds that a unit has, and from how many on the next one is taken. */
const UNITS: readonly (readonly [unit: string, seconds: number, next: number])[] = [
  ["s", 1, 60],
  ["m", 60, 3600],
  ["h", 3600, 86_400],
  ["d", 86_400, 604_800],
  ["w", 604_800, Infinity],
];

function timeLeft(key: Key, seconds: number): string {
  if (key.isRevoked || key.hasExpired(seconds)) return "expd";
  if (key.expirySeconds === Infinity) return "perm";
  const left = key.expirySeconds - seconds;
  const [unit, size] = UNITS.find(([, , next]) => left < next)!;
  return `${Math.floor(left / size)}${unit}`;
}

function describeContent(key: Key): string {
  if (key.type === AUTHORITY_TYPE) return `key:${key.description} ci:${key.payloadBytes}`;
  if (key.rejection < 0) return key.description;
  if (key.links !== null)
    return `${key.description === "" ? "[anon]" : key.description}: ${key.links.size === 0 ? "empty" : key.links.size}`;
  const length = key.type === "big_key" ? `${key.payload?.length ?? 0} [buff]` : key.payloadBytes;
  return `${key.description}: ${length}`;
}

export function describeKeyUsers({ kernel, credentials }: KeyCaller): string {
  const { keys } = kernel;
  const { uids } = credentials.userNamespace;
  return [...keys.users.values()]
    .filter(({ uid }) => uids.fromKernel(uid) >= 0)
    .sort((one, other) => one.uid - other.uid)
    .map(({ uid, keys: count, quotaKeys, quotaBytes }) => {
      const most = keys.limitsOf(uid);
      // A user is held by his keys; the machine's root by the kernel, too.
      const holders = String(count + (uid === 0 ? 1 : 0)).padStart(5);
      return (
        `${String(uids.shown(uid)).padStart(5)}: ${holders} ${count}/${count} ` +
        `${quotaKeys}/${most.keys} ${quotaBytes}/${most.bytes}\n`
      );
    })
    .join("");
}
