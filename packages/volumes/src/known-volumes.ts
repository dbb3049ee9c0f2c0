/**
 * Which image files are volumes: block devices can be asked one by one, files can't be found. So the commands that
 * make, mount and change volumes write down where they are, in `volumes.json` of $STRATOS_HOME: lists of paths, one for
 * each volume. It only helps to find them again (by UUID, by label, by one of several devices); nothing breaks without
 * it.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { replaceFile } from "@stratos/host-node/files";
import { makeFolders, stratosHome } from "@stratos/host-node/home";

/** More than that are forgotten, the ones longest unused first. */
const VOLUMES_MAX = 256;

const registryPath = (): string => join(stratosHome(), "volumes.json");

/** The paths of each volume, those that were used last first. */
export function knownVolumes(): string[][] {
  try {
    const value: unknown = JSON.parse(readFileSync(registryPath(), "utf8"));
    if (!Array.isArray(value)) return [];
    return value.filter(
      (paths): paths is string[] => Array.isArray(paths) && paths.every((path) => typeof path === "string"),
    );
  } catch {
    return [];
  }
}

/** Writes down that these are one volume's devices. Paths that are not there now stay: their disk may come back. */
export function rememberVolume(paths: readonly string[]): void {
  const own = paths.map((path) => resolve(path));
  const before = knownVolumes();
  if (before[0] !== undefined && String(before[0]) === String(own)) return;
  const others = before.filter((group) => !group.some((path) => own.includes(path)));
  const path = registryPath();
  try {
    makeFolders(dirname(path));
    const groups = [own, ...others].slice(0, VOLUMES_MAX);
    replaceFile(path, `${JSON.stringify(groups, null, 1)}\n`, { mode: 0o600, flush: false });
  } catch {
    // A home that cannot be written: the volume is found by its path alone.
  }
}
