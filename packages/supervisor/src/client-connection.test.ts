/**
 * Goal: a client asks the system that it has opened, and what it lets go of, or does not wait for, leaves nothing
 * behind. Method: clients over channels in memory, a supervisor in a folder of its own, and engines that are scripts.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { EngineClient } from "@stratos/sdk/client";
import type { Denial, SessionView, SystemSpec, SystemView } from "@stratos/sdk/api";
import { PROTOCOL, type SupervisorClient, type SupervisorOperations, type TerminalSized } from "@stratos/sdk/systems";
import { FrameReader } from "@stratos/sdk/wire";
import { ClientConnection } from "./client-connection.ts";
import { Supervisor } from "./supervisor.ts";
import { ScriptedEngines, SPEC } from "./testing/scripted-engines.ts";

const FORK = { count: 2, identity: "fresh", prefix: "f" } as const;
const RESUME = { name: "back", mounts: [], network: "none", ports: [] } as const;

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

class Served {
  readonly engines = new ScriptedEngines();
  readonly folder: string;
  readonly #supervisor: Supervisor;

  constructor(t: TestContext) {
    const parent = mkdtempSync(join(tmpdir(), "stratos-systems-"));
    t.after(() => rmSync(parent, { recursive: true, force: true }));
    this.folder = join(parent, "systems");
    mkdirSync(this.folder);
    this.#supervisor = new Supervisor(parent, this.folder, () => {}, this.engines);
  }

  /**
   * @param told  sees what is under way to it
   * @param isBroken  it goes with something unread, and nothing that it says then arrives
   * @returns a client, whose `close` is its end for the supervisor, too
   */
  async client(told: (head: object) => void = () => {}, isBroken = false): Promise<SupervisorClient> {
    let isGone = false;
    let hasGreeted = false;
    const onWay = new FrameReader(({ head }) => {
      if (hasGreeted) told(head as object);
    });
    let tell: (bytes: Uint8Array) => void = () => {};
    let lose: () => void = () => {};
    const connection = new ClientConnection(
      this.#supervisor,
      "test",
      (bytes) => {
        onWay.push(bytes.slice());
        queueMicrotask(() => isGone || tell(bytes));
      },
      () => lose(),
    );
    const client = new EngineClient<SupervisorOperations>({
      send: (bytes) => queueMicrotask(() => isGone || connection.receive(bytes)),
      onBytes: (listener) => void (tell = listener),
      onGone: (listener) => void (lose = () => listener({ exitCode: null, signal: null, log: "" })),
      hold: () => {},
      callLater: () => () => {},
      close: () => {
        isGone = isBroken;
        connection.close(isBroken);
        lose();
      },
    });
    await client.call("hello", { protocol: PROTOCOL, version: "test" }).answer;
    hasGreeted = true;
    return client;
  }

  get systems(): string[] {
    return this.#supervisor.views().map(({ name, state }) => `${name} ${state}`);
  }
}

async function start(client: SupervisorClient, name: string): Promise<number> {
  await client.call("start-system", { name, spec: SPEC }).answer;
  return open(client, name);
}

async function open(client: SupervisorClient, name: string): Promise<number> {
  return (await client.call("open-system", { name }).answer).value as number;
}

test("what is asked of an opened system is not for another that has its name by then", async (t) => {
  const served = new Served(t);
  const client = await served.client();
  const target = await start(client, "job");
  await client.call("rename-system", { name: "job", to: "old" }).answer;
  await start(client, "job");
  const { value } = await client.call("fork-system", { target, count: 1, identity: "fresh" }).answer;
  assert.deepEqual(
    (value as { name: string }[]).map(({ name }) => name),
    ["old-1"],
  );
  await client.call("stop-system", { target, signal: "SIGTERM", graceMs: 60_000 }).answer;
  assert.deepEqual(served.systems, ["job running", "old exited", "old-1 running"]);
  const path = join(tmpdir(), "never-written");
  await assert.rejects(client.call("checkpoint-system", { target, path }).answer, /^StratosError: old: is not running/);
  await client.call("remove-system", { name: "old", isForced: true }).answer;
  await start(client, "old");
  await client.call("stop-system", { target, signal: "SIGTERM", graceMs: 60_000 }).answer;
  assert.deepEqual(served.systems, ["job running", "old running", "old-1 running"]);
});

