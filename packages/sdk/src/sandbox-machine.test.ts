/**
 * Goal: a sandbox, or a program, that cannot be started leaves nothing behind. Method: machines over a volume in memory
 * that holds no program.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Board } from "@stratos/kernel";
import { createBoard } from "@stratos/machine";
import { MachineSession, SessionError } from "@stratos/session";
import { StratosError } from "./api.ts";
import { MachineFiles } from "./machine-files.ts";
import { type MountedVolume, SandboxMachine } from "./sandbox-machine.ts";
import { MIB, ports, volumeWith } from "./testing/memory-volume.ts";

const REQUEST = { target: 1, env: {}, user: "0", hasInput: false };
const LISTENER = { onStarted: () => {}, onRead: () => {}, onOutput: () => {} };

function newBoard(): Board {
  return createBoard({ engine: ports.engine, memoryBytes: 256 * MIB, nowMs: () => 0 });
}

function startMachine(board: Board, volumes: readonly MountedVolume[] = []): SandboxMachine {
  const image = { volume: volumeWith("/file"), changes: null };
  return new SandboxMachine({
    board,
    memoryBytes: 64 * MIB,
    ports,
    image,
    sockets: null,
    folders: [],
    volumes,
    saved: null,
    trusted: null,
    onEvent: () => {},
  });
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
      () => machine.start({ ...REQUEST, ...request, tty: { columns: 80, rows: 24 } }, LISTENER, new Uint8Array(0)),
      SessionError,
    );
  assert.deepEqual(terminals(), before);
  machine.close();
});
