/**
 * Times that scripts are shown. Of most files nobody wants to know when they were made, but every program is told
 * whenever it asks for anything else, and a package that was built anew has new times throughout. So scripts are shown
 * one time for all that packages bring, whoever runs them, and can have seen nothing else. What they copy or change
 * with its time kept is given the file's own again. What scripts have made has the image's time, in later stages too,
 * and so is newer.
 *
 * Not shown so are files whose times are noted or compared, each with those of its kind: sources beside what is
 * compiled of them, pages of man, fonts and what else caches are made of, kernels and their modules. (Of pages of man
 * only man-db wants to know.)
 *
 * mandb(8) looks into those folders alone that are newer than its index, to which a round before has given the time
 * that all folders are shown with: so the index is shown as older, or pages of later rounds would never come into it.
 */
import type { FileEntry, FileTree } from "@stratos/formats";
import type { TreeChanges } from "../ports.ts";

const SHOWN_AS_THEY_ARE =
  // wide: one pattern
  /\.(py[co]?|elc?|scm|go|tex|sty)$|^usr\/share\/(info|fonts|icons|mime|applications|texmf[^/]*|texlive)\/|^usr\/(lib\/modules|src)\/|^boot\//;

const PAGE = "usr/share/man/",
  MAN_DB = "usr/bin/mandb",
  MAN_INDEX = /^var\/cache\/man\/(.*\/)?index\.db$/;

/** Which entries of a tree are shown with the one time. */
function shownAlike(entries: readonly FileEntry[], epochSeconds: number): (entry: FileEntry) => boolean {
  const hasManDb = entries.some(({ path }) => path === MAN_DB);
  return ({ kind, path, mtime }) =>
    mtime === epochSeconds
      ? kind === "file" && MAN_INDEX.test(path)
      : (kind === "symlink" || kind === "file") &&
        !SHOWN_AS_THEY_ARE.test(path) &&
        !(hasManDb && path.startsWith(PAGE));
}

/** Before all that scripts make. */
function shownTime(epochSeconds: number): number {
  return epochSeconds - 1;
}

/**
 * The tree as scripts are shown it. Folders have the image's own time, as in the image, and nothing is newer than it,
 * so that what scripts note of times is true there.
 */
export function showTimes(tree: FileTree, epochSeconds: number): FileTree {
  const shown = shownTime(epochSeconds);
  const given = [...tree.entries()],
    isAlike = shownAlike(given, epochSeconds);
  const entries = given.map((entry): FileEntry =>
    entry.kind === "directory"
      ? { ...entry, mtime: epochSeconds }
      : isAlike(entry)
        ? { ...entry, mtime: shown }
        : entry.mtime > epochSeconds
          ? { ...entry, mtime: epochSeconds }
          : entry,
  );
  return { entries: () => entries };
}

/**
 * What scripts have changed in what they were shown of `tree`, as they would have in the tree itself. The time shown
 * came from the path itself, from a file of the same content, or, of a link, from what it names, be that a link, too:
 * update-alternatives gives its links that time (dpkg utils/update-alternatives.c, make_link).
 */
export function restoreTimes<C extends Pick<TreeChanges, "changed">>(
  changes: C,
  tree: FileTree,
  epochSeconds: number,
): C {
  const shown = shownTime(epochSeconds);
  if (!changes.changed.some(({ mtime, kind }) => mtime === shown && kind !== "directory")) return changes;
  const there = new Map<string, FileEntry>(),
    alike = new Set<FileEntry>(),
    ofContent = new Map<string, number>();
  const entries = [...tree.entries()],
    isAlike = shownAlike(entries, epochSeconds);
  for (const entry of entries) {
    there.set(entry.path, entry);
    if (!isAlike(entry)) continue;
    alike.add(entry);
    const digest = entry.content?.digest;
    if (digest !== undefined && !ofContent.has(digest)) ofContent.set(digest, entry.mtime);
  }
  const before = new Map(there);
  for (const entry of changes.changed) there.set(entry.path, entry);
  const own = (entry: FileEntry, links = 0): number => {
    const old = before.get(entry.path);
    if (old !== undefined && alike.has(old)) return old.mtime;
    const target = entry.kind === "symlink" && links < LINKS_MAX ? named(there, entry) : undefined;
    return target === undefined
      ? (ofContent.get(entry.content?.digest ?? "") ?? entry.mtime)
      : target.mtime === shown
        ? own(target, links + 1)
        : target.mtime;
  };
  return {
    ...changes,
    changed: changes.changed.map((entry) => (entry.mtime === shown ? { ...entry, mtime: own(entry) } : entry)),
  };
}

/** As many as Linux follows: path_resolution(7). */
const LINKS_MAX = 40;

/** What a link names, which may be a link itself, as scripts see it; undefined when there is nothing. */
function named(there: ReadonlyMap<string, FileEntry>, link: FileEntry): FileEntry | undefined {
  let rest = link.target.split("/"),
    done = link.target.startsWith("/") ? [] : link.path.split("/").slice(0, -1);
  for (let links = 0; ;) {
    const part = rest.shift();
    if (part === undefined) return there.get(done.join("/"));
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    done.push(part);
    const entry = there.get(done.join("/"));
    if (entry?.kind !== "symlink" || rest.length === 0) continue;
    if (++links > LINKS_MAX) return undefined;
    if (entry.target.startsWith("/")) done = [];
    else done.pop();
    rest = [...entry.target.split("/"), ...rest];
  }
}

/** What scripts have made now, whatever the clock says, has the image's time. */
export function settleTimes<C extends Pick<TreeChanges, "changed">>(changes: C, epochSeconds: number): C {
  return {
    ...changes,
    changed: changes.changed.map((entry) => (entry.mtime > epochSeconds ? { ...entry, mtime: epochSeconds } : entry)),
  };
}
