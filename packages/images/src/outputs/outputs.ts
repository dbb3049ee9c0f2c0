/** Roots as trees: read from anything that holds one, written as any format; registries. */
export type { Qcow2Compression } from "@stratos/formats";
export { aegisRoot } from "./aegis-root.ts";
export { convertDisk, createDisk, describeDisk, DISK_TARGETS, type DiskTarget, resizeDisk } from "./disk-image.ts";
export { FOREIGN_FORMATS } from "./foreign-disk.ts";
export { registryCredentials } from "./registry-credentials.ts";
export { newestTime, openTreeSource, type TreeSource } from "./tree-source.ts";
export { withNewDisk, writeFile, writeOutput } from "./write-output.ts";
