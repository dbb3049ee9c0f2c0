/**
 * Goal: a sandbox that is closed, or whose time comes, while it is rolled back has ended. Method: a sandbox over a
 * volume in memory, whose image opens when the test says.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mount, type Volume } from "@stratos/aegisfs";
import { MemoryCodeArchive, SimulatedEventLoop } from "@stratos/host";
import type { CloneUse, EngineHost } from "./engine-host.ts";
import { SandboxTarget } from "./sandbox-target.ts";
import { formattedDevice, MIB, ports } from "./testing/memory-volume.ts";

const WORK = { check() {}, onProgress() {} };

class MemoryHost implements EngineHost {
  readonly loop = new SimulatedEventLoop();
  readonly ports = { ...ports, loop: this.loop };
  readonly clock = ports.clock;
  openCount = 0;
  /** Asked for by these homes. */
  readonly archives: (string | undefined)[] = [];
  /** Images open once it has resolved. */
  ready: Promise<void> = Promise.resolve();

  async openImage(_request: unknown, use: CloneUse | "read"): ReturnType<EngineHost["openImage"]> {
    await this.ready;
    const info = { name: "", architecture: "riscv64", suite: null, createdAt: "", packages: [], sizeBytes: 0 };
    const changes = (use === "read" ? null : use.changes) ?? formattedDevice();
    this.openCount++;
    return { volume: mount(changes, {}) as Volume, close: () => void this.openCount--, info, changes };
  }

  codeArchive(home: string | undefined): MemoryCodeArchive {
    this.archives.push(home);
    return new MemoryCodeArchive();
  }

  openVolume(): never {
    throw new Error("no volumes");
  }

  openNetwork(): never {
    throw new Error("no network");
  }

  hostFolders(): [] {
    return [];
  }
}

/** On its way back to a snapshot. */
async function rollingBack(onTimeout: "stop" | "checkpoint") {
  const host = new MemoryHost();
  const request = { memoryBytes: 64 * MIB, timeoutMs: 1000, onTimeout };
  const target = await SandboxTarget.open({ host, request, board: null }, {}, WORK);
  await target.takeSnapshot("here");
  let open!: () => void;
  host.ready = new Promise((resolve) => {
    open = resolve;
  });
  return { host, target, open, rolledBack: target.returnTo("here", WORK) };
}

test("a sandbox that is closed while it is rolled back stays closed", async () => {
  const { host, target, open, rolledBack } = await rollingBack("stop");
  target.close();
  open();
  await assert.rejects(rolledBack, { kind: "closed", message: /was closed/ });
  assert.throws(() => target.machine, { kind: "closed", message: /was closed/ });
  assert.equal(host.openCount, 0);
});

for (const onTimeout of ["stop", "checkpoint"] as const)
  test(`a life that ends while the sandbox is rolled back has ended: ${onTimeout}`, async () => {
    const { host, target, open, rolledBack } = await rollingBack(onTimeout);
    while (host.loop.nowMs() < 1000) assert.ok(host.loop.step());
    open();
    await assert.rejects(rolledBack, { kind: "limit" });
    assert.equal(host.openCount, 0);
    if (onTimeout === "stop") await assert.rejects(target.save(), { kind: "limit" });
    else assert.ok((await target.save()).length > 0);
    target.close();
  });

test("a sandbox uses the translations that are kept in its home, unless it is to use none", async () => {
  const host = new MemoryHost();
  for (const codeCache of [undefined, true, false]) {
    const request = { memoryBytes: 64 * MIB, home: "/home", codeCache };
    (await SandboxTarget.open({ host, request, board: null }, {}, WORK)).close();
  }
  assert.deepEqual(host.archives, ["/home", "/home"]);
});
