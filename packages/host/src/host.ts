/**
 * Ports: every touch of the world outside the computer goes through one of these interfaces. Each has a real form
 * in `host-node` or `host-browser` and a deterministic one in `simulated/`. All are synchronous but the event
 * loop itself, the socket provider and the console's input, which call back from that loop, never re-entrantly.
 */
export type { WasmEngine, WasmMemory, WasmModule, WasmInstance, WasmTable } from "./wasm-engine.ts";
export { ARCHIVE_PIECES_MAX, type ArchiveName, type ArchivePieces, type CodeArchive } from "./code-archive.ts";
export { WebAssemblyEngine } from "./web-assembly-engine.ts";
export type { WebAssemblyNamespace } from "./web-assembly-engine.ts";
export type { Clock, CpuClock } from "./clock.ts";
export { DELAY_MS_MAX } from "./event-loop.ts";
export type { EventLoop } from "./event-loop.ts";
export type { MachinePorts } from "./machine-ports.ts";
export type { RandomSource } from "./random-source.ts";
export type { BlockDevice } from "./block-device.ts";
export type { CompressionCodec } from "./codec.ts";
export { PIECES_MAX, PIECE_SIZE_MAX } from "./codec-pool.ts";
export type { CodecPool } from "./codec-pool.ts";
export { CIPHER_TAG_SIZE } from "./cipher.ts";
export type { Cipher, CipherKey, KeyDerivation } from "./cipher.ts";
export type { HostConsole } from "./host-console.ts";
export type { HostStreamIn, HostStreamOut } from "./host-stream.ts";
export type { HostFileTree, HostStat, HostFile, HostUsage } from "./host-file-tree.ts";
export type {
  SocketProvider,
  HostSocket,
  HostSocketEvents,
  HostSocketOption,
  BindOptions,
  HostAddress,
  HostInterfaceAddress,
  HostSocketType,
} from "./socket-provider.ts";
export { ByteQueue } from "./byte-queue.ts";
export { DATAGRAM_OVERHEAD, DatagramQueue } from "./datagram-queue.ts";
export { FRAME_HEADER_SIZE, LINK_BYTES_MAX, LINK_FRAMES_MAX } from "./link.ts";
export type { Link, LinkEvents } from "./link.ts";
export { makeLinkPair, makeLoopbackLink } from "./memory-link.ts";
export type { LinkEndOptions } from "./memory-link.ts";
export { SimulatedClock } from "./simulated/clock.ts";
export { SimulatedEventLoop } from "./simulated/event-loop.ts";
export { SimulatedRandomSource } from "./simulated/random-source.ts";
export { SimulatedCipher } from "./simulated/cipher.ts";
export { MemoryCodeArchive } from "./simulated/memory-code-archive.ts";
export { SerialCodecPool } from "./simulated/serial-codec-pool.ts";
export { FlushedBlockDevice } from "./simulated/flushed-block-device.ts";
export { MemoryBlockDevice } from "./simulated/memory-block-device.ts";
export { SimulatedConsole } from "./simulated/simulated-console.ts";
export { SimulatedStreamIn, SimulatedStreamOut } from "./simulated/simulated-stream.ts";
export { SimulatedNetwork, SimulatedSocketProvider } from "./simulated/socket-provider.ts";
export { MemoryFileTree } from "./simulated/memory-file-tree.ts";
