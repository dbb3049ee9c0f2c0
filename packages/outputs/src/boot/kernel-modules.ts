/**
 * Kernel modules in the order in which they can be loaded. What a module needs stands in `modules.dep`
 * (modules.dep(5)), or, where depmod did not run, in the module itself (`depends=` of its `.modinfo`, which only plain
 * modules show).
 */
import { FormatError } from "@stratos/formats";
import { byteString } from "@stratos/base";
import type { TreePaths } from "../tree/tree-paths.ts";

interface ModuleFolder {
  /** real path of `/lib/modules/VERSION` */
  readonly path: string;
  /** file by name, with `_` for `-` */
  readonly files: ReadonlyMap<string, string>;
  readonly depends: (file: string) => readonly string[];
  /** names that are part of the kernel */
  readonly builtin: ReadonlySet<string>;
}

function moduleName(file: string): string {
  return file
    .slice(file.lastIndexOf("/") + 1)
    .replace(/\.ko(\.(xz|zst|gz))?$/, "")
    .replaceAll("-", "_");
}

/** @param all  paths of all files of the tree */
export function readModules(paths: TreePaths, all: Iterable<string>, version: string): ModuleFolder {
  const path = `usr/lib/modules/${version}`;
  const real = paths.resolve(`lib/modules/${version}`)?.path ?? path;
  const files = new Map<string, string>();
  for (const file of all)
    if (file.startsWith(`${real}/`) && /\.ko(\.(xz|zst|gz))?$/.test(file)) files.set(moduleName(file), file);
  const builtin = new Set(
    (paths.text(`${real}/modules.builtin`) ?? "")
      .split("\n")
      .filter((line) => line !== "")
      .map(moduleName),
  );
  const table = paths.text(`${real}/modules.dep`);
  if (table === undefined)
    return {
      path: real,
      files,
      builtin,
      depends: (file) =>
        ownDepends(paths, file)
          .map((name) => fileOf(files, builtin, name))
          .filter((found) => found !== undefined),
    };
  const needs = new Map(
    table
      .split("\n")
      .filter((line) => line.includes(":"))
      .map((line) => {
        const [file, rest] = line.split(":") as [string, string];
        // Names in modules.dep are the plain ones when it was made before the modules were packed.
        const own = (name: string): string => files.get(moduleName(name)) ?? `${real}/${name}`;
        return [
          own(file),
          rest
            .split(" ")
            .filter((name) => name !== "")
            .map(own),
        ];
      }),
  );
  return { path: real, files, builtin, depends: (file) => needs.get(file) ?? [] };
}

/**
 * The files of these modules and of all that they need, each after what it needs. Names that the kernel has built in,
 * or not at all, are left out.
 */
export function loadOrder(modules: ModuleFolder, wanted: readonly string[]): string[] {
  const order: string[] = [];
  const seen = new Set<string>(),
    onTheWay = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    if (onTheWay.has(file)) throw new FormatError(`${file}: modules that need one another`);
    onTheWay.add(file);
    for (const need of modules.depends(file)) visit(need);
    onTheWay.delete(file);
    seen.add(file);
    order.push(file);
  };
  for (const name of wanted) {
    const file = fileOf(modules.files, modules.builtin, name.replaceAll("-", "_"));
    if (file !== undefined) visit(file);
  }
  return order;
}

function fileOf(files: ReadonlyMap<string, string>, builtin: ReadonlySet<string>, name: string): string | undefined {
  return builtin.has(name) ? undefined : files.get(name);
}

function ownDepends(paths: TreePaths, file: string): string[] {
  if (!file.endsWith(".ko"))
    throw new FormatError(`${file}: what this packed module needs is not known; depmod has to run in the tree first`);
  const text = byteString(paths.bytes(file)!);
  const found = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? "";
  return found
    .split(",")
    .filter((name) => name !== "")
    .map((name) => name.replaceAll("-", "_"));
}
