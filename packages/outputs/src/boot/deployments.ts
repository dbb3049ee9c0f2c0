/**
 * Systems that `ostree admin deploy` has put into a root: they lie below `/ostree/deploy`, and `/boot/loader/entries`
 * says how each is started. Source: UAPI Boot Loader Specification, type 1; libostree's manual, "Deployments".
 */
import { FormatError } from "@stratos/formats";
import type { TreePaths } from "../tree/tree-paths.ts";

export interface Deployment {
  /** name of its entry */
  readonly id: string;
  readonly title: string;
  /** what the menu sorts by, as ostree wrote it */
  readonly version: string;
  /** paths of the tree */
  readonly linux: string;
  readonly initrd: string;
  /** the kernel's command line, which names the system: `ostree=/ostree/boot.1/…` */
  readonly options: string;
  /** real path of the system's own root in the tree */
  readonly system: string;
}

/**
 * In the order in which they are to be offered; empty when the tree is no such root. @throws FormatError when an entry
 * leads nowhere
 */
export function findDeployments(paths: TreePaths): Deployment[] {
  const folder = paths.resolve("boot/loader/entries");
  if (folder?.kind !== "directory" || paths.resolve("ostree/deploy")?.kind !== "directory") return [];
  const found: Deployment[] = [];
  for (const name of paths.names(folder.path)) {
    if (!name.endsWith(".conf")) continue;
    const fields = new Map(
      (paths.text(`${folder.path}/${name}`) ?? "")
        .split("\n")
        .map((line) => /^(\S+)\s+(.*)$/.exec(line))
        .filter((match) => match !== null)
        .map(([, key, value]) => [key!, value!]),
    );
    const options = fields.get("options") ?? "",
      place = /(?:^| )ostree=(\/\S+)/.exec(options)?.[1];
    if (place === undefined) continue;
    const at = (key: string): string => {
      const path = `boot${fields.get(key) ?? "/"}`;
      if (paths.resolve(path)?.kind !== "file")
        throw new FormatError(
          `${folder.path}/${name}: ${key} is ${fields.get(key) ?? "not given"}, and not in the tree`,
        );
      return path;
    };
    const system = paths.resolve(place.slice(1));
    if (system?.kind !== "directory")
      throw new FormatError(`${folder.path}/${name}: its system ${place} is not in the tree`);
    found.push({
      id: name.slice(0, -".conf".length),
      title: fields.get("title") ?? name,
      version: fields.get("version") ?? "0",
      linux: at("linux"),
      initrd: at("initrd"),
      options,
      system: system.path,
    });
  }
  // ostree counts its entries up, and the highest one is to be started.
  return found.sort((left, right) => (left.id < right.id ? 1 : -1));
}
