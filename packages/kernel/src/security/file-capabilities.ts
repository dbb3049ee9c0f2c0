import {
  CAP_LAST_CAP,
  EINVAL,
  EOVERFLOW,
  VFS_CAP_FLAGS_EFFECTIVE,
  VFS_CAP_REVISION_SHIFT,
  VfsNsCapData,
} from "@stratos/abi";
import type { MountIdMap } from "./mount-id-map.ts";
import type { UserNamespace } from "./user-namespace.ts";

/** The attribute of a file that gives capabilities to who executes it (capabilities(7), "File capabilities"). */
export const FILE_CAPABILITIES = "security.capability";

export interface FileCapabilities {
  readonly permitted: number;
  readonly inheritable: number;
  readonly isEffective: boolean;
}

const DATA = VfsNsCapData.offset.data;
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const revisionOf = (bytes: Uint8Array): number =>
  bytes.length < 4 ? 0 : viewOf(bytes).getUint32(0, true) >>> VFS_CAP_REVISION_SHIFT;

/** By revision: where the structure ends, and how many words each set has there. */
const REVISIONS: ReadonlyMap<number, { size: number; words: number }> = new Map([
  [1, { size: DATA + 8, words: 1 }],
  [2, { size: VfsNsCapData.offset.rootid, words: 2 }],
  [3, { size: VfsNsCapData.size, words: 2 }],
]);
const HIGH_WORD = 2 ** (CAP_LAST_CAP + 1 - 32);

/**
 * The attribute as it is kept, when somebody in the namespace sets it to `given`, which is of revision 2, or 3 with a
 * root. Below the initial namespace it is for its root alone, and so it is on a mount that shows other owners.
 *
 * @returns −EINVAL
 */
export function fileCapabilitiesToKeep(
  given: Uint8Array,
  { parent, rootUid, uids }: UserNamespace,
  idMap: MountIdMap | null,
): Uint8Array | number {
  const revision = revisionOf(given);
  if (revision < 2 || REVISIONS.get(revision)?.size !== given.length) return -EINVAL;
  const meant = revision === 3 ? uids.toKernel(rootOf(given)) : rootUid;
  const root = idMap === null || meant < 0 ? meant : idMap.keptUid(meant);
  if (root < 0) return -EINVAL;
  return revision === 2 && parent === null && idMap === null ? given : withRoot(given, root);
}

/** The attribute as who is in the namespace reads it. @returns −EOVERFLOW: its root has no name there; −EINVAL: none */
export function shownFileCapabilities(
  kept: Uint8Array,
  userNamespace: UserNamespace,
  idMap: MountIdMap | null,
): Uint8Array | number {
  const revision = revisionOf(kept);
  if (revision < 2 || REVISIONS.get(revision)?.size !== kept.length) return -EINVAL;
  if (kept.length !== VfsNsCapData.size && idMap === null) return kept;
  const root = rootOn(kept, idMap);
  const own = userNamespace.uids.fromKernel(root);
  if (own > 0) return withRoot(kept, own);
  if (!hasRoot(userNamespace, root)) return -EOVERFLOW;
  return ofRevision(kept, 2);
}

/** The attribute of a file by way of a mount, to be read by who sees the mount's owners. */
export function shownCapabilitiesOn(kept: Uint8Array, idMap: MountIdMap): Uint8Array {
  const revision = revisionOf(kept);
  if (revision < 2 || REVISIONS.get(revision)?.size !== kept.length) return kept;
  return withRoot(kept, rootOn(kept, idMap));
}

/** The reverse. @returns −EINVAL: the mount has no number for its root */
export function keptCapabilitiesOn(shown: Uint8Array, idMap: MountIdMap): Uint8Array | number {
  const revision = revisionOf(shown);
  if (revision < 2 || REVISIONS.get(revision)?.size !== shown.length) return shown;
  const root = idMap.keptUid(revision === 3 ? rootOf(shown) : 0);
  return root < 0 ? -EINVAL : withRoot(shown, root);
}

/** Whose root it is for, as a mount shows that; −1: nobody's. What names no root is for that of the file system. */
function rootOn(kept: Uint8Array, idMap: MountIdMap | null): number {
  if (kept.length === VfsNsCapData.size) return idMap === null ? rootOf(kept) : idMap.shownUid(rootOf(kept));
  return idMap === null ? 0 : idMap.shownUid(idMap.inner.rootUid);
}

function rootOf(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(VfsNsCapData.offset.rootid, true);
}

function withRoot(bytes: Uint8Array, root: number): Uint8Array {
  const made = ofRevision(bytes, 3);
  viewOf(made).setUint32(VfsNsCapData.offset.rootid, root, true);
  return made;
}

function ofRevision(bytes: Uint8Array, revision: number): Uint8Array {
  const made = new Uint8Array(REVISIONS.get(revision)!.size);
  made.set(bytes.subarray(0, VfsNsCapData.offset.rootid));
  const flags = viewOf(bytes).getUint32(0, true) & VFS_CAP_FLAGS_EFFECTIVE;
  viewOf(made).setUint32(0, ((revision << VFS_CAP_REVISION_SHIFT) | flags) >>> 0, true);
  return made;
}

/** @returns null: it gives nothing in the namespace, or is none */
export function parseFileCapabilities(
  bytes: Uint8Array,
  userNamespace: UserNamespace,
  idMap: MountIdMap | null,
): FileCapabilities | null {
  const view = viewOf(bytes);
  const word = (at: number): number => view.getUint32(at, true);
  const revision = REVISIONS.get(revisionOf(bytes));
  if (revision === undefined || bytes.length !== revision.size) return null;
  // Those of revision 3 are for whose namespace has that root, and on a mount that shows other owners all are.
  const hasOwner = bytes.length === VfsNsCapData.size || idMap !== null;
  if (hasOwner && !hasRoot(userNamespace, rootOn(bytes, idMap))) return null;
  const set = (at: number): number => word(at) + (revision.words === 1 ? 0 : (word(at + 8) % HIGH_WORD) * 2 ** 32);
  const isEffective = (word(0) & VFS_CAP_FLAGS_EFFECTIVE) !== 0;
  return { permitted: set(DATA), inheritable: set(DATA + 4), isEffective };
}

/** Is the user root of the namespace, or of one above? */
function hasRoot(userNamespace: UserNamespace, uid: number): boolean {
  if (uid < 0) return false;
  for (let at: UserNamespace | null = userNamespace; at !== null; at = at.parent) if (at.rootUid === uid) return true;
  return false;
}
