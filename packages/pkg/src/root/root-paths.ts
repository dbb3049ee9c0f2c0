/** Paths as the system in a root would resolve them: symbolic links in folders are followed, and never lead outside. */
import type { RootNode } from "./root-files.ts";

/** A path that does not lead to a place in the root. */
export class RootPathError extends Error {
  override name = "RootPathError";
}

/** Linux follows at most this many links in one path (MAXSYMLINKS). */
const LINKS_MAX = 40;

/**
 * The place of `path`: all links in its folders are followed, the last name is not. Folders that do not exist are taken
 * to be what the path says.
 *
 * @throws RootPathError  the path holds `..` or the like, a folder is no folder, or links go in circles
 */
export function placeOf(look: (path: string) => RootNode | undefined, path: string): string {
  if (path === "") return "";
  const names = path.split("/");
  for (const name of names) {
    if (name === "" || name === "." || name === ".." || name.includes("\0"))
      throw new RootPathError(`not a path within the root: ${path.slice(0, 200)}`);
  }
  const last = names.pop()!;
  const links = { count: 0 };
  let at = "";
  for (const name of names) at = enter(look, at, name, links);
  return at === "" ? last : `${at}/${last}`;
}

/** As {@link placeOf}, and follows links at the end too. */
export function targetOf(look: (path: string) => RootNode | undefined, path: string): string {
  const place = placeOf(look, path);
  const node = look(place);
  return node?.kind === "symlink" ? follow(look, place, node.target, { count: 0 }) : place;
}

function enter(
  look: (path: string) => RootNode | undefined,
  at: string,
  name: string,
  links: { count: number },
): string {
  const place = at === "" ? name : `${at}/${name}`;
  const node = look(place);
  if (node === undefined || node.kind === "directory") return place;
  if (node.kind !== "symlink") throw new RootPathError(`/${place}: is no directory`);
  return follow(look, place, node.target, links);
}

function follow(
  look: (path: string) => RootNode | undefined,
  place: string,
  target: string,
  links: { count: number },
): string {
  if (++links.count > LINKS_MAX) throw new RootPathError(`/${place}: too many symbolic links`);
  const slash = place.lastIndexOf("/");
  let at = target.startsWith("/") || slash < 0 ? "" : place.slice(0, slash);
  const names = target.split("/").filter((name) => name !== "" && name !== ".");
  for (let index = 0; index < names.length; index++) {
    const name = names[index]!;
    if (name === "..") {
      at = at.includes("/") ? at.slice(0, at.lastIndexOf("/")) : "";
      continue;
    }
    const next = at === "" ? name : `${at}/${name}`;
    const node = look(next);
    if (node?.kind === "symlink") at = follow(look, next, node.target, links);
    else if (node !== undefined && node.kind !== "directory" && index < names.length - 1)
      throw new RootPathError(`/${next}: is no directory`);
    else at = next;
  }
  return at;
}
