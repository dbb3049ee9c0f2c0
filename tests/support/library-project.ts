/** The library as `npm pack` makes it, installed into an empty folder of a user, and programs of that user. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { TestContext } from "node:test";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { freshBundle } from "../../tools/launch/bundle-state.mjs";
import { repository, run, type Result } from "./stratos.ts";
import { endSupervisor } from "./supervisor.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./test-image.ts";

interface LibraryProject {
  /** To be removed in the end. */
  readonly folder: string;
  /** Where the library is installed, in `folder`. */
  readonly project: string;
}

/** The Node that the host has, rather than the pinned one that runs this test. */
export function hostNode(): string {
  for (const place of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(place, "node");
    if (existsSync(path) && !place.includes("node_modules")) return path;
  }
  throw new Error("the host has no node in PATH");
}

/** @returns what the command prints. It must not fail */
export function must(command: string, args: readonly string[], cwd: string): string {
  const result = spawnSync(command, args, { cwd, encoding: "utf8" });
  assert.equal(result.status, 0, `${command} ${args.join(" ")}: ${result.stdout}${result.stderr}`);
  return result.stdout;
}

export async function installLibrary(): Promise<LibraryProject> {
  await ensureTestImage();
  const folder = mkdtempSync(join(tmpdir(), "stratos-library-"));
  const project = join(folder, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "name": "user", "private": true, "type": "module" }\n');
  // The package with the pinned Node, which a registry would give, comes from here.
  const node = join(repository, "node_modules", `node-${process.platform}-${process.arch}`);
  must("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", packedLibrary(folder), node], project);
  return { folder, project };
}

/**
 * What `npm pack` makes of the bundle that stands for the sources, or of a new one. Packing takes longer than
 * installing, so who comes first leaves the archive for the others, under the time at which the bundle was made.
 */
function packedLibrary(folder: string): string {
  const bundle = freshBundle(repository);
  if (bundle === null || !existsSync(join(dirname(bundle), "library.d.ts"))) {
    const made = join(folder, "dist");
    must(process.execPath, [join(repository, "tools/bundle.ts"), "--to", made], repository);
    return pack(made, folder);
  }
  const from = dirname(bundle);
  const kept = join(repository, "node_modules/.cache/stratos-test/packed");
  const name = `stratos-${statSync(join(from, "inputs.json")).mtimeMs}.tgz`;
  const archive = join(kept, name);
  if (existsSync(archive)) return archive;
  mkdirSync(kept, { recursive: true });
  // Two at once both pack: only a whole archive is given the name.
  const own = `${archive}.${process.pid}`;
  copyFileSync(pack(from, folder), own);
  renameSync(own, archive);
  for (const other of readdirSync(kept)) if (!other.startsWith(name)) rmSync(join(kept, other), { force: true });
  return archive;
}

/** @returns path of the archive, in `folder` */
function pack(from: string, folder: string): string {
  return join(folder, must("npm", ["pack", "--silent", "--pack-destination", folder], from).trim());
}

/** Runs a program of a user in the project. @param node  default: the host's */
export function runProgram(
  project: string,
  source: string,
  env: Record<string, string> = {},
  node: string = hostNode(),
): Promise<Result> {
  const file = join(project, `program-${readdirSync(project).length}.mjs`);
  writeFileSync(file, source);
  return run([node, file], { cwd: project, env: { STRATOS_HOME: TEST_HOME, IMAGE: TEST_IMAGE, ...env } });
}

/** Runs one that prints JSON, and nothing else. */
export async function programPrints(
  project: string,
  source: string,
  expected: unknown,
  env: Record<string, string> = {},
  node?: string,
): Promise<void> {
  const result = await runProgram(project, source, env, node);
  assert.equal(result.stderr, "");
  assert.deepEqual(JSON.parse(Buffer.from(result.stdout, "latin1").toString()), expected);
  assert.equal(result.status, 0);
}

/** A home with the test's image; its supervisor ends with the test. */
export function homeOf(t: TestContext, folder: string, name: string): Record<string, string> {
  const home = join(folder, name);
  mkdirSync(home);
  symlinkSync(join(TEST_HOME, "images"), join(home, "images"));
  t.after(() => endSupervisor(home));
  return { STRATOS_HOME: home };
}
