/**
 * Test files of one process, which run-files.ts has as its plan: what they load is loaded once. Each is a suite, so
 * that hooks outside of its tests are its own.
 */
import { resolve } from "node:path";
import { suite } from "node:test";
import { pathToFileURL } from "node:url";

const { files } = JSON.parse(process.argv[2]!) as { readonly files: readonly { readonly path: string }[] };

for (const { path } of files)
  void suite(path, async () => {
    await import(pathToFileURL(resolve(path)).href);
  });
