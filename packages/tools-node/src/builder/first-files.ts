/**
 * The first files of a clean root, written straight into the overlay's upper folder, where a mount would copy them up
 * to: nothing runs for it. Only where that is the same: what a layer has in the way (a link, a whiteout, another owner)
 * is left to a script inside the mount.
 *
 * Layers hold what packages bring, and packages may be anybody's: names in them are looked at before they are followed.
 */
import {
  chmodSync,
  chownSync,
  constants,
  lchownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { BroughtFile, CloneSettings } from "@stratos/builder";
import { isRoot } from "./namespaces.ts";

/** Accounts of a system are a few kilobytes. */
const ACCOUNTS_BYTES_MAX = 1 << 20;

interface Place {
  /** Trees of the layers, the highest first. */
  readonly layers: readonly string[];
  readonly upper: string;
}

/**
 * Names the host and its user, and brings files into the build folder. As an ordinary user they are still root's.
 *
 * @returns whether it was done; else nothing was
 */
export async function writeFirstFiles(
  place: Place,
  { user, hostname, buildFolder }: Pick<CloneSettings, "user" | "hostname" | "buildFolder">,
  files: readonly BroughtFile[],
): Promise<boolean> {
  if (!files.every(({ from, name }) => statSync(from).isFile() && !name.includes("/"))) return false;
  const folders = ["etc", ...parentsOf(buildFolder)];
  if (!folders.every((path) => place.layers.every((layer) => lookAt(layer, path)?.isDirectory() ?? true))) return false;
  // Files of it could be links.
  if (place.layers.some((layer) => lookAt(layer, buildFolder) !== undefined)) return false;
  const etc = highest(place, "etc");
  const accounts = ["etc/passwd", "etc/group"].map((path) => readOwn(place, path));
  const [passwd, group] = accounts;
  if (etc === undefined || !isOwn(etc.stats) || passwd === undefined || group === undefined) return false;
  const named = ["etc/hosts", "etc/hostname"].map((path) => highest(place, path)?.stats);
  if (!named.every((stats) => stats === undefined || (stats.isFile() && isOwn(stats)))) return false;
  const resolver = highest(place, "etc/resolv.conf")?.stats;
  if (resolver !== undefined && !(resolver.isFile() && resolver.size === 0)) return false;

  for (const path of folders) {
    mkdirSync(join(place.upper, path), { recursive: true });
    chmodSync(join(place.upper, path), (highest(place, path)?.stats.mode ?? 0o755) & 0o7777);
  }
  const write = (path: string, text: string, mode = 0o644): void => {
    writeFileSync(join(place.upper, path), text, { flag: "wx", encoding: "latin1" });
    chmodSync(join(place.upper, path), mode & 0o7777);
  };
  if (!passwd.text.split("\n").some((line) => line.startsWith(`${user.name}:`))) {
    const id = String(user.id);
    write("etc/passwd", `${passwd.text}${user.name}:x:${id}:${id}:builder:/nonexistent:/bin/sh\n`, passwd.mode);
    write("etc/group", `${group.text}${user.name}:x:${id}:\n`, group.mode);
  }
  write("etc/hosts", `127.0.0.1\tlocalhost ${hostname}\n::1\tlocalhost\n`, named[0]?.mode);
  write("etc/hostname", `${hostname}\n`, named[1]?.mode);

  const folder = join(place.upper, buildFolder);
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  for (const { from, name } of files) {
    const target = join(folder, name);
    await copyFile(from, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    chmodSync(target, statSync(from).mode & 0o755);
    if (isRoot()) lchownSync(target, user.id, user.id);
  }
  if (isRoot()) chownSync(folder, user.id, user.id);
  return true;
}

/** `/build/a` is in `build`. */
function parentsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** Of a path whose folders are folders. */
function lookAt(layer: string, path: string): Stats | undefined {
  return lstatSync(join(layer, path), { throwIfNoEntry: false });
}

function highest({ layers }: Place, path: string): { readonly at: string; readonly stats: Stats } | undefined {
  for (const layer of layers) {
    const stats = lookAt(layer, path);
    if (stats !== undefined) return { at: join(layer, path), stats };
  }
  return undefined;
}

/** What a file would belong to that is written here. */
function isOwn({ uid, gid }: Stats): boolean {
  return uid === process.getuid!() && gid === process.getgid!();
}

function readOwn(place: Place, path: string): { readonly text: string; readonly mode: number } | undefined {
  const found = highest(place, path);
  if (found === undefined || !found.stats.isFile() || !isOwn(found.stats)) return undefined;
  if (found.stats.size > ACCOUNTS_BYTES_MAX) return undefined;
  return { text: readFileSync(found.at, "latin1"), mode: found.stats.mode };
}
