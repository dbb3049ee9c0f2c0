/**
 * The root of a btrfs volume whose subvolumes stand side by side, as installers make them: `@` is the root, `@home` is
 * mounted on its `home`.
 */
import { comparePaths, type FileEntry, type FileTree } from "@stratos/formats";

const ROOT = "@";

/**
 * A tree as the system sees it when it runs. Subvolumes that belong on no empty folder of the root, such as snapshots,
 * are left out; a volume without `@` is its own root.
 */
export function rootOfSubvolumes(tree: FileTree): FileTree {
  const entries = [...tree.entries()];
  const isSideBySide =
    entries.some(({ path, kind }) => path === ROOT && kind === "directory") &&
    entries.every(({ path }) => path === "" || path.startsWith(ROOT));
  if (!isSideBySide) return tree;
  const filled = new Set(
    entries
      .filter(({ path }) => path.startsWith(`${ROOT}/`))
      .map(({ path }) => path.slice(ROOT.length + 1, path.lastIndexOf("/"))),
  );
  const folders = new Set(
    entries
      .filter(({ path, kind }) => kind === "directory" && path.startsWith(`${ROOT}/`))
      .map(({ path }) => path.slice(ROOT.length + 1)),
  );
  const place = (path: string): string | undefined => {
    const slash = path.indexOf("/"),
      volume = slash === -1 ? path : path.slice(0, slash),
      rest = slash === -1 ? "" : path.slice(slash + 1);
    if (volume === ROOT) return rest;
    const mount = volume.slice(ROOT.length);
    return folders.has(mount) && !filled.has(mount) ? (rest === "" ? mount : `${mount}/${rest}`) : undefined;
  };
  const found = new Map<string, FileEntry>();
  for (const entry of entries) {
    const path = entry.path === "" ? undefined : place(entry.path);
    // A folder that something is mounted on shows what is mounted.
    if (path !== undefined)
      found.set(path, { ...entry, path, target: entry.kind === "hardLink" ? place(entry.target)! : entry.target });
  }
  const sorted = [...found.values()].sort((a, b) => comparePaths(a.path, b.path));
  return { entries: () => sorted };
}
