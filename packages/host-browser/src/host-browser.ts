/**
 * Stratos in a browser: the ports of `host` over what a page's worker has. So far what AegisFS needs; see
 * ARCHITECTURE.md.
 */
export { browserCipher } from "./browser-cipher.ts";
export { browserClock } from "./browser-clock.ts";
export { OpfsBlockDevice } from "./opfs-block-device.ts";
export type { SyncAccessHandle } from "./opfs-block-device.ts";
export { formatVolume, openVolume } from "./volume.ts";
export type { NewVolume, OpenedVolume, VolumeOptions } from "./volume.ts";
export { loadZstd } from "./zstd-codec.ts";
