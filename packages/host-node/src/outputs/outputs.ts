/** What outputs need of Node: disks in files, OCI layouts and roots in folders, a registry's transport. */
export { FileDisk } from "./file-disk.ts";
export { OciLayoutFolder, FileBlob } from "./oci-layout-folder.ts";
export { folderTree, type FolderTreeOptions } from "./folder-tree.ts";
export { NodeHttpTransport } from "./http-transport.ts";
export { nodeCodecs, type CodecLevels } from "../node-codecs.ts";
export { RepositoryFolder } from "./repository-folder.ts";
