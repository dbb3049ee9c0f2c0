/**
 * Goal: a sandbox, or a program, that cannot be started leaves nothing behind. Method: machines over a volume in memory
 * that holds no program.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Files, format, mount, type Volume } from "@stratos/aegisfs";
import {
  MemoryBlockDevice,
  SimulatedClock,
  SimulatedEventLoop,
  SimulatedRandomSource,
  WebAssemblyEngine,
  type WebAssemblyNamespace,
} from "@stratos/host";
import type { Board } from "@stratos/kernel";
import { createBoard } from "@stratos/machine";
import { MachineSession, SessionError } from "@stratos/session";
import { StratosError } from "./api.ts";
import { MachineFiles } from "./machine-files.ts";
import { type MountedVolume, SandboxMachine } from "./sandbox-machine.ts";
import { VolumeFiles } from "./volume-files.ts";

declare const WebAssembly: WebAssemblyNamespace;

const MIB = 1 << 20;
const REQUEST = { target: 1, env: {}, user: "0", hasInput: false };
const LISTENER = { onStarted: () => {}, onRead: () => {}, onOutput: () => {} };

const ports = {
  engine: new WebAssemblyEngine(WebAssembly),
  clock: new SimulatedClock(0),
  random: new SimulatedRandomSource(1),
  loop: new SimulatedEventLoop(),
};

/** @param file  the one that it has */
function volumeWith(file?: string): Volume {
  const device = new MemoryBlockDevice(16 * MIB);
  assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  const volume = mount(device, {});
  if (typeof volume === "string") throw new Error(volume);
  if (file !== undefined)
    assert.equal(new VolumeFiles(new Files(volume, { clock: ports.clock })).write(file, new Uint8Array(1), 0o644), 0);
  return volume;
}

function newBoard(): Board {
  return createBoard({ engine: ports.engine, memoryBytes: 256 * MIB, nowMs: () => 0 });
}

function startMachine(board: Board, volumes: readonly MountedVolume[] = []): SandboxMachine {
  const image = { volume: volumeWith("/file") };
  return new SandboxMachine({ board, memoryBytes: 64 * MIB, ports, image, sockets: null, folders: [], volumes });
}

test("a volume that cannot be mounted leaves the board's memory to others", () => {
  const board = newBoard();
  const { freeBytes } = board;
  const volume = volumeWith();
  const isMount = (error: unknown): boolean => error instanceof StratosError && error.kind === "mount";
  for (let i = 0; i < 5; i++) assert.throws(() => startMachine(board, [{ guest: "/file", volume }]), isMount);
  assert.deepEqual([board.freeBytes, board.kernels.size], [freeBytes, 0]);
});

test("a root that cannot have the system's folders leaves the board's memory to others", () => {
  const board = newBoard();
  const { freeBytes } = board;
  const options = { ports, board, memoryBytes: 64 * MIB, volume: volumeWith("/dev"), log: () => {} };
  for (let i = 0; i < 5; i++) assert.throws(() => new MachineSession(options), SessionError);
  assert.deepEqual([board.freeBytes, board.kernels.size], [freeBytes, 0]);
});

test("a program that is not found leaves no terminal", () => {
  const machine = startMachine(newBoard());
  const terminals = (): unknown => new MachineFiles(machine.kernel).list("/dev/pts");
  const before = terminals();
  for (const request of [{ command: ["/absent"] }, { command: ["/absent"], cwd: "/nowhere" }])
    assert.throws(
      () => machine.start({ ...REQUEST, ...request, tty: { columns: 80, rows: 24 } }, LISTENER),
      SessionError,
    );
  assert.deepEqual(terminals(), before);
  machine.close();
});
