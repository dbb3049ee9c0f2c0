/**
 * Search in keyrings, and what may be linked (keyrings(7)). A search goes down seven keyrings at most, through those
 * that let one search them; each link is looked at once on each level, and there are LINKS_MAX of them (keys.ts).
 */
import {
  EACCES,
  EAGAIN,
  EDEADLK,
  EKEYEXPIRED,
  EKEYREVOKED,
  ELOOP,
  ENOENT,
  ENOKEY,
  ENOTDIR,
  EPERM,
  KEY_OTH_SEARCH,
} from "@stratos/abi";
import type { Credentials } from "../security/credentials.ts";
import { type Key, permits } from "./key.ts";
import type { Keys } from "./keys.ts";

/** Keyrings below the first. Source: Linux security/keys/keyring.c, KEYRING_SEARCH_MAX_DEPTH. */
const DEPTH_MAX = 6;

/** Who searches, and when. */
export interface KeySearcher {
  readonly credentials: Credentials;
  /** Of CLOCK_REALTIME. */
  readonly seconds: number;
  /** Is the keyring that it begins with its own? */
  readonly isPossessed: boolean;
  readonly charge: (units: number) => void;
}

/** 0; −ENOKEY, −EKEYREVOKED, −EKEYEXPIRED. */
export function validate(key: Key, seconds: number): number {
  if (key.isInvalidated) return -ENOKEY;
  if (key.isRevoked) return -EKEYREVOKED;
  return key.hasExpired(seconds) ? -EKEYEXPIRED : 0;
}

interface Search {
  readonly searcher: KeySearcher;
  readonly index: string;
  readonly skipsExpired: boolean;
  /** What it came to so far. */
  result: Key | number;
  /** The least depth at which a keyring was looked at. */
  readonly depths: Map<Key, number>;
}

/** Is it the one? Else `result` may say why it isn't. */
function isFound(search: Search, key: Key): boolean {
  const { credentials, seconds, isPossessed } = search.searcher;
  if (key.isInvalidated || key.isRevoked) search.result = -EKEYREVOKED;
  else if (key.hasExpired(seconds)) search.result = search.skipsExpired ? search.result : -EKEYEXPIRED;
  else if (!permits(key, credentials, KEY_OTH_SEARCH, isPossessed)) search.result = -EACCES;
  else if (key.rejection < 0) search.result = key.rejection;
  else {
    search.result = key;
    return true;
  }
  return false;
}

function descend(search: Search, keyring: Key, depth: number): boolean {
  if (keyring.isInvalidated || keyring.isRevoked) return false;
  search.depths.set(keyring, depth);
  const { credentials, isPossessed, charge } = search.searcher;
  charge(1 + (keyring.rings!.size >> 4));
  const direct = keyring.links!.get(search.index);
  if (direct !== undefined && isFound(search, direct)) return true;
  if (depth === DEPTH_MAX) return false;
  for (const child of keyring.rings!) {
    if ((search.depths.get(child) ?? Infinity) <= depth + 1) continue;
    if (permits(child, credentials, KEY_OTH_SEARCH, isPossessed) && descend(search, child, depth + 1)) return true;
  }
  return false;
}

/**
 * The key of that type and description in the keyring or below it.
 * @returns −EAGAIN: there is none; −EACCES, −EKEYEXPIRED, −EKEYREVOKED, −ENOTDIR, or what a negative key says
 */
export function searchKeyring(keyring: Key, index: string, searcher: KeySearcher, skipsExpired = false): Key | number {
  if (keyring.links === null) return -ENOTDIR;
  if (!permits(keyring, searcher.credentials, KEY_OTH_SEARCH, searcher.isPossessed)) return -EACCES;
  const search: Search = { searcher, index, skipsExpired, result: -EAGAIN, depths: new Map() };
  if (keyring.index === index && (isFound(search, keyring) || search.result !== -EAGAIN)) return search.result;
  descend(search, keyring, 0);
  return search.result;
}

/**
 * Does a way lead to it from one of these, which are the searcher's own? It is looked for from below. A key that is not
 * valid any more is possessed still.
 */
export function isReachable(key: Key, tops: ReadonlySet<Key>, searcher: KeySearcher): boolean {
  const leads = (each: Key): boolean => permits(each, searcher.credentials, KEY_OTH_SEARCH, true);
  if (!leads(key)) return false;
  if (tops.has(key)) return true;
  const seen = new Set<Key>();
  let level: Key[] = [key];
  for (let depth = 0; depth <= DEPTH_MAX && level.length > 0; depth++) {
    const above: Key[] = [];
    for (const each of level)
      for (const holder of each.holders) {
        if (seen.has(holder)) continue;
        seen.add(holder);
        if (holder.isInvalidated || holder.isRevoked || !leads(holder)) continue;
        if (tops.has(holder)) return true;
        above.push(holder);
      }
    level = above;
  }
  searcher.charge(seen.size >> 4);
  return false;
}

/** All that `isReachable` would say yes to. */
export function reachable(tops: ReadonlySet<Key>, searcher: KeySearcher): Set<Key> {
  const leads = (each: Key): boolean => permits(each, searcher.credentials, KEY_OTH_SEARCH, true);
  let level = [...tops].filter(leads);
  const found = new Set<Key>(level);
  for (let depth = 0; depth <= DEPTH_MAX && level.length > 0; depth++) {
    const below: Key[] = [];
    for (const keyring of level) {
      if (keyring.isInvalidated || keyring.isRevoked) continue;
      searcher.charge(1 + (keyring.links!.size >> 4));
      for (const key of keyring.links!.values()) {
        if (found.has(key) || !leads(key)) continue;
        found.add(key);
        if (key.links !== null) below.push(key);
      }
    }
    level = below;
  }
  return found;
}

/**
 * May the key be linked in this keyring?
 * @returns 0; −EDEADLK: the keyring lies in it; −ELOOP: it is too deep; −ENOTDIR, −EKEYREVOKED, −EPERM
 */
export function mayLink(keyring: Key, key: Key | null, charge: (units: number) => void): number {
  if (keyring.links === null) return -ENOTDIR;
  if (keyring.isRevoked) return -EKEYREVOKED;
  if (keyring.refusesLinks) return -EPERM;
  if (key === null || key.links === null) return 0;
  if (key === keyring) return -EDEADLK;
  let level = [key];
  for (let depth = 0; level.length > 0; depth++) {
    const below = new Set<Key>();
    for (const each of level) {
      charge(1 + (each.rings!.size >> 4));
      if (each.isInvalidated || each.isRevoked) continue;
      for (const ring of each.rings!) {
        if (ring === keyring) return -EDEADLK;
        below.add(ring);
      }
    }
    if (depth === DEPTH_MAX && below.size > 0) return -ELOOP;
    level = [...below];
  }
  return 0;
}

/** 0; −ENOTDIR; −ENOENT: it is not in there. */
export function unlinkKey(keys: Keys, keyring: Key, key: Key): number {
  if (keyring.links === null) return -ENOTDIR;
  if (keyring.links.get(key.index) !== key) return -ENOENT;
  keys.unlink(keyring, key);
  return 0;
}
