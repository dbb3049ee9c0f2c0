import { CAP_LAST_CAP } from "@stratos/abi";
import type { LandlockDomain } from "./landlock.ts";
import { INITIAL_USER_NAMESPACE, type UserNamespace } from "./user-namespace.ts";

/**
 * Identity of a task (credentials(7), capabilities(7)). Immutable: a change makes a new object, shared by whoever
 * forked. Ids are those of the initial user namespace.
 */
export interface Credentials {
  /** In which its capabilities count, and whose ids it speaks of. */
  readonly userNamespace: UserNamespace;
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  /** Capability sets as pairs of 32-bit words [low, high] would be BigInt work: 41 capabilities fit a double. */
  readonly effective: number;
  readonly permitted: number;
  readonly inheritable: number;
  readonly bounding: number;
  readonly ambient: number;
  readonly noNewPrivileges: boolean;
  /** landlock(7): what it has given up; null: nothing. */
  readonly landlock: LandlockDomain | null;
  readonly secureBits: number;
}

/** Bits 0 … 40 set. */
export const ALL_CAPABILITIES = 2 ** (CAP_LAST_CAP + 1) - 1;

export const ROOT: Credentials = {
  userNamespace: INITIAL_USER_NAMESPACE,
  uid: 0,
  euid: 0,
  suid: 0,
  fsuid: 0,
  gid: 0,
  egid: 0,
  sgid: 0,
  fsgid: 0,
  groups: [],
  effective: ALL_CAPABILITIES,
  permitted: ALL_CAPABILITIES,
  inheritable: 0,
  bounding: ALL_CAPABILITIES,
  ambient: 0,
  noNewPrivileges: false,
  landlock: null,
  secureBits: 0,
};

/** Is the capability in the set? */
export function hasCapability(set: number, capability: number): boolean {
  return Math.floor(set / 2 ** capability) % 2 === 1;
}

/**
 * May it use the capability over what `userNamespace` owns? Its effective set counts in its own user namespace and all
 * below; and who made a namespace has every capability there, as long as he stands in the one above it
 * (user_namespaces(7), "Capabilities").
 */
export function isCapable(
  credentials: Credentials,
  capability: number,
  userNamespace: UserNamespace = INITIAL_USER_NAMESPACE,
): boolean {
  const own = credentials.userNamespace;
  for (let at: UserNamespace = userNamespace; ; at = at.parent!) {
    if (at === own) return hasCapability(credentials.effective, capability);
    if (at.level <= own.level) return false;
    if (at.parent === own && at.creatorUid === credentials.euid) return true;
  }
}

export function uniteCapabilities(one: number, other: number): number {
  const low = ((one % 0x100000000) | (other % 0x100000000)) >>> 0;
  return (Math.floor(one / 0x100000000) | Math.floor(other / 0x100000000)) * 0x100000000 + low;
}

export function intersectCapabilities(one: number, other: number): number {
  const low = ((one % 0x100000000) & (other % 0x100000000)) >>> 0;
  return (Math.floor(one / 0x100000000) & Math.floor(other / 0x100000000)) * 0x100000000 + low;
}

/** Every member of `part` is in `whole`. */
export function isCapabilitySubset(part: number, whole: number): boolean {
  return intersectCapabilities(part, whole) === part;
}

/**
 * Did a change of identity make secrets reachable that the process had no right to before? Then its memory isn't shown
 * to others and leaves no core (prctl(2), PR_SET_DUMPABLE), and no signal tells it of its parent's death.
 *
 * @see kernel/cred.c, commit_creds
 */
export function losesDumpability(old: Credentials, now: Credentials): boolean {
  return (
    old.euid !== now.euid ||
    old.egid !== now.egid ||
    old.fsuid !== now.fsuid ||
    old.fsgid !== now.fsgid ||
    !isCapabilitySubset(now.permitted, old.permitted)
  );
}

/** Are its real, effective and saved ids all these? */
export function hasOnlyIds({ uid, euid, suid, gid, egid, sgid }: Credentials, user: number, group: number): boolean {
  return uid === user && euid === user && suid === user && gid === group && egid === group && sgid === group;
}

export function isInGroup(credentials: Credentials, gid: number): boolean {
  return credentials.fsgid === gid || credentials.groups.includes(gid);
}
