/** What a compose has made, as its user names it: a file or folder, or the compose's folder, in which one is meant. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { ComposeInfo } from "@stratos/compose";
import { OperationError } from "@stratos/operation";

interface ComposedOutput {
  readonly path: string;
  /** as the compose says; undefined: no compose tells */
  readonly architecture: string | undefined;
}

const BOOTABLE = ["qcow2", "raw", "iso", "vmdk", "vhd", "vhd-fixed", "vhdx"];

/** @throws OperationError  nothing is there, or several could be meant */
export function findOutput(text: string, options: { readonly isBootable: boolean }): ComposedOutput {
  if (!existsSync(text))
    throw new OperationError("build", text, "is not there; give a file that a compose has made, or its folder");
  const info = statSync(text).isDirectory() ? readInfo(text) : undefined;
  if (info === undefined) {
    const found = readInfo(dirname(resolve(text)))?.images.find(({ artifacts }) =>
      artifacts.some(({ path }) => basename(path) === basename(text)),
    );
    const format = found?.artifacts.find(({ path }) => basename(path) === basename(text))?.format;
    if (options.isBootable && format !== undefined && !BOOTABLE.includes(format))
      throw new OperationError("build", text, `is of the format ${format}: no machine starts from it`);
    return { path: text, architecture: found?.architecture };
  }
  const all = info.images.flatMap(({ architecture, artifacts }) =>
    artifacts.map(({ path, format }) => ({ path: join(text, path), format, architecture })),
  );
  const meant = all.filter(
    ({ path, format }) => existsSync(path) && (!options.isBootable || BOOTABLE.includes(format)),
  );
  if (meant.length === 1) return meant[0]!;
  throw new OperationError(
    "build",
    text,
    meant.length === 0
      ? `the compose has made nothing that ${options.isBootable ? "a machine starts from" : "is here"}`
      : `say which one: ${meant.map(({ path }) => path).join(", ")}`,
  );
}

function readInfo(folder: string): ComposeInfo | undefined {
  const path = join(folder, "composeinfo.json");
  if (!existsSync(path)) return undefined;
  try {
    const info = JSON.parse(readFileSync(path, "utf8")) as ComposeInfo;
    return Array.isArray(info.images) ? info : undefined;
  } catch {
    return undefined;
  }
}
