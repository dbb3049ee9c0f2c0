/**
 * Goal: a command loads what it needs, and no other command's modules: what a hub's clients load decides how quickly
 * they answer. Method: each command line in a process that tells which files it loaded. The bundle is in pieces along
 * the same imports.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { extendedTest } from "@stratos/base/testing";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const TELLS = `data:text/javascript,${encodeURIComponent(
  'import { registerHooks } from "node:module"; const loaded = [];' +
    "registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });" +
    'process.on("exit", () => process.stderr.write(`\\n${JSON.stringify(loaded)}`));',
)}`;
/** What serves a hub, makes images or runs machines. */
const DEAR = new RegExp(
  "/packages/(?:hub/src/(?:store|database|api|web|leader|hub-\\w+)|kernel|riscv|aegisfs|lisp|pkg|compose|formats)/|" +
    "/node_modules/(?:pg|hono|ajv|yaml|@electric-sql)/",
);

suite("what is loaded", () => {
  let home: string;
  before(() => (home = mkdtempSync(join(tmpdir(), "stratos-loaded-"))));
  after(() => rmSync(home, { recursive: true, force: true }));

  function loadedBy(words: readonly string[]): string[] {
    const { stderr } = spawnSync(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "--import", TELLS, MAIN, ...words],
      { encoding: "utf8", env: { ...process.env, STRATOS_HOME: home, STRATOS_HUB: "http://127.0.0.1:1" } },
    );
    return JSON.parse(stderr.slice(stderr.lastIndexOf("\n") + 1)) as string[];
  }

  for (const command of ["hub status", "hub package ls", "hub logs --help"])
    test(`\`stratos ${command}\` needs neither a hub's server nor a machine`, () => {
      const loaded = loadedBy(command.split(" "));
      assert.ok(loaded.some((url) => url.endsWith("/commands/hub-rows.ts")));
      // Small ones that clients, options and the server have in common.
      const shared = /\/hub\/src\/(?:store\/(?:hub-error|artefacts)|database\/database|api\/rate-limit)\.ts$/;
      assert.deepEqual(loaded.filter((url) => DEAR.test(url) && !shared.test(url)).slice(0, 5), []);
    });

  extendedTest("help and slips of one command load the rows of no other, in whichever way help is asked for", () => {
    for (const [line, wanted] of [
      ["ps --help", ["system-rows"]],
      ["help ps", ["system-rows"]],
      ["hub logs -h", ["hub-logs", "hub-rows"]],
      ["ps --alll", ["system-rows"]],
      ["hub logs", ["hub-logs", "hub-rows"]],
      ["run --memori 1G true", []],
      ["zzz", []],
      ["imag ls", []],
      ["zzz --help", []],
      ["help zzz", []],
      ["--memori 1G", []],
      ["--memory 1G imgae", []],
    ] as const) {
      const rows = loadedBy(line.split(" "))
        .map((url) => /\/commands\/([a-z]+-rows|hub-(?:logs|task|admin))\.ts$/.exec(url)?.[1])
        .filter((name) => name !== undefined);
      assert.deepEqual(rows.sort(), wanted, line);
    }
  });
});
