/**
 * Folders from beside the treefile, laid over an image: whose the files are and what may be done with them comes from
 * rules, not from the host.
 */
import { utf8ToByteString } from "@stratos/base";
import type { FileTree } from "@stratos/formats";
import type { RootMeta } from "@stratos/pkg";
import { compilePattern } from "../treefile/pattern.ts";
import type { OverlayFolder, OverlayRule } from "../treefile/schema-content.ts";
import type { TreeBuilder, TreeNode } from "./tree-builder.ts";

/** An overlay does not fit the image. */
class OverlayError extends Error {
  override name = "OverlayError";
}

/** A folder's content as it counts for an image: what of the host is left. */
export function overlayText(tree: FileTree): string {
  return JSON.stringify(
    [...tree.entries()].map(({ path, kind, mode, target, content }) => [
      path,
      kind,
      kind === "file" ? isRunnable(mode) : false,
      target,
      content?.digest ?? "",
    ]),
  );
}

interface OverlayScene {
  readonly builder: TreeBuilder;
  /** where a path leads when the links in its folders are followed; folders that are missing are made */
  place(path: string): string;
  /** the number of an account by its name; undefined: there is none */
  numberOf(kind: "user" | "group", name: string): number | undefined;
  readonly mtime: number;
  /** paths, beginning with /, that something else decides */
  isLeftOut(path: string): boolean;
}

/** @throws OverlayError */
export function layOverlay(
  scene: OverlayScene,
  tree: FileTree,
  { source, target = "/", rules = [] }: OverlayFolder,
): void {
  const { builder } = scene;
  const prefix = utf8ToByteString(target).replace(/^\/+|\/+$/g, "");
  const tests = rules.map((rule) => ({ rule, matches: compilePattern(utf8ToByteString(rule.path), { isPath: true }) }));
  const fail = (path: string, message: string): never => {
    throw new OverlayError(`overlay ${source}: /${path}: ${message}`);
  };
  const places = new Map<string, string>();
  for (const entry of tree.entries()) {
    const path = [prefix, entry.path].filter((part) => part !== "").join("/");
    if (path === "" || scene.isLeftOut(`/${path}`)) continue;
    if (entry.kind === "character" || entry.kind === "block" || entry.kind === "fifo")
      fail(path, "an overlay holds files, folders and links alone");
    const own = tests.filter(({ matches }) => matches(`/${path}`)).map(({ rule }) => rule);
    const at = scene.place(path),
      there = builder.nodes.get(at);
    places.set(entry.path, at);
    if (entry.kind === "directory") {
      layFolder(scene, at, there, own, (message) => fail(path, message));
      continue;
    }
    if (there?.kind === "directory")
      fail(path, `is ${entry.kind === "symlink" ? "a link" : "a file"}, and a folder in the image`);
    builder.removeAll(at);
    const meta = metaOf(
      scene,
      own,
      {
        mode: entry.kind === "symlink" ? 0o777 : isRunnable(entry.mode) ? 0o755 : 0o644,
        key: entry.kind === "symlink" ? undefined : "mode",
      },
      (message) => fail(path, message),
    );
    if (entry.kind === "symlink") builder.symlink(at, meta, entry.target);
    else if (entry.kind === "hardLink") builder.hardLink(at, places.get(entry.target)!);
    else
      builder.nodes.set(at, { kind: "file", meta, content: entry.content, target: "", deviceMajor: 0, deviceMinor: 0 });
  }
}

/** A folder that is there stays as it is, but for what rules say. */
function layFolder(
  scene: OverlayScene,
  at: string,
  there: TreeNode | undefined,
  rules: readonly OverlayRule[],
  fail: (message: string) => never,
): void {
  // Where a link stands, such as /lib, what it leads to is meant.
  const real = there?.kind === "symlink" ? scene.place(`${at}/x`).slice(0, -"/x".length) : at;
  const found = scene.builder.nodes.get(real);
  if (found !== undefined && found.kind !== "directory") fail("is a folder, and none in the image");
  const known = found?.meta ?? { uid: 0, gid: 0, mode: 0o755, mtime: scene.mtime };
  if (found === undefined || rules.length > 0)
    scene.builder.directory(real, {
      ...known,
      ...metaOf(scene, rules, { mode: known.mode, key: "folder-mode", of: known }, fail),
    });
}

function metaOf(
  scene: OverlayScene,
  rules: readonly OverlayRule[],
  start: { mode: number; key: "mode" | "folder-mode" | undefined; of?: RootMeta },
  fail: (message: string) => never,
): RootMeta {
  let { uid, gid } = start.of ?? { uid: 0, gid: 0 },
    { mode } = start;
  const account = (kind: "user" | "group", name: string): number =>
    scene.numberOf(kind, name) ?? fail(`there is no ${kind} ${name} in the image`);
  for (const rule of rules) {
    uid = rule.user === undefined ? (rule.uid ?? uid) : account("user", rule.user);
    gid = rule.group === undefined ? (rule.gid ?? gid) : account("group", rule.group);
    const said = start.key === undefined ? undefined : rule[start.key];
    if (said !== undefined) mode = Number.parseInt(said, 8);
  }
  return { uid, gid, mode, mtime: scene.mtime };
}

function isRunnable(mode: number): boolean {
  return (mode & 0o100) !== 0;
}

/** What new homes are filled from: it has to be there before accounts are. */
export function isSkeleton(path: string): boolean {
  return path === "/etc/skel" || path.startsWith("/etc/skel/");
}
