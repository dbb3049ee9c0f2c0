import { CAP_LAST_CAP, EINVAL, EOVERFLOW } from "@stratos/abi";
import type { UserNamespace } from "./user-namespace.ts";

/** The attribute of a file that gives capabilities to who executes it (capabilities(7), "File capabilities"). */
export const FILE_CAPABILITIES = "security.capability";

export interface FileCapabilities {
  readonly permitted: number;
  readonly inheritable: number;
  readonly isEffective: boolean;
}

/** Sizes of `struct vfs_cap_data` and `vfs_ns_cap_data` by revision, and how many words each set has there. */
const REVISIONS: ReadonlyMap<number, { size: number; words: number }> = new Map([
  [1, { size: 12, words: 1 }],
  [2, { size: 20, words: 2 }],
  [3, { size: 24, words: 2 }],
]);
const EFFECTIVE_FLAG = 1;
const HIGH_WORD = 2 ** (CAP_LAST_CAP + 1 - 32);

/**
 * The attribute as it is kept, when somebody in the namespace sets it to `given`, which is of revision 2, or 3 with a
 * root. Below the initial namespace it is for its root alone.
 *
 * @returns −EINVAL
 */
export function fileCapabilitiesToKeep(
  given: Uint8Array,
  { parent, rootUid, uids }: UserNamespace,
): Uint8Array | number {
  const revision = given[3] ?? 0;
  if (revision < 2 || REVISIONS.get(revision)?.size !== given.length) return -EINVAL;
  const root = revision === 3 ? uids.toKernel(rootOf(given)) : rootUid;
  if (root < 0) return -EINVAL;
  return revision === 2 && parent === null ? given : withRoot(given, root);
}

/** The attribute as who is in the namespace reads it. @returns −EOVERFLOW: its root has no name there */
export function shownFileCapabilities(kept: Uint8Array, userNamespace: UserNamespace): Uint8Array | number {
  if (kept.length !== 24) return kept;
  const root = userNamespace.uids.fromKernel(rootOf(kept));
  if (root > 0) return withRoot(kept, root);
  if (!hasRoot(userNamespace, rootOf(kept))) return -EOVERFLOW;
  const plain = kept.slice(0, 20);
  plain[3] = 2;
  return plain;
}

function rootOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(20, true);
}

function withRoot(bytes: Uint8Array, root: number): Uint8Array {
  const made = new Uint8Array(24);
  made.set(bytes.subarray(0, 20));
  made[3] = 3;
  new DataView(made.buffer).setUint32(20, root, true);
  return made;
}

/** @returns null: it gives nothing in the namespace, or is none */
export function parseFileCapabilities(bytes: Uint8Array, userNamespace: UserNamespace): FileCapabilities | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const revision = REVISIONS.get(bytes[3] ?? 0);
  if (revision === undefined || bytes.length !== revision.size) return null;
  // Those of revision 3 are for whose namespace has that root.
  if (bytes.length === 24 && !hasRoot(userNamespace, rootOf(bytes))) return null;
  const set = (at: number): number =>
    view.getUint32(at, true) + (revision.words === 1 ? 0 : (view.getUint32(at + 8, true) % HIGH_WORD) * 2 ** 32);
  return { permitted: set(4), inheritable: set(8), isEffective: (bytes[0]! & EFFECTIVE_FLAG) !== 0 };
}

/** Is the user root of the namespace, or of one above? */
function hasRoot(userNamespace: UserNamespace, uid: number): boolean {
  for (let at: UserNamespace | null = userNamespace; at !== null; at = at.parent) if (at.rootUid === uid) return true;
  return false;
}
