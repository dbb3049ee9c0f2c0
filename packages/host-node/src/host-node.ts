/**
 * The ports of `host` on Node, and what belongs to a computer that runs Node: where state is kept, how progress is
 * shown.
 */
export { NodeWasmEngine } from "./wasm-engine.ts";
export { NodeClock } from "./clock.ts";
export { NodeEventLoop } from "./event-loop.ts";
export { nodePorts } from "./machine-ports.ts";
export { FileBlockDevice } from "./file-block-device.ts";
export { sleepSync } from "./sleep-sync.ts";
export { waitForEndingMount } from "./ending-mount.ts";
export { FileLockedError, lockFile, lockOwner, mountControlPath, removeLeftovers } from "./file-lock.ts";
export { NodeFileTree } from "./node-file-tree.ts";
export { stratosHome, homeFolder, readConfig, type StratosConfig } from "./stratos-home.ts";
export { ProgressDisplay, type ProgressOutput } from "./progress-display.ts";
export { NodeConsole } from "./node-console.ts";
export { openStreamIn, openStreamOut } from "./host-stream.ts";
export type { PublishedPort } from "./published-ports.ts";
export { NodeSocketProvider } from "./socket-provider.ts";
export { zstdCodec } from "./zstd-codec.ts";
export { ThreadCodecPool } from "./thread-codec-pool.ts";
export { nodeCipher } from "./node-cipher.ts";
export { FilterError, withEnvironmentFilters } from "./volume-filters.ts";
export {
  environmentPassphrase,
  mountDevices,
  openVolumeDevices,
  PassphraseError,
  VOLUME_CODECS,
  volumePaths,
  type VolumeDevices,
} from "./volume-devices.ts";
export { isRunning, processWords } from "./running-process.ts";
