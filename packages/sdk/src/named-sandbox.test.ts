/**
 * Goal: what leads to a named system is what the caller named, a connection is closed when nothing came of it, and a
 * page refuses by name. Method: a supervisor that answers what it is told to.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StratosError } from "./api.ts";
import {
  connectSystem,
  forkSystem,
  listSystems,
  removeSystem,
  resumeSystem,
  startSystem,
  type SystemsSource,
} from "./named-sandbox.ts";
import type { SupervisorClient } from "./systems.ts";

/** Its answers by operation; one that is none fails. */
class Recorded implements SystemsSource {
  readonly asked: [string, unknown][] = [];
  readonly #answers: Readonly<Record<string, unknown>>;
  opened = 0;

  constructor(answers: Readonly<Record<string, unknown>>) {
    this.#answers = answers;
  }

  async open(): Promise<SupervisorClient> {
    this.opened++;
    const call = (op: string, request: unknown): { call: number; answer: Promise<unknown> } => {
      this.asked.push([op, request]);
      const value = this.#answers[op];
      const answer =
        value === undefined
          ? Promise.reject(new StratosError("system", op, { system: op }))
          : Promise.resolve({ value });
      return { call: this.asked.length, answer };
    };
    return { call, close: () => void this.opened-- } as unknown as SupervisorClient;
  }

  absolutePath(place: string | URL): string {
    return `/cwd/${String(place)}`;
  }
}

const kindOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (error: StratosError) => [error.kind, Object.values(error.data)[0]],
  );
const view = (name: string, state: string, ...missingSecrets: string[]): unknown => ({ name, state, missingSecrets });

test("a page refuses each by name", async () => {
  const image = (): Promise<string> => Promise.resolve("debian");
  assert.deepEqual(
    await Promise.all(
      [
        connectSystem(undefined, "one", {}),
        resumeSystem(undefined, "one", {}),
        listSystems(undefined, {}),
        removeSystem(undefined, "one", {}),
        startSystem(undefined, { name: "one" }, image),
      ].map(kindOf),
    ),
    ["connect", "resume", "list", "remove", "name"].map((option) => ["option", option]),
  );
});

test("a text with a slash and a URL are files, another is a name; only what is paused is begun again", async () => {
  const answers = {
    "systems": [view("one", "running"), view("two", "paused"), view("three", "exited"), view("waiting", "lost", "KEY")],
    "unpause-system": null,
    "restart-system": view("waiting", "running"),
    "resume-system": view("four", "running"),
    "open-system": 7,
  };
  const asked = async (place: string | URL, options = {}): Promise<unknown[]> => {
    const source = new Recorded(answers);
    const { name, handle } = await resumeSystem(source, place, options);
    assert.equal(handle.use().target, 7);
    return [name, ...source.asked.map(([op]) => op)];
  };
  assert.deepEqual(await asked("one"), ["one", "systems", "open-system"]);
  assert.deepEqual(await asked("two"), ["two", "systems", "unpause-system", "open-system"]);
  assert.deepEqual(await asked("waiting"), ["waiting", "systems", "restart-system", "open-system"]);
  const source = new Recorded(answers);
  assert.deepEqual(await kindOf(resumeSystem(source, "three", {})), ["system", "three"]);
  assert.deepEqual(await kindOf(connectSystem(source, "none", {})), ["no-system", "none"]);
  assert.equal(source.opened, 0);
  for (const place of ["./a", new URL("file:///a")])
    assert.deepEqual(await asked(place), ["four", "resume-system", "open-system"]);
  await resumeSystem(source, "./a", { name: "n", mounts: [{ host: ".", guest: "/mnt" }] });
  assert.deepEqual(source.asked.at(-2), [
    "resume-system",
    { path: "/cwd/./a", name: "n", mounts: [{ host: "/cwd/.", guest: "/mnt" }], network: "none", ports: [] },
  ]);
  const secrets = { KEY: { value: "a key of 16 bytes and more", hosts: ["example.org"] } };
  await resumeSystem(source, "./a", { net: { secrets, ca: "PEM" } });
  assert.deepEqual(source.asked.at(-2)![1], {
    ...{ path: "/cwd/./a", name: undefined, mounts: [], network: "host", ports: [], secrets, ca: ["PEM"] },
  });
  await resumeSystem(source, "waiting", { net: { secrets } });
  assert.deepEqual(source.asked.at(-2)![1], { name: "waiting", secrets });
  assert.deepEqual(await kindOf(resumeSystem(source, "./a", { net: { policy: "allow" } })), ["option", "net.policy"]);
});

test("a system starts from the image that was named, else from the one that is found", async () => {
  const source = new Recorded({ "start-system": view("one", "running"), "open-system": 1 });
  let found = 0;
  const find = (): Promise<string> => Promise.resolve(`found-${++found}`);
  const imageOf = async (options: object): Promise<unknown> => {
    await startSystem(source, { name: "one", ...options }, find);
    return (source.asked.at(-2)![1] as { spec: { image: string } }).spec.image;
  };
  const secrets = { KEY: { value: "a key of 16 bytes and more", hosts: ["example.org"] } };
  await imageOf({ net: { secrets, ca: ["PEM"] } });
  const started = source.asked.at(-2)![1] as { spec: object; secrets: object };
  assert.deepEqual(started.secrets, secrets);
  assert.ok(!JSON.stringify(started.spec).includes("a key"), "what is kept of a system has none of them");
  assert.equal(await imageOf({ image: "debian" }), "debian");
  assert.equal(await imageOf({}), "found-2");
  assert.equal(await imageOf({ image: "debian", pull: true }), "found-3");
  assert.deepEqual(await kindOf(imageOf({ state: new Uint8Array(1) })), ["option", "state"]);
  assert.deepEqual(await kindOf(imageOf({ image: [] })), ["option", "image"]);
});

test("forks are told apart unless they are to be the same, and the last of all closes the connection", async () => {
  const source = new Recorded({
    "systems": [view("one", "running")],
    "fork-system": [view("a-1", "running"), view("a-2", "running")],
    "open-system": 1,
    "close": null,
  });
  const system = await connectSystem(source, "one", {});
  assert.deepEqual(await kindOf(forkSystem(system, { keepsPrograms: true })), ["option", "keepsPrograms"]);
  await Promise.all((await forkSystem(system, {})).map(({ handle }) => handle.close()));
  assert.deepEqual(source.asked.find(([op]) => op === "fork-system")![1], {
    ...{ target: 1, count: 1, identity: "fresh", prefix: undefined },
  });
  const forks = await forkSystem(system, { count: 2, identity: "same", name: "a" });
  assert.deepEqual(
    forks.map(({ name }) => name),
    ["a-1", "a-2"],
  );
  const [, request] = source.asked.findLast(([op]) => op === "fork-system")!;
  assert.deepEqual(request, { target: 1, count: 2, identity: "same", prefix: "a" });
  await system.handle.close();
  await forks[0]!.handle.close();
  assert.equal(source.opened, 1);
  await forks[1]!.handle.close();
  assert.equal(source.opened, 0);
});
