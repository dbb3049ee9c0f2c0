/**
 * The ports of `host` on Node, and what belongs to a computer that runs Node: where state is kept, what its processes
 * hold.
 */
export { NodeEventLoop } from "./event-loop.ts";
export { nodePorts } from "./machine-ports.ts";
export { FileBlockDevice } from "./file-block-device.ts";
export { giveWay } from "./give-way.ts";
export { sleepSync } from "./sleep-sync.ts";
export { waitForEndingMount } from "./ending-mount.ts";
export { NodeFileTree } from "./node-file-tree.ts";
export { configPath, stratosHome, homeFolder, readConfig, type StratosConfig } from "./stratos-home.ts";
export { NodeConsole } from "./node-console.ts";
export { openStreamIn, openStreamOut } from "./host-stream.ts";
export { type PublishedPort, refusedPort } from "./published-ports.ts";
export { NodeSocketProvider } from "./socket-provider.ts";
export { NodeStreamSocket } from "./stream-socket.ts";
export { zstdCodec } from "./zstd-codec.ts";
export { ThreadCodecPool } from "./thread-codec-pool.ts";
export { nodeCipher } from "./node-cipher.ts";
export { isRunning, processWords } from "./running-process.ts";
export { makeChecksumLanes, makeStagedLanes } from "./checksum-lanes.ts";
export { NodeClock } from "./clock.ts";
export { FileLockedError, lockFile, lockOwner, mountControlPath, removeLeftovers } from "./file-lock.ts";
export { type KeptFile, NodeCodeArchive } from "./code-archive.ts";
export { lispVersion, sourcesVersion } from "./source-version.ts";
export { ownFlags } from "./own-process.ts";
export { NodeWasmEngine } from "./wasm-engine.ts";