test("who lets go of a system ends what was begun in it, save what is left to it, and nothing elsewhere", async (t) => {
  const served = new Served(t);
  const client = await served.client();
  const [one, two] = [await start(client, "one"), await start(client, "two")];
  const programs = async (target: number): Promise<number> =>
    ((await client.call("processes", { target }).answer).value as number[]).length;
  const run = (target: number): { call: number; answer: Promise<unknown> } =>
    client.call("run", { target, command: "x", env: {}, hasInput: false });
  const ending = run(one).answer.catch((error: Error) => error.message);
  const left = run(one);
  left.answer.catch(() => {});
  run(two).answer.catch(() => {});
  const events = client.call("events", { target: one }).answer.catch((error: Error) => error.message);
  await client.call("leave-program", { call: left.call }).answer;
  assert.equal(await programs(one), 3);
  await client.call("close", { target: one }).answer;
  assert.deepEqual(await Promise.all([ending, events]), ["the sandbox was closed", "the sandbox was closed"]);
  assert.deepEqual([await programs(await open(client, "one")), await programs(two)], [2, 2]);
});

test("what nobody waits for is not there: cancelled, or its client gone; of forks all or none", async (t) => {
  const served = new Served(t);
  const client = await served.client();
  const target = await start(client, "one");
  const path = join(served.folder, "..", "one.checkpoint");
  await client.call("checkpoint-system", { target, path }).answer;
  const asks: ((asking: SupervisorClient, signal?: AbortSignal) => Promise<unknown>)[] = [
    (asking, signal) => asking.call("start-system", { name: "two", spec: SPEC }, { signal }).answer,
    (asking, signal) => asking.call("resume-system", { ...RESUME, path }, { signal }).answer,
    (asking, signal) => asking.call("fork-system", { ...FORK, name: "one" }, { signal }).answer,
  ];
  for (const ask of asks)
    for (const isGone of [false, true]) {
      const asking = await served.client();
      const aborting = new AbortController();
      const created = new Promise<void>((resolve) => {
        served.engines.created = () => (resolve(), new Promise(() => {}));
      });
      const failed = assert.rejects(ask(asking, aborting.signal));
      await created;
      if (isGone) asking.close();
      else aborting.abort();
      await failed;
      await until(() => served.systems.length === 1);
    }
  let machines = 0;
  served.engines.created = () => (++machines === 2 ? Promise.reject(new Error("no memory")) : Promise.resolve());
  await assert.rejects(asks[2]!(client), /no memory/);
  assert.deepEqual(served.systems, ["one running"]);
  assert.equal(served.engines.running, 1);
});

test("what was made as its caller gave up is removed, though answered; what that has heard of stays", async (t) => {
  const served = new Served(t);
  const client = await served.client();
  const target = await start(client, "one");
  const path = join(served.folder, "..", "one.checkpoint");
  await client.call("checkpoint-system", { target, path }).answer;
  const asks: ((asking: SupervisorClient, signal: AbortSignal) => Promise<unknown>)[] = [
    (asking, signal) => asking.call("start-system", { name: "two", spec: SPEC }, { signal }).answer,
    (asking, signal) => asking.call("resume-system", { ...RESUME, path }, { signal }).answer,
    (asking, signal) => asking.call("fork-system", { ...FORK, name: "one" }, { signal }).answer,
  ];
  for (const ask of asks) {
    const aborting = new AbortController();
    // The answer is under way when the caller gives up, and the caller is gone right after that.
    const asking = await served.client((head) => {
      if ("answer" in head && !aborting.signal.aborted) aborting.abort();
    });
    await assert.rejects(ask(asking, aborting.signal), { name: "AbortError" });
    assert.ok(aborting.signal.aborted);
    await until(() => served.systems.length === 1);
  }
  const late = new AbortController();
  await asks[0]!(client, late.signal);
  late.abort();
  await client.call("systems", {}).answer;
  assert.deepEqual(served.systems, ["one running", "two running"]);
});

