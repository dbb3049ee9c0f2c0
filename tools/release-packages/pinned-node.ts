/**
 * The pinned Node of an architecture, as its npm package has it: the one that is installed, or for another architecture
 * the package, brought by npm and held against the lock file's hash.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ARCHITECTURES, ReleaseError, type Architecture } from "./release.ts";
import { runTool } from "./native-tool.ts";

interface LockFile {
  readonly packages: Readonly<Record<string, { version: string; integrity?: string }>>;
}

/**
 * @param root  of the repository
 * @returns a folder with `bin/node` and `LICENSE`
 * @throws ReleaseError  npm does not bring it, or brings another than the lock file names
 */
export function pinnedNodeFolder(root: string, architecture: Architecture): string {
  const name = ARCHITECTURES[architecture].node;
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as LockFile;
  const pinned = lock.packages[`node_modules/${name}`];
  if (pinned?.integrity === undefined) throw new ReleaseError(`${name}: package-lock.json does not pin it`);
  const installed = join(root, "node_modules", name);
  if (existsSync(join(installed, "bin/node"))) return installed;

  const kept = join(root, "node_modules/.cache/stratos-release", `${name}-${pinned.version}`);
  if (existsSync(kept)) return kept;
  const draft = `${kept}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    runTool("npm", ["pack", `${name}@${pinned.version}`, "--pack-destination", draft], { cwd: root });
    const archive = join(draft, `${name}-${pinned.version}.tgz`);
    const hash = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (hash !== pinned.integrity)
      throw new ReleaseError(`${name}: npm brought another package than package-lock.json names`);
    const members = ["package/bin/node", "package/LICENSE"];
    const { status } = spawnSync("tar", ["-xzf", archive, "-C", draft, "--strip-components=1", ...members]);
    if (status !== 0) throw new ReleaseError(`${name}: its archive cannot be unpacked`);
    rmSync(archive);
    renameSync(draft, kept);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return kept;
}
