/** Extended attributes that name users, in a layer that shows its files with other owners. */
import { EINVAL, isAclName, isErrno, parseAcl, serializeAcl } from "@stratos/abi";
import { FILE_CAPABILITIES, keptCapabilitiesOn, shownCapabilitiesOn } from "../../security/file-capabilities.ts";
import type { MountIdMap } from "../../security/mount-id-map.ts";

/** @param kept  as the layer's file has it */
export function shownAttribute(idMap: MountIdMap, name: string, kept: Uint8Array): Uint8Array {
  if (name === FILE_CAPABILITIES) return shownCapabilitiesOn(kept, idMap);
  const acl = isAclName(name) ? parseAcl(kept) : -EINVAL;
  return isErrno(acl) ? kept : serializeAcl(idMap.shownAcl(acl));
}

/** @returns −EINVAL: the layer has no number for one of them */
export function keptAttribute(idMap: MountIdMap, name: string, shown: Uint8Array): Uint8Array | number {
  if (name === FILE_CAPABILITIES) return keptCapabilitiesOn(shown, idMap);
  const acl = isAclName(name) ? parseAcl(shown) : -EINVAL;
  if (isErrno(acl)) return shown;
  const kept = idMap.keptAcl(acl);
  // Entries that name nobody have no number either.
  return kept.some(({ id }, index) => id < 0 && acl[index]!.id >= 0) ? -EINVAL : serializeAcl(kept);
}
