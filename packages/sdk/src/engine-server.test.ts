/**
 * Goal: one volume that cannot be written keeps nothing else from being closed, and what a call leaves is let go of.
 * Method: an engine over volumes in memory, asked as a library asks it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EIO } from "@stratos/abi";
import type { Volume } from "@stratos/aegisfs";
import { StratosError } from "./api.ts";
import type { EngineHost, OpenedRoot } from "./engine-host.ts";
import { EngineServer } from "./engine-server.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import type { FromEngine, OperationName, Operations } from "./protocol.ts";
import { MIB, ports, volumeWith } from "./testing/memory-volume.ts";

/** A volume called `bad` cannot be written. */
class MemoryHost implements EngineHost {
  readonly ports = ports;
  readonly clock = ports.clock;
  readonly closed: string[] = [];
  readonly dropped: number[] = [];

  openVolume({ path }: { readonly path: unknown }): OpenedRoot {
    return { volume: path === "bad" ? unwritable() : volumeWith(), close: () => void this.closed.push(String(path)) };
  }

  async openImage(): ReturnType<EngineHost["openImage"]> {
    const info = { name: "", architecture: "riscv64", suite: null, createdAt: "", packages: [], sizeBytes: 0 };
    return { volume: volumeWith(), close: () => void this.closed.push("image"), info, changes: null };
  }

  openNetwork(): never {
    throw new Error("no network");
  }

  hostFolders(): [] {
    return [];
  }

  dropAttached(numbers: readonly number[]): void {
    this.dropped.push(...numbers);
  }
}

function unwritable(): Volume {
  const volume = volumeWith();
  volume.sync = () => -EIO;
  return volume;
}

/** The library's side of an engine. */
class Asker {
  readonly host = new MemoryHost();
  readonly server: EngineServer;
  readonly #answers = new Map<number, (answer: FromEngine) => void>();
  #lastCall = 0;

  constructor() {
    const reader = new FrameReader(({ head }) => {
      const answer = head as FromEngine;
      this.#answers.get(answer.call)?.(answer);
    });
    this.server = new EngineServer(this.host, (bytes) => reader.push(bytes));
  }

  async ask<Name extends OperationName>(op: Name, request: Operations[Name]): Promise<FromEngine> {
    const call = ++this.#lastCall;
    const answer = new Promise<FromEngine>((resolve) => {
      this.#answers.set(call, resolve);
    });
    this.server.receive(encodeFrame({ call, op, request }));
    return answer;
  }

  async open<Name extends OperationName>(op: Name, request: Operations[Name]): Promise<number> {
    const answer = await this.ask(op, request);
    assert.ok("answer" in answer, JSON.stringify(answer));
    return answer.answer as number;
  }
}

function isVolumeFailure(error: unknown): boolean {
  return error instanceof StratosError && error.kind === "volume";
}

test("an engine that ends closes all volumes, whichever cannot be written", async () => {
  const asker = new Asker();
  for (const path of ["first", "bad", "last"]) await asker.open("open-volume", { path });
  assert.throws(() => asker.server.close(), isVolumeFailure);
  assert.deepEqual(asker.host.closed, ["first", "bad", "last"]);
});

test("a board that ends closes all of its sandboxes, and what each of them has", async () => {
  const asker = new Asker();
  const board = await asker.open("create-board", { memoryBytes: 256 * MIB });
  for (const path of ["bad", "good"])
    await asker.open("create", { board, memoryBytes: 64 * MIB, volumes: [{ path, guest: "/data" }] });
  const answer = await asker.ask("close", { target: board });
  assert.equal("failure" in answer && answer.failure.kind, "volume");
  assert.deepEqual(asker.host.closed, ["image", "bad", "image", "good"]);
});

test("what was attached for a call that is refused is dropped", async () => {
  const asker = new Asker();
  const volumes = [{ path: [4], guest: "/data" }];
  assert.ok("failure" in (await asker.ask("create", { image: [1, 2], volumes, harts: 0 })));
  await asker.open("open-volume", { path: [7] });
  assert.deepEqual(asker.host.dropped, [1, 2, 4, 7]);
});
