/**
 * What outputs need of Node: disks in files, OCI layouts and roots in folders. A registry's transport has a door of its
 * own, as HTTP takes its time to load.
 */
export { FileDisk } from "./file-disk.ts";
export { OciLayoutFolder, FileBlob } from "./oci-layout-folder.ts";
export { folderTree, type FolderTreeOptions } from "./folder-tree.ts";
export { nodeDiskCipher } from "./disk-cipher.ts";
export { RepositoryFolder } from "./repository-folder.ts";
export { applyDelta, readDelta, writeDelta } from "./delta-folder.ts";
export { readAttributes, trySetAttributes, type AttributedFile } from "./host-attributes.ts";
