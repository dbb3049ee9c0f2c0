/**
 * Images on this host: their store, the volumes that they are, and what runs in them. What builds them is
 * `@stratos/images/build`, what fills and reads them `@stratos/images/content`, what is usual
 * `@stratos/images/defaults`. Failures are OperationErrors.
 */
export { EMPTY_INPUT, lineOutput } from "./guest-command.ts";
export { runInGuest } from "./run-in-guest.ts";
export {
  type ImageDescription,
  type ImageDraft,
  type ImageEntry,
  ImageStore,
  type ImageTransaction,
  stateNames,
} from "./image-store.ts";
export {
  cloneVolume,
  cloneVolumeDurably,
  cloneVolumeToLayer,
  watchedLayers,
  createVolume,
  type OpenVolume,
  openVolumeReadOnly,
} from "./image-volume.ts";
export { layerContent } from "./layer-content.ts";
export { lockForChange } from "./lock-image.ts";
export { readInstalledPackages } from "./installed-packages.ts";
export { defaultImage, openImage } from "./open-image.ts";
export { hostFolders, type SharedFolder } from "./host-folders.ts";
