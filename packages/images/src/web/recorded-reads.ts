/** Which blocks of an image a machine reads until its shell waits for input: the same each time (a seeded machine). */
import { BLOCK_SIZE, GUEST_LIMITS, mountOverlay, MOUNT_ERROR_WORDS } from "@stratos/aegisfs";
import { byteStringOf, utf8ToByteString } from "@stratos/base";
import { type BlockDevice, type HostConsole, MemoryBlockDevice } from "@stratos/host";
import { nodePorts, zstdCodec } from "@stratos/host-node";
import { attachConsole, openConsoleTerminal } from "@stratos/kernel";
import { OperationError } from "@stratos/operation";
import { MachineSession, rootShell } from "@stratos/session";
import { DEFAULT_MEMORY } from "../defaults.ts";

const SEED = 1;
const CHANGES_BYTES = 2 ** 30;
/** What a shell's start, or one line that it is given, may take. */
const LIMIT_MS = 600_000;

/** Notes which blocks are read. */
class RecordingDevice implements BlockDevice {
  readonly readOnly = true;
  readonly blocks = new Set<number>();
  readonly #device: BlockDevice;

  constructor(device: BlockDevice) {
    this.#device = device;
  }

  get size(): number {
    return this.#device.size;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    const end = offset + length;
    for (let block = Math.floor(offset / BLOCK_SIZE); block * BLOCK_SIZE < end; block++) this.blocks.add(block);
    return this.#device.read(offset, bytes, at, length);
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.#device.write(offset, bytes, at, length);
  }

  flush(): number {
    return 0;
  }

  resize(size: number): number {
    return this.#device.resize(size);
  }

  discard(): void {}
}

/** A terminal at which nobody sits. */
class SilentConsole implements HostConsole {
  readonly isTerminal = true;
  readonly room = 65536;
  readonly pending = 0;
  type: (bytes: Uint8Array) => void = () => {};

  write(): void {}
  discardOutput(): void {}
  onWritable(): void {}
  onResize(): void {}

  size(): { rows: number; columns: number } {
    return { rows: 24, columns: 80 };
  }

  onInput(listener: (bytes: Uint8Array | null) => void): void {
    this.type = listener;
  }
}

/**
 * Starts root's shell, then gives it the lines, each when it waits for input.
 *
 * @param layers  from the bottom up, read-only
 * @returns for the start and each line the blocks of each layer that it was the first to read, ascending
 * @throws OperationError when the shell does not come to wait for input
 */
export async function recordReads(
  name: string,
  layers: readonly BlockDevice[],
  lines: readonly string[],
): Promise<number[][][]> {
  const devices = layers.map((device) => new RecordingDevice(device));
  const volume = mountOverlay(devices, new MemoryBlockDevice(CHANGES_BYTES), {
    ...GUEST_LIMITS,
    volatile: true,
    codecs: [zstdCodec],
  });
  if (typeof volume === "string") throw new OperationError("image", name, MOUNT_ERROR_WORDS[volume]);
  const session = new MachineSession({
    ports: nodePorts(),
    volume,
    memoryBytes: DEFAULT_MEMORY,
    seed: SEED,
    log: () => {},
  });
  const { kernel } = session.machine;
  const silent = new SilentConsole();
  const line = openConsoleTerminal(kernel, attachConsole(kernel, silent));
  session.start(rootShell(volume, "xterm-256color"), [line, line.retain(), line.retain()]);
  const known = devices.map(() => new Set<number>());
  const phases: number[][][] = [];
  const waiting = [...lines];
  session.pump.gate = {
    isBlocked: false,
    beforeTurn: () => {},
    onIdle: () => {
      phases.push(
        devices.map(({ blocks }, layer) => {
          const fresh = [...blocks].filter((block) => !known[layer]!.has(block)).sort((a, b) => a - b);
          for (const block of fresh) known[layer]!.add(block);
          return fresh;
        }),
      );
      const next = waiting.shift();
      if (next === undefined) session.stop();
      else silent.type(byteStringOf(utf8ToByteString(`${next}\r`)));
    },
  };
  const end = await session.run(LIMIT_MS);
  session.close();
  if (phases.length === lines.length + 1) return phases;
  const at = phases.length === 0 ? "the shell" : `"${lines[phases.length - 1]}"`;
  throw new OperationError(
    "image",
    name,
    end.kind === "timed out" ? `${at} does not come to an end in ${LIMIT_MS / 1000} s` : `${at} ended the shell`,
  );
}