test("a client that is gone before it reads the answer leaves nothing; what one has used stays", async (t) => {
  const served = new Served(t);
  const hasty: SupervisorClient = await served.client((head) => {
    if ("answer" in head) hasty.close();
  }, true);
  await assert.rejects(hasty.call("start-system", { name: "one", spec: SPEC }).answer);
  await until(() => served.systems.length === 0);
  const killed = await served.client(undefined, true);
  await start(killed, "two");
  killed.close();
  const polite = await served.client();
  await polite.call("start-system", { name: "three", spec: SPEC }).answer;
  polite.close();
  const looker = await served.client();
  await looker.call("systems", {}).answer;
  assert.deepEqual(served.systems.sort(), ["three running", "two running"]);
});

test("a system that is starting is opened once it runs, and refused when it does not come to that", async (t) => {
  const served = new Served(t);
  const client = await served.client();
  const opened = async (work: Promise<void>): Promise<unknown> => {
    served.engines.created = () => work;
    const started = client.call("start-system", { name: "one", spec: SPEC }).answer.catch(() => null);
    const processes = async (): Promise<unknown> => {
      const { value } = await client.call("processes", { target: await open(client, "one") }).answer;
      return (value as number[]).length;
    };
    const count = await processes().catch((error: Error) => error.message);
    await started;
    return count;
  };
  const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const failing = soon().then(() => Promise.reject(new Error("no memory")));
  assert.equal(await opened(failing), "one: is lost");
  assert.equal(await opened(soon()), 1);
});

test("forks live in their original's process until each ends; with folders of the host, in their own", async (t) => {
  const served = new Served(t);
  const client = await served.client();
  await start(client, "one");
  await client.call("fork-system", { ...FORK, name: "one" }).answer;
  assert.deepEqual([served.engines.processes, served.engines.running], [1, 3]);
  await client.call("remove-system", { name: "one", isForced: true }).answer;
  await client.call("remove-system", { name: "f-2", isForced: true }).answer;
  assert.deepEqual(served.systems, ["f-1 running"]);
  await until(() => served.engines.running === 1);
  assert.equal(served.engines.processes, 1);
  await client.call("fork-system", { ...FORK, name: "f-1", count: 1, prefix: undefined }).answer;
  for (const name of ["f-1", "f-1-1"]) await client.call("remove-system", { name, isForced: true }).answer;
  await until(() => served.engines.processes === 0);
  const mounts = [{ host: "/srv", guest: "/mnt" }];
  await client.call("start-system", { name: "bound", spec: { ...SPEC, mounts } }).answer;
  await client.call("fork-system", { ...FORK, name: "bound" }).answer;
  assert.deepEqual([served.engines.processes, served.engines.running], [3, 3]);
  for (const [option, wrong] of [
    ["count", { count: 0 }],
    ["identity", { identity: "other" as "fresh" }],
  ] as const)
    await assert.rejects(client.call("fork-system", { ...FORK, name: "bound", ...wrong }).answer, { data: { option } });
});

/** One who watches a session: all that it was told. */
class Watching {
  readonly #client: SupervisorClient;
  readonly #call: number;
  readonly ended: Promise<unknown>;
  told = "";

  constructor(client: SupervisorClient, session: string) {
    this.#client = client;
    const { call, answer } = client.call(
      "follow-system",
      { name: "one", session, endsInput: false, historyBytes: 1 << 20 },
      {
        onStarted: () => void (this.told += "live "),
        onOutput: (_, bytes) => void (this.told += `${Buffer.from(bytes).toString()} `),
        onEvent: (event) => {
          const { size, isOwn } = event as TerminalSized;
          this.told += `${isOwn ? "own" : "size"} ${size.columns} `;
        },
      },
    );
    this.#call = call;
    this.ended = answer.then(
      () => "ended",
      (error: Error) => error.message,
    );
  }

