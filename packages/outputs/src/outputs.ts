/**
 * What a composed root becomes: images in registries, bootable disks, installed systems. Formats themselves are in
 * `formats`.
 */
export { parseReference, formatReference, ReferenceError, type ImageReference } from "./oci/reference.ts";
export {
  RegistryClient,
  choosePlatform,
  parseIndex,
  parseManifest,
  type Manifest,
  type ManifestValue,
  type RegistryOptions,
  type RegistryPorts,
} from "./oci/registry-client.ts";
export { RegistryError } from "./oci/registry-session.ts";
export type { BlobStore, HttpRequest, HttpResponse, HttpTransport, RegistryCredentials } from "./oci/registry-ports.ts";
export { TreeDraft } from "./tree/tree-draft.ts";
export { treeArchitecture } from "./tree/tree-architecture.ts";
export { bootcImage, bootcLayout, startedRoot, type BootcLayout } from "./ostree/bootc-layout.ts";
export { deployedTree, signedDeployment, type DeployedTree, type DeployOptions } from "./ostree/deployed-tree.ts";
export { TreePaths } from "./tree/tree-paths.ts";
export { initramfs, type InitramfsOptions } from "./boot/initramfs.ts";
export {
  bootFiles,
  findKernel,
  type BootArchitecture,
  type BootFiles,
  type BootLoader,
  type BootOptions,
} from "./boot/boot-files.ts";
export {
  ROOT_FORMATS,
  type RootFileSystem,
  type RootFormat,
  type RootOptions,
  type RootShare,
} from "./disk/root-format.ts";
export { planDiskImage, derivedId, type DiskImageOptions, type DiskPlan } from "./disk/disk-image.ts";
export { planPartitionedDisk, type PartitionedDiskOptions } from "./disk/partitioned-disk.ts";
export {
  PARTITION_FILE_SYSTEMS,
  PartitionError,
  partitionProblems,
  type DiskPartition,
  type PartitionEncryption,
  type PartitionFileSystem,
  type PartitionProblem,
} from "./disk/partition-table.ts";
export { writeIsoImage, type IsoImageOptions } from "./disk/iso-image.ts";
export { mountText, planInstall, type InstallOptions, type InstallPlan } from "./install/install.ts";
export { INSTALL_SCHEMA, type InstallConfig, type PartitionConfig, type UserConfig } from "./install/install-schema.ts";
export { defaultPartitions, planPartitions, type PlannedPartition } from "./install/partition-plan.ts";
export { writeCloudSeed, type CloudSeed } from "./cloud/cloud-seed.ts";
