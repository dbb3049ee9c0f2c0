/**
 * Goal: workers follow the queue within what was set, and none that has a task is stopped.
 * Method: a hub and its machines in virtual time, under a seed: workers that start late or never, that die, commands
 * that fail; tasks that come in bursts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { SCALE_SETTINGS as SETTINGS, TICK_MS, WorkingHosts } from "../testing/working-hosts.ts";
import { HostRoom } from "./host-room.ts";
import { Scaler, type Machines, type ScaleSettings } from "./scaler.ts";

/** A queue whose hosts are its machines. */
class World extends WorkingHosts implements Machines {
  workersMost = 0;
  workerMs = 0;
  readonly drainsMs: number[] = [];
  /** Those of another scaler. */
  readonly foreign = new Set<string>();
  startDelayMs = (): number => 20_000;
  refusal?: () => string | null;
  stopFails = (): boolean => false;
  readonly scaler: Scaler;

  constructor(settings: ScaleSettings, taskMs?: number) {
    super(settings.capacity, taskMs);
    this.scaler = new Scaler(settings, this, this, (message) => void this.told.push(message));
  }

  override async disable(host: string): Promise<void> {
    await super.disable(host);
    this.drainsMs.push(this.nowMs);
  }

  has(name: string): boolean {
    return this.workers.has(name) && !this.foreign.has(name);
  }
  async start(name: string): Promise<void> {
    assert.ok(!this.workers.has(name), `${name} is there`);
    this.startsMs.push(this.nowMs);
    this.begins(name, this.startDelayMs());
  }
  async stop(name: string): Promise<void> {
    if (this.stopFails()) throw new Error("no answer");
    assert.ok(this.workers.has(name), `${name} is there`);
    this.stops(name);
  }

  kill(name: string): void {
    assert.ok(this.workers.has(name), `${name} is there`);
    this.dies(name);
  }

  async run(seconds: number, each: () => void = () => {}): Promise<void> {
    for (const untilMs = this.nowMs + seconds * 1_000; this.nowMs < untilMs; this.nowMs += TICK_MS) {
      each();
      this.work();
      await this.scaler.tick(this.nowMs);
      this.workersMost = Math.max(this.workersMost, this.workers.size);
      this.workerMs += this.workers.size * TICK_MS;
    }
  }
}

test("a burst gets workers up to the bound; when they have stood idle, as many go as may", async () => {
  const world = new World(SETTINGS);
  await world.run(60);
  assert.deepEqual([...world.workers.keys()], ["auto-1"]);
  world.waitingTasks = 100;
  await world.run(120);
  assert.equal(world.workers.size, 6);
  await world.run(3_600);
  assert.equal(world.completed, 100);
  assert.equal(world.workersMost, 6);
  assert.equal(world.workers.size, 1);
  assert.equal(world.interrupted, 0);
  assert.match(world.told.at(-1)!, /^\d → 1 workers: they have no work$/);
});

test("a host that is busy, or has no memory left, gets no more workers; else they come one at a time", async () => {
  // Each worker keeps one processor of four busy, and takes 3 of 16 GB.
  for (const [bounds, most, why] of [
    [{ cpuPercentMax: 60, memoryBytesMin: null }, 3, "this host's processors are busy for 75 % of the time"],
    [{ cpuPercentMax: null, memoryBytesMin: 8_000 * (1 << 20) }, 3, "this host has 7000 MiB of free memory"],
    [{ cpuPercentMax: 99, memoryBytesMin: 1 << 20 }, 4, null],
  ] as const) {
    const world = new World({ ...SETTINGS, workersMin: 1, workersMax: 4 });
    const used = { busyMs: 0, idleMs: 0 };
    const room = new HostRoom(bounds, () => {
      const busy = world.workers.size;
      used.busyMs += busy * TICK_MS;
      used.idleMs += (4 - busy) * TICK_MS;
      return { ...used, freeBytes: (16_000 - 3_000 * busy) * (1 << 20) };
    });
    world.refusal = () => room.refusal();
    world.waitingTasks = 100;
    await world.run(600);
    assert.equal(world.workersMost, most);
    const gaps = world.startsMs.slice(1).map((ms, index) => ms - world.startsMs[index]!);
    assert.ok(
      gaps.every((ms) => ms >= 30_000),
      gaps.join(),
    );
    const told = world.told.filter((text) => text.includes("no more for now"));
    assert.deepEqual(told, why === null ? [] : [`3 workers, and no more for now: ${why}`]);
    await world.run(3_600);
    assert.deepEqual([world.completed, world.workers.size, world.interrupted], [100, 1, 0]);
  }
});