  type(text: string): void {
    this.#client.send({ call: this.#call, input: "bytes" }, Buffer.from(text));
  }

  resize(columns: number): void {
    this.#client.send({ call: this.#call, size: { columns, rows: 24 } });
  }
}

test("what rules deny is told as it happens, and to who comes later, of any machine and after its end", async (t) => {
  const served = new Served(t);
  const client = await served.client();
  const denial = (port: number): Denial => ({
    ...{ host: "example.org", port, protocol: "tcp", rule: null, reason: "no rule allows it" },
    ...{ atMs: 1, process: { pid: 7, name: "curl" } },
  });
  const spec: SystemSpec = { ...SPEC, network: "host", policy: [] };
  await client.call("start-system", { name: "ruled", spec }).answer;
  served.engines.deny(denial(1));
  await client.call("snapshot-system", { name: "ruled", label: "good" }).answer;
  await client.call("rollback-system", { name: "ruled", label: "good" }).answer;
  served.engines.deny(denial(2));
  const late = await served.client();
  const target = await open(late, "ruled");
  const told: unknown[] = [];
  const onEvent = (event: unknown, heard: () => void): void => (heard(), void told.push((event as Denial).port));
  const following = late.call("denials", { target, isFollowed: true }, { onEvent }).answer;
  await until(() => told.length === 2);
  served.engines.deny(denial(3));
  await client.call("stop-system", { name: "ruled", signal: "SIGTERM", graceMs: 60_000 }).answer;
  await following;
  assert.deepEqual(told, [1, 2, 3]);
  const { value } = await late.call("denials", { target, isFollowed: false }).answer;
  assert.deepEqual(value, [denial(1), denial(2), denial(3)]);
});

test("a session outlives who has opened it; who watches it sees what was shown, and each other's sizes", async (t) => {
  const served = new Served(t);
  const opener = await served.client();
  await start(opener, "one");
  const tty = { columns: 80, rows: 24 };
  const request = { name: "one", command: ["shell"], env: {}, tty, hasInput: true };
  const session = ((await opener.call("open-session", request).answer).value as SessionView).name;
  const first = new Watching(opener, session);
  await until(() => first.told === "size 80 live ");
  first.resize(90);
  first.type("typed");
  await until(() => first.told === "size 80 live own 90 typed ");
  opener.close();
  const [client, other] = [await served.client(), await served.client()];
  const second = new Watching(client, session);
  const third = new Watching(other, session);
  await until(() => third.told === "size 80 size 90 typed live ");
  third.resize(70);
  await until(() => third.told.endsWith("live own 70 ") && second.told.endsWith("live size 70 "));
  const views = async (): Promise<unknown> => {
    const { value } = await client.call("systems", {}).answer;
    return (value as SystemView[])[0]!.sessions.map(({ name, command }) => [name, command]);
  };
  assert.deepEqual(await views(), [[session, ["shell"]]]);
  await client.call("kill-system", { name: "one", session, signal: "SIGHUP" }).answer;
  assert.deepEqual([await second.ended, await third.ended, await views()], ["ended", "ended", []]);
  const after = new Watching(client, session);
  assert.deepEqual([await after.ended, after.told], ["ended", "size 80 size 90 typed size 70 live "]);
  assert.equal(await new Watching(client, "7").ended, "one: has no session 7");
  assert.deepEqual(served.systems, ["one running"]);
  const next = (await client.call("open-session", request).answer).value as SessionView;
  assert.notEqual(next.name, session, "a name is never another program's");
  for (let count = 1; count < 32; count++) await client.call("open-session", request).answer;
  await assert.rejects(client.call("open-session", request).answer, /has 32 sessions already/);
});
