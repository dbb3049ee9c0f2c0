/**
 * Goal: a sandbox that is closed, or whose time comes, while it is rolled back has ended. Method: a sandbox over a
 * volume in memory, whose image opens when the test says.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mount, type Volume } from "@stratos/aegisfs";
import { MemoryCodeArchive, SimulatedEventLoop } from "@stratos/host";
import type { CloneUse, EngineHost, MachineDisplay, OpenDisplay } from "./engine-host.ts";
import { SandboxTarget } from "./sandbox-target.ts";
import { formattedDevice, MIB, ports } from "./testing/memory-volume.ts";

const WORK = { check() {}, onProgress() {} };

/** What a display is asked, and how it is. */
class NotedDisplay implements MachineDisplay {
  readonly environment = { WAYLAND_DISPLAY: "wayland-0" };
  readonly said: string[] = [];
  isAtRest = true;
  viewer: { send(message: string | Uint8Array): void; close(): void } | null = null;

  connect(viewer: NonNullable<NotedDisplay["viewer"]>, mayAct: boolean): ReturnType<MachineDisplay["connect"]> {
    this.viewer = viewer;
    this.said.push(`comes, ${mayAct ? "acts" : "looks"}`);
    return {
      take: (text, isHeard) => void this.said.push(`${text}, ${isHeard === true ? "heard" : "not heard"}`),
      leave: () => void this.said.push("leaves"),
    };
  }

  close(): void {
    this.said.push("closed");
  }
}

class MemoryHost implements EngineHost {
  readonly loop = new SimulatedEventLoop();
  readonly ports = { ...ports, loop: this.loop };
  readonly clock = ports.clock;
  openCount = 0;
  /** Asked for by these homes. */
  readonly archives: (string | undefined)[] = [];
  /** Of whom displays are, and the last of them. */
  readonly users: number[] = [];
  display = new NotedDisplay();
  /** Images open once it has resolved. */
  ready: Promise<void> = Promise.resolve();

  async openImage(_request: unknown, use: CloneUse | "read"): ReturnType<EngineHost["openImage"]> {
    await this.ready;
    const info = { name: "", architecture: "riscv64", suite: null, createdAt: "", packages: [], sizeBytes: 0 };
    const changes = (use === "read" ? null : use.changes) ?? formattedDevice();
    this.openCount++;
    return { volume: mount(changes, {}) as Volume, close: () => void this.openCount--, info, changes };
  }

  async displays(): Promise<OpenDisplay> {
    return (_, { uid }) => {
      this.users.push(uid);
      return (this.display = new NotedDisplay());
    };
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

test("a display is shown to who looks, hears nothing of a paused machine, and is closed with it", async () => {
  const host = new MemoryHost();
  const request = { memoryBytes: 64 * MIB, display: { user: "1000" } };
  const target = await SandboxTarget.open({ host, request, board: null }, {}, WORK);
  const { display } = host;
  const told: string[] = [];
  let read = 0;
  const going = target.show(
    true,
    (stream, bytes) => void told.push(`${stream} ${Buffer.from(bytes).toString()}`),
    (count) => void (read += count),
  );
  display.viewer!.send("words");
  display.viewer!.send(Buffer.from("pixels"));
  assert.deepEqual(told, ["2 words", "1 pixels"]);
  going.input!.push(Buffer.from("first"));
  target.machine.setPaused(true);
  going.input!.push(Buffer.from("second"));
  assert.equal(read, 11);
  going.kill();
  await going.ended;
  target.close();
  assert.deepEqual(display.said, ["comes, acts", "first, heard", "second, not heard", "leaves", "closed"]);
  assert.deepEqual([host.users, host.openCount], [[1000], 0]);
  const without = await SandboxTarget.open({ host, request: { memoryBytes: 64 * MIB }, board: null }, {}, WORK);
  assert.throws(
    () =>
      without.show(
        true,
        () => {},
        () => {},
      ),
    { kind: "option", message: /made without one/ },
  );
  without.close();
});

test("what is saved waits for a display in the midst of something, and not for ever", async () => {
  const host = new MemoryHost();
  const request = { memoryBytes: 64 * MIB, display: { user: "root" } };
  await assert.rejects(SandboxTarget.open({ host, request, board: null }, {}, WORK), { kind: "user" });
  assert.equal(host.openCount, 0);
  const numbered = { ...request, display: { user: "0" } };
  const target = await SandboxTarget.open({ host, request: numbered, board: null }, {}, WORK);
  assert.equal(target.settle(), null);
  host.display.isAtRest = false;
  let isSettled = false;
  const settling = target.settle()!.then(() => (isSettled = true));
  for (let turn = 0; turn < 3; turn++) {
    host.loop.step();
    await new Promise(setImmediate);
  }
  assert.equal(isSettled, false);
  host.display.isAtRest = true;
  while (!isSettled) {
    host.loop.step();
    await new Promise(setImmediate);
  }
  await settling;
  target.close();
});