test("a pause that is shorter than the idle time stops nobody", async () => {
  const world = new World(SETTINGS);
  for (let burst = 0; burst < 5; burst++) {
    world.waitingTasks += 12;
    await world.run(290);
    assert.equal(world.workers.size, 6, `burst ${burst}`);
  }
  assert.equal(world.startsMs.length, 6);
});

test("workers that never come up are started again no faster than the cool-down, and given up", async () => {
  const world = new World({ ...SETTINGS, workersMin: 0 });
  world.startDelayMs = () => Infinity;
  world.waitingTasks = 1;
  await world.run(3_600);
  assert.ok(world.startsMs.length >= 2 && world.startsMs.length <= 12, `${world.startsMs.length} starts`);
  assert.ok(world.told.includes("auto-1 is not heard of: stopped"));
  assert.equal(world.workersMost, 1);
});

test("when the hours of a day are spent, workers end their tasks and go, but for the fewest", async () => {
  const world = new World({ ...SETTINGS, hoursPerDay: 12 });
  world.waitingTasks = 1_000_000;
  await world.run(20 * 3_600);
  // Six workers for two hours, then one for eighteen; the half is for tasks that were begun.
  const hours = world.workerMs / 3_600_000;
  assert.ok(hours > 30 && hours < 30.5, `${hours} hours`);
  assert.equal(world.workers.size, 1);
  assert.equal(world.interrupted, 0);
  await world.run(8 * 3_600);
  assert.equal(world.workers.size, 1, "the staying one spends the limit by itself");
});

test("a worker that an administrator drains ends its tasks and goes; another takes its place", async () => {
  const world = new World(SETTINGS, 600_000);
  world.waitingTasks = 24;
  await world.run(300);
  const drained = world.workers.get("auto-3")!;
  drained.enabled = false;
  await world.run(100);
  assert.equal(world.workers.get("auto-3"), drained);
  assert.equal(drained.runs.length, 2);
  await world.run(600);
  assert.notEqual(world.workers.get("auto-3"), drained);
  assert.equal(world.workers.size, 6);
  assert.equal(world.interrupted, 0);
  assert.equal(world.workersMost, 6);
});

test("a scaler that is started anew takes over the workers of the pool, and no other host", async () => {
  const world = new World(SETTINGS);
  for (const name of ["auto-2", "auto-x", "other-1"]) world.workers.set(name, { onlineMs: 0, enabled: true, runs: [] });
  await world.run(60);
  assert.deepEqual(world.scaler.names, ["auto-2"]);
  assert.equal(world.startsMs.length, 0);
});

test("workers that a killed scaler left count for the bound, and keep their names", async () => {
  const world = new World(SETTINGS);
  for (const name of ["auto-1", "auto-3"]) {
    world.workers.set(name, { onlineMs: 0, enabled: true, runs: [] });
    world.foreign.add(name);
  }
  world.waitingTasks = 500;
  await world.run(600);
  assert.deepEqual(world.scaler.names, ["auto-2", "auto-4", "auto-5", "auto-6"]);
  assert.equal(world.workers.size, 6);
});

test("under faults all tasks are done, within the bounds, and at rest only the fewest are left", async () => {
  for (let round = 0; round < 20; round++) {
    const seed = round * 7_919 + 1;
    const random = new SeededRandom(seed);
    const chance = (): number => random.below(1_000_000) / 1_000_000;
    const world = new World(SETTINGS);
    world.startDelayMs = () => (chance() < 0.2 ? Infinity : chance() * 120_000);
    world.stopFails = () => chance() < 0.3;
    let submitted = 0;
    await world.run(4 * 3_600, () => {
      if (chance() < 0.02) {
        const tasks = Math.floor(chance() * 60);
        submitted += tasks;
        world.waitingTasks += tasks;
      }
      const names = [...world.workers.keys()];
      if (names.length > 0 && chance() < 0.01) world.kill(names[Math.floor(chance() * names.length)]!);
    });
    world.startDelayMs = () => 20_000;
    await world.run(4 * 3_600);
    const words = `seed ${seed}`;
    assert.equal(world.completed, submitted, words);
    assert.ok(world.workersMost <= 6, words);
    assert.equal(world.workers.size, 1, words);
    assert.equal(world.interrupted, 0, words);
    const growths = [...new Set(world.startsMs)];
    for (let at = 1; at < growths.length; at++)
      assert.ok(growths[at]! - growths[at - 1]! >= SETTINGS.upSeconds * 1_000, words);
    for (const drainMs of world.drainsMs)
      for (const otherMs of [...world.startsMs, ...world.drainsMs])
        assert.ok(otherMs >= drainMs || drainMs - otherMs >= SETTINGS.downSeconds * 1_000, words);
  }
});
