/**
 * Scripts of a treefile at one of their points: all of a list run one after another, with a tree as their root. What
 * they change is laid over the image; where `build.packages` bring more, scripts see the image with them, and only what
 * they change themselves comes back.
 */
import { utf8Of } from "@stratos/base";
import { ScriptError, type ScriptJob, type ScriptRunner, type TreeChanges } from "../ports.ts";
import { cleanScriptTraces } from "./clean.ts";
import { memoryBlobs, TreeBuilder, type TreeNode } from "./tree-builder.ts";
import type { FileTree } from "@stratos/formats";

const SCRIPT_FOLDER = "var/tmp/stratos-compose";
const STATUS = "var/lib/dpkg/status";

interface HookRun {
  /** the key that has the list, for messages: `hooks.prepare` */
  readonly key: string;
  readonly scripts: readonly string[];
  readonly runner: ScriptRunner;
  readonly job: Omit<ScriptJob, "tree" | "script" | "isObserved">;
  readonly sha256: (bytes: Uint8Array) => string;
  /** a root that has more than the image */
  readonly scene?:
    | {
        readonly tree: FileTree /** the image's nodes before anything was laid over its packages */;
        readonly before: ReadonlyMap<string, TreeNode>;
      }
    | undefined;
  /** packages are only what `packages` says */
  readonly keepsPackages?: true;
}

/** @throws ScriptError */
export async function runHook(image: TreeBuilder, run: HookRun): Promise<void> {
  const scene = run.scene === undefined ? image : sceneOf(image, run.scene, run.sha256);
  const tree = withScripts(scene, run);
  const changes = await run.runner.run({
    ...run.job,
    tree: tree.build(),
    script: `${SCRIPT_FOLDER}/all`,
    isObserved: false,
  });
  if (run.keepsPackages === true && changes.changed.some(({ path }) => path === STATUS))
    throw new ScriptError(`${run.key}: has installed or removed packages; \`packages\` says which there are`);
  tree.apply(changes);
  if (!tree.nodes.has("bin") && !tree.nodes.has("usr")) throw new ScriptError("scripts have removed the whole system");
  if (tree !== image) takeOver(image, tree, changes);
  image.removeAll(SCRIPT_FOLDER);
  cleanScriptTraces(image);
}

function withScripts(scene: TreeBuilder, { key, scripts, job }: HookRun): TreeBuilder {
  const meta = { uid: 0, gid: 0, mode: 0o755, mtime: job.epochSeconds };
  for (const folder of ["var", "var/tmp", SCRIPT_FOLDER]) if (!scene.nodes.has(folder)) scene.directory(folder, meta);
  const lines = ["#!/bin/sh", "set -e", "umask 022", "cd /"];
  for (const [index, script] of scripts.entries()) {
    scene.file(
      `${SCRIPT_FOLDER}/${index}`,
      meta,
      utf8Of(script.startsWith("#!") ? script : `#!/bin/sh\nset -e\n${script}\n`),
    );
    lines.push(
      `/${SCRIPT_FOLDER}/${index} || { status=$?; echo "${key}[${index}] ended with status $status" >&2; exit ` +
        "$status; }",
    );
  }
  scene.file(`${SCRIPT_FOLDER}/all`, meta, utf8Of(`${lines.join("\n")}\n`));
  return scene;
}

/** The larger root with all that has been laid over the image, and without what was taken from it. */
function sceneOf(
  image: TreeBuilder,
  { tree, before }: NonNullable<HookRun["scene"]>,
  sha256: (bytes: Uint8Array) => string,
): TreeBuilder {
  const scene = new TreeBuilder(memoryBlobs(sha256), tree);
  for (const path of before.keys()) if (!image.nodes.has(path)) scene.removeAll(path);
  for (const [path, node] of image.nodes) if (before.get(path) !== node) scene.nodes.set(path, node);
  return scene;
}

/**
 * What scripts have changed in a root that has more than the image, for the image: each path as they left it, below
 * folders as they were there.
 */
function takeOver(image: TreeBuilder, scene: TreeBuilder, { removed, changed }: TreeChanges): void {
  // Of packages that are not in the image, dpkg would say there that they are.
  if (changed.some(({ path }) => path === STATUS))
    throw new ScriptError(
      "scripts have installed or removed packages, which they cannot where build.packages gives them some of their own",
    );
  for (const path of removed) image.removeAll(path);
  const own = new Set(changed.map(({ path }) => path));
  for (const { path, kind, target } of changed) {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const folder = path.slice(0, slash);
      if (!image.nodes.has(folder)) image.nodes.set(folder, scene.nodes.get(folder)!);
    }
    // Another name of a file of the image stays one.
    const file = kind === "hardLink" && !own.has(target) ? image.nodes.get(target) : undefined;
    image.nodes.set(path, file ?? scene.nodes.get(path)!);
  }
}
