/** A root's files by the places that they are mounted from: partitions, or subvolumes of one. */
import { utf8ToByteString } from "@stratos/base";
import { comparePaths, FormatError, type FileEntry, type FileTree } from "@stratos/formats";

/**
 * Which entries lie where; where something is mounted, what lies above keeps an empty folder.
 *
 * @param mountOf  a place's folder, `/` or `/home`
 * @throws FormatError when a folder is none, or a hard link would lead from one place to another
 */
export function splitTree<Place>(
  tree: FileTree,
  mounted: readonly Place[],
  mountOf: (place: Place) => string,
): Map<Place, FileTree> {
  const shares = new Map<Place, FileEntry[]>(mounted.map((place) => [place, []]));
  const places = mounted
    .map((place) => ({ place, path: utf8ToByteString(mountOf(place).slice(1)) }))
    .sort((a, b) => b.path.length - a.path.length);
  for (const entry of tree.entries()) {
    for (const { place, path } of places) {
      const isRoot = entry.path === path;
      if (!isRoot && path !== "" && !entry.path.startsWith(`${path}/`)) continue;
      const own = isRoot ? "" : path === "" ? entry.path : entry.path.slice(path.length + 1);
      if (isRoot && entry.kind !== "directory")
        throw new FormatError(`/${path}: is no folder in the root, and cannot be mounted on`);
      if (entry.kind === "hardLink" && path !== "" && !entry.target.startsWith(`${path}/`))
        throw new FormatError(`${entry.path}: a hard link that would lead to another partition`);
      shares.get(place)!.push({
        ...entry,
        path: own,
        target: entry.kind === "hardLink" && path !== "" ? entry.target.slice(path.length + 1) : entry.target,
      });
      if (!isRoot || path === "") break;
      // The folder itself is on the place above as well.
    }
  }
  return new Map(
    [...shares].map(([place, entries]) => {
      entries.sort((a, b) => comparePaths(a.path, b.path));
      return [place, { entries: () => entries }];
    }),
  );
}
