/**
 * Goal: a sandbox, or a program, that cannot be started leaves nothing behind. Method: machines over a volume in memory
 * that holds no program.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES } from "@stratos/abi";
import type { Board } from "@stratos/kernel";
import { createBoard } from "@stratos/machine";
import { MachineSession, SessionError } from "@stratos/session";
import { type FileStatus, StratosError } from "./api.ts";
import { copyFiles } from "./file-trees.ts";
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

test("files are used as a user: what he may not is refused, what is made is his, and root is root after it", () => {
  const machine = startMachine(newBoard());
  const { files } = machine;
  const user = { uid: 1000, gid: 100, groups: [7] };
  files.makeFolder("/own", 0o700);
  files.write("/own/secret", Uint8Array.of(1), 0o600);
  files.makeFolder("/all", 0o777);
  files.setAttributes("/all", { mode: 0o777, uid: 0, gid: 0, modifiedMs: 0 });
  files.write("/all/tool", Uint8Array.of(2), 0o755);
  files.setAttributes("/all/tool", { mode: 0o4755, uid: 0, gid: 0, modifiedMs: 0 });
  files.asUser(user, () => {
    assert.equal(files.read("/own/secret"), -EACCES);
    assert.equal(files.list("/own"), -EACCES);
    assert.equal(files.rename("/own", "/all/own"), -EACCES);
    assert.equal(files.write("/all/mine", Uint8Array.of(3), 0o644), 0);
    assert.equal(files.write("/all/tool", Uint8Array.of(3), 0o644), -EACCES);
    assert.equal(copyFiles(files, { from: "/all/tool", to: "/all/copy" }, false), 0);
  });
  const status = (path: string): unknown => {
    const { uid, gid, mode } = files.status(path) as FileStatus;
    return [uid, gid, mode.toString(8)];
  };
  assert.deepEqual(status("/all/mine"), [1000, 100, "644"]);
  assert.deepEqual(status("/all/copy"), [1000, 100, "755"]);
  assert.throws(() =>
    files.asUser(user, () => {
      throw new Error("within");
    }),
  );
  assert.deepEqual(files.read("/own/secret"), Uint8Array.of(1));
  machine.close();
});
