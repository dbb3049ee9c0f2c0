/**
 * Goal: workers as Jobs follow the queue as others do, by five verbs; what a cluster does to them, and an API server
 * that refuses, hangs up or forgets, is told and got over.
 * Method: the scaler in virtual time, before an API server that holds requests against Kubernetes' rules and permits
 * what the Role of docs/hub.md says.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { extendedTest } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { parse } from "yaml";
import { failure, TestCluster, type TestJob } from "../../testing/test-cluster.ts";
import { SCALE_SETTINGS as SETTINGS, TICK_MS, WorkingHosts } from "../../testing/working-hosts.ts";
import { Scaler, type ScaleSettings } from "../scaler.ts";
import type { ApiPlace } from "./api-place.ts";
import { JobClient } from "./job-client.ts";
import { KubernetesMachines } from "./kubernetes-machines.ts";
import { plainTemplate, templateFault, workerJob } from "./worker-job.ts";

const NAMESPACE = "builds";

/** Verbs of the Role in the guide. */
const guide = readFileSync(new URL("../../../../../docs/hub.md", import.meta.url), "utf8");
const [role] = [...guide.matchAll(/```yaml\n(apiVersion: rbac[^]*?)\n---/g)].map((match) => parse(match[1]!));
const { verbs } = (role as { rules: { verbs: string[] }[] }).rules[0]!;

const place: ApiPlace = {
  server: "https://cluster.example",
  namespace: NAMESPACE,
  ca: null,
  client: null,
  serverName: null,
  token: () => "good",
};

/** A hub whose hosts are the pods of a cluster. */
class World extends WorkingHosts {
  readonly cluster = new TestCluster({ namespace: NAMESPACE, verbs });
  jobsMost = 0;
  /** null: there is no room for its pod. */
  startDelayMs = (): number | null => 20_000;
  machines!: KubernetesMachines;
  scaler!: Scaler;

  constructor() {
    super(SETTINGS.capacity);
    this.cluster.known.add("good");
    this.cluster.onCreate = (job) => {
      this.startsMs.push(this.nowMs);
      const delay = this.startDelayMs();
      this.cluster.setStatus(job.metadata.name, { active: 1, ready: delay === null ? 0 : 1 });
      this.begins(workerOf(job), delay ?? Infinity);
    };
    this.cluster.onDelete = (job) => this.stops(workerOf(job));
    this.begin();
  }

  /** A scaler that knows nothing yet. */
  begin(settings: Partial<ScaleSettings> = {}): void {
    const all = { ...SETTINGS, ...settings };
    const template = plainTemplate("stratos:1", "/run/key");
    assert.equal(templateFault(template, NAMESPACE), null);
    const tell = (message: string): void => void this.told.push(message);
    this.machines?.close();
    this.machines = new KubernetesMachines(all.pool, new JobClient(place, this.cluster.transport), {
      tell,
      job: (name) =>
        workerJob(template, name, { pool: all.pool, hub: "https://hub", args: () => [], namespace: NAMESPACE }),
    });
    this.scaler = new Scaler(all, this, this.machines, tell);
  }

  /** What a Job's controller does when its pods failed too often. */
  fail(worker: string): void {
    this.dies(worker);
    const conditions = [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded", message: "too often" }];
    this.cluster.setStatus(`stratos-${worker}`, { active: 0, ready: 0, conditions });
  }

  async run(seconds: number, each: () => void = () => {}): Promise<void> {
    for (const untilMs = this.nowMs + seconds * 1_000; this.nowMs < untilMs; this.nowMs += TICK_MS) {
      each();
      this.work();
      // What the cluster told arrives.
      await turn();
      try {
        await this.scaler.tick(this.nowMs);
      } catch (error) {
        this.told.push((error as Error).message);
      }
      this.jobsMost = Math.max(this.jobsMost, this.alive.length);
    }
    await turn();
  }

  get alive(): string[] {
    return [...this.cluster.jobs.values()].filter(({ status }) => status["conditions"] === undefined).map(workerOf);
  }
}

test("a worker of an image alone has a place for what it keeps, whoever it runs as", () => {
  const pod = { pool: "auto", hub: "https://hub", args: () => [], namespace: NAMESPACE };
  const { spec } = workerJob(plainTemplate("stratos:1", "/run/key"), "auto-1", pod) as unknown as {
    spec: { template: { spec: { containers: [{ env: object[]; volumeMounts: object[] }]; volumes: object[] } } };
  };
  const { containers, volumes } = spec.template.spec;
  const [{ env, volumeMounts }] = containers;
  assert.deepEqual(
    env.find((variable) => (variable as { name: string }).name === "STRATOS_HOME"),
    {
      name: "STRATOS_HOME",
      value: "/state",
    },
  );
  assert.deepEqual(volumeMounts[1], { name: "state", mountPath: "/state" });
  assert.deepEqual(volumes[1], { name: "state", emptyDir: {} });
});

const workerOf = (job: TestJob): string => job.metadata.labels["stratos/worker"]!;

test("a burst gets Jobs up to the bound, which go when they have no work; five verbs are enough", async () => {
  const world = new World();
  await world.run(60);
  assert.deepEqual([...world.cluster.jobs.keys()], ["stratos-auto-1"]);
  const [job] = world.cluster.jobs.values();
  assert.deepEqual(job!.metadata.labels, {
    "app.kubernetes.io/managed-by": "stratos-hub-scale",
    "stratos/pool": "auto",
    "stratos/worker": "auto-1",
  });
  assert.deepEqual(job!.spec.template.metadata.labels, job!.metadata.labels);
  assert.deepEqual(job!.spec.template.spec.containers[0]!.env.slice(0, 2), [
    { name: "STRATOS_WORKER", value: "auto-1" },
    { name: "STRATOS_HUB", value: "https://hub" },
  ]);
  world.waitingTasks = 100;
  await world.run(120);
  assert.equal(world.alive.length, 6);
  await world.run(3_600);
  assert.deepEqual([world.completed, world.jobsMost, world.alive.length, world.interrupted], [100, 6, 1, 0]);
  assert.match(world.told.at(-1)!, /^\d → 1 workers: they have no work$/);
  const asked = new Set(world.cluster.asked);
  assert.deepEqual([...asked].sort(), ["create", "delete", "list", "watch"]);
  // A watch, and not a list at each look.
  assert.ok(world.cluster.asked.filter((verb) => verb === "list").length === 1);
});

test("a scaler that is started anew finds its Jobs, those that are not at the hub yet, too", async () => {
  const world = new World();
  world.startDelayMs = () => 100_000;
  world.waitingTasks = 12;
  await world.run(20);
  assert.equal(world.startsMs.length, 6);
  world.begin();
  await world.run(60);
  assert.deepEqual([...world.scaler.names].sort(), ["auto-1", "auto-2", "auto-3", "auto-4", "auto-5", "auto-6"]);
  assert.ok(world.told.includes("6 workers are there already"), world.told.join("\n"));
  assert.equal(world.startsMs.length, 6);
  await world.run(3_600);
  assert.deepEqual([world.completed, world.alive.length], [12, 1]);
});

test("Jobs without room for their pods are named, deleted after the limit, and tried again later", async () => {
  const world = new World();
  world.startDelayMs = () => null;
  await world.run(100);
  assert.deepEqual(world.told, [
    "0 → 1 workers: 0 tasks wait",
    "auto-1 is waited for: the pod of its Job stratos-auto-1 is not ready, for want of room or of its image: " +
      "`kubectl -n builds describe pods -l job-name=stratos-auto-1` says why",
  ]);
  await world.run(900);
  assert.match(world.told[2]!, /^auto-1 is not heard of: stopped; the pod of its Job stratos-auto-1 is not ready/);
  assert.ok(world.startsMs.length >= 3 && world.startsMs.length <= 4, world.startsMs.join());
  assert.equal(world.jobsMost, 1);
  world.startDelayMs = () => 0;
  await world.run(400);
  assert.deepEqual([world.alive.length, world.workers.size], [1, 1]);
});

test("a Job that fails is named with its reason; three stay to be looked at, and others take their place", async () => {
  const world = new World();
  await world.run(20);
  for (let round = 0; round < 5; round++) {
    world.fail(world.alive[0]!);
    await world.run(60);
    assert.equal(world.alive.length, 1, `round ${round}`);
  }
  assert.ok(
    world.told.includes(
      "auto-1 ended by itself; its Job stratos-auto-1 failed (BackoffLimitExceeded: too often); " +
        "`kubectl -n builds logs job/stratos-auto-1` has its last words",
    ),
    world.told.join("\n"),
  );
  const failed = [...world.cluster.jobs.values()].filter(({ status }) => status["conditions"] !== undefined);
  assert.equal(failed.length, 3);
  const gaps = world.startsMs.slice(1).map((ms, index) => ms - world.startsMs[index]!);
  assert.ok(
    gaps.every((ms) => ms >= 30_000),
    gaps.join(),
  );
});

test("a Job that somebody deleted, or that is complete, is replaced; what is complete is cleaned up", async () => {
  const world = new World();
  await world.run(40);
  world.workers.delete("auto-1");
  world.cluster.remove("stratos-auto-1");
  await world.run(60);
  assert.ok(world.told.includes("auto-1 ended by itself; its Job is gone"), world.told.join("\n"));
  assert.equal(world.alive.length, 1);
  world.workers.clear();
  world.cluster.setStatus("stratos-auto-1", { conditions: [{ type: "Complete", status: "True" }] });
  await world.run(60);
  assert.deepEqual([world.cluster.jobs.size, world.alive.length], [1, 1]);
});

test("a create whose answer is lost makes no second Job; a name that somebody else has is left", async () => {
  const world = new World();
  const make = world.cluster.onCreate;
  world.cluster.onCreate = (job) => {
    make(job);
    world.cluster.onCreate = make;
    throw new Error("socket hang up");
  };
  await world.run(20);
  assert.match(world.told[1]!, /^auto-1 was not started: .*cannot be asked: socket hang up$/);
  await world.run(60);
  assert.deepEqual([world.startsMs.length, world.scaler.names], [1, ["auto-1"]]);

  const other = new World();
  const metadata = { name: "stratos-auto-1", namespace: NAMESPACE, uid: "u", resourceVersion: "", labels: {} };
  const [mine] = world.cluster.jobs.values();
  other.cluster.add({ ...mine!, metadata: { ...metadata, creationTimestamp: "" } });
  await other.run(100);
  const words = "auto-1 was not started: there is a Job stratos-auto-1 in builds which is none of this pool's";
  assert.ok(other.told.includes(words), other.told.join("\n"));
  assert.equal(other.cluster.jobs.get("stratos-auto-1")!.metadata.uid, "u");
  assert.ok(!other.cluster.asked.includes("delete"));
});

test("what the API server refuses is told in words; what it asks for by Retry-After is heeded", async () => {
  for (const [change, words] of [
    [
      (world: World) => world.cluster.known.clear(),
      /does not know who asks; the token or certificate is no good \(401\)/,
    ],
    [
      (world: World) => (world.cluster.verbs = []),
      /does not permit to list jobs in the namespace builds \(403\): jobs/,
    ],
    [(world: World) => (world.cluster.verbs = ["list", "watch"]), /auto-1 was not started: .* permit to create .*403/],
    [(world: World) => void world.cluster.faults.push(null, null, null), /cannot be asked: socket hang up/],
  ] as const) {
    const world = new World();
    change(world);
    await world.run(20);
    assert.match(world.told.join("\n"), words);
    assert.equal(world.startsMs.length, 0);
  }
  const world = new World();
  world.cluster.faults.push(failure(429, "TooManyRequests", "slowly", { "Retry-After": "95" }));
  await world.run(90);
  assert.equal(world.cluster.asked.length, 1);
  assert.match(world.told[0]!, /asks to come less often \(429\): slowly$/);
  await world.run(40);
  assert.deepEqual(world.alive, ["auto-1"]);
  // Without a right to watch the list does, and it is said once.
  const blind = new World();
  blind.cluster.verbs = verbs.filter((verb) => verb !== "watch");
  await blind.run(300);
  assert.deepEqual(blind.alive, ["auto-1"]);
  assert.equal(
    blind.told.filter((text) => /permit to watch .*the list is asked for at each look/.test(text)).length,
    1,
  );
  assert.ok(blind.cluster.asked.filter((verb) => verb === "list").length > 20);
});

test("a server that is away ends no worker; a watch goes on, and one that is too old begins anew", async () => {
  const world = new World();
  world.waitingTasks = 12;
  await world.run(40);
  world.cluster.endWatches();
  await world.run(10);
  assert.deepEqual([world.cluster.watching, world.cluster.asked.filter((verb) => verb === "list").length], [1, 1]);
  world.cluster.bookmark();
  world.cluster.endWatches();
  world.cluster.compacted = 1_000;
  await world.run(10);
  world.cluster.compacted = 0;
  await world.run(20);
  assert.deepEqual([world.cluster.watching, world.cluster.asked.filter((verb) => verb === "list").length], [1, 2]);
  world.cluster.endWatches();
  const told = world.told.length;
  await world.run(600, () => world.cluster.faults.splice(0, Infinity, null, null, null));
  world.cluster.faults.length = 0;
  assert.equal(world.told.slice(told).filter((text) => /ended by itself|not heard of/.test(text)).length, 0);
  assert.equal(world.alive.length, 6);
  await world.run(3_600);
  assert.deepEqual([world.completed, world.alive.length, world.interrupted], [12, 1, 0]);
});

test("many Jobs are read in pages", async () => {
  const world = new World();
  await world.run(20);
  const [mine] = world.cluster.jobs.values();
  for (let number = 2; number <= 1_201; number++) {
    const worker = `auto-${number}`;
    const labels = { ...mine!.metadata.labels, "stratos/worker": worker };
    world.cluster.add({ ...mine!, metadata: { ...mine!.metadata, labels, name: `stratos-${worker}`, uid: worker } });
  }
  world.begin({ workersMax: 2_000, workersMin: 1_201 });
  await world.run(10);
  assert.equal(world.scaler.names.length, 1_201);
});

extendedTest("under faults of cluster and server all tasks are done, within the bounds", async () => {
  for (let round = 0; round < 6; round++) {
    const seed = round * 7_919 + 1;
    const random = new SeededRandom(seed);
    const chance = (): number => random.below(1_000_000) / 1_000_000;
    const world = new World();
    world.startDelayMs = () => (chance() < 0.2 ? null : chance() * 120_000);
    let submitted = 0;
    await world.run(3 * 3_600, () => {
      if (chance() < 0.02) {
        const tasks = Math.floor(chance() * 60);
        submitted += tasks;
        world.waitingTasks += tasks;
      }
      const alive = world.alive;
      if (alive.length > 0 && chance() < 0.01) world.fail(alive[Math.floor(chance() * alive.length)]!);
      if (chance() < 0.02) world.cluster.endWatches();
      if (chance() < 0.01) world.begin();
      if (chance() < 0.03) world.cluster.faults.push(null);
      if (chance() < 0.02) world.cluster.faults.push(failure(500, "InternalError", "etcdserver: request timed out"));
      if (chance() < 0.02) world.cluster.faults.push(failure(429, "TooManyRequests", "", { "Retry-After": "20" }));
      if (chance() < 0.01) world.cluster.faults.push(failure(410, "Expired", "too old"));
    });
    world.startDelayMs = () => 20_000;
    world.cluster.faults.length = 0;
    await world.run(2 * 3_600);
    const words = `seed ${seed}`;
    assert.equal(world.completed, submitted, words);
    assert.ok(world.jobsMost <= 6, words);
    assert.equal(world.alive.length, 1, words);
    assert.ok(world.cluster.jobs.size <= 4, words);
    assert.equal(world.interrupted, 0, words);
    assert.ok(!world.cluster.asked.some((verb) => !verbs.includes(verb)), words);
  }
});
