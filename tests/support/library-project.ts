/** The library as `npm pack` makes it, installed into an empty folder of a user, and programs of that user. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
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
import { ensure, ensureTestImage, shareTranslations, TEST_HOME, TEST_IMAGE } from "./test-image.ts";

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
  const kept = await installedProject();
  if (kept === null) install(project, bundleAnew(folder), folder);
  // Links are resolved: that to the pinned Node leads there from anywhere.
  else cpSync(kept, project, { recursive: true });
  return { folder, project };
}

/**
 * A project with the bundle that stands for the sources; null: there is none. Packing and installing take longer than
 * many a test, so who comes first leaves the project for the others, under the time at which the bundle was made.
 */
async function installedProject(): Promise<string | null> {
  const bundle = freshBundle(repository);
  if (bundle === null || !existsSync(join(dirname(bundle), "library.d.ts"))) return null;
  const from = dirname(bundle);
  const kept = join(repository, "node_modules/.cache/stratos-test/installed");
  // Each bundle writes it; inputs.json is touched whenever somebody finds the bundle fresh.
  const name = `stratos-${statSync(join(from, "main.cjs")).mtimeMs}`;
  const project = join(kept, name);
  await ensure(
    "installed-library",
    () => existsSync(project),
    () => {
      rmSync(kept, { recursive: true, force: true });
      const draft = `${project}.partial`;
      install(draft, from, kept);
      renameSync(draft, project);
    },
  );
  return project;
}

/** @param aside  where the archive goes */
function install(project: string, bundle: string, aside: string): void {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, "package.json"), '{ "name": "user", "private": true, "type": "module" }\n');
  // The package with the pinned Node, which a registry would give, comes from here.
  const node = join(repository, "node_modules", `node-${process.platform}-${process.arch}`);
  must("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", pack(bundle, aside), node], project);
}

function bundleAnew(folder: string): string {
  const made = join(folder, "dist");
  must(process.execPath, [join(repository, "tools/bundle.ts"), "--to", made], repository);
  return made;
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
  shareTranslations(home);
  t.after(() => endSupervisor(home));
  return { STRATOS_HOME: home };
}
