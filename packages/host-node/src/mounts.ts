/** What Linux has mounted, in this mount namespace and in others. */
export { findMountElsewhere, type MountSeen, oldestFirst } from "./mount-namespaces.ts";
export {
  AEGISFS_BLOCK_TYPE,
  AEGISFS_TYPE,
  fileOfOwnLoop,
  findMount,
  type MountEntry,
  readMountTable,
} from "./mount-table.ts";
export { deviceNumbers, isWriteProtected } from "./write-protection.ts";
