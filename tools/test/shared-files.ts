/**
 * Test files of one process, which run-files.ts has as its plan: what they load is loaded once. Each is a suite, so
 * that hooks outside of its tests are its own, and so is what it does to the environment.
 */
import { AsyncResource } from "node:async_hooks";
import { resolve } from "node:path";
import { after, before, suite } from "node:test";
import { pathToFileURL } from "node:url";

const { files } = JSON.parse(process.argv[2]!) as { readonly files: readonly { readonly path: string }[] };

// One after the other, all before the first test.
let loaded = Promise.resolve();
for (const { path } of files)
  void suite(path, () => {
    // Behind a promise of another suite node:test would take hooks and tests for the other's.
    const scope = new AsyncResource("test file");
    const own = loaded.then(() => scope.runInAsyncScope(load, null, path));
    loaded = own.catch(() => {});
    return own;
  });

async function load(path: string): Promise<void> {
  const outside = { ...process.env };
  let inside = outside;
  before(() => setEnvironment(inside));
  await import(pathToFileURL(resolve(path)).href);
  inside = { ...process.env };
  setEnvironment(outside);
  after(() => setEnvironment(outside));
}

function setEnvironment(values: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!(name in values)) delete process.env[name];
  Object.assign(process.env, values);
}
