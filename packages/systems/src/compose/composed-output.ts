/** What a compose has made, as its user names it: a file or folder, or the compose's folder, in which one is meant. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type { ComposeInfo } from "@stratos/compose";
import type { ImageStore } from "@stratos/images";
import { OperationError } from "@stratos/operation";

interface ComposedOutput {
  /** as `openTreeSource` takes it */
  readonly path: string;
  /** as the compose says; undefined: no compose tells */
  readonly architecture: string | undefined;
}

const BOOTABLE = ["qcow2", "raw", "iso", "vmdk", "vhd", "vhd-fixed", "vhdx"];

/** Of which no tree is read: machines start from a medium, and what unpacks the others is elsewhere. */
const NO_TREES = ["iso", "cpio", "initramfs", "ova"];

/**
 * @param use  what it is wanted for: that a machine starts from it, or as a root; then also what lies in a repository,
 *   or among these images
 * @throws OperationError  nothing is there, or several could be meant
 */
export function findOutput(text: string, use: "machine" | { readonly images: ImageStore }): ComposedOutput {
  if (!existsSync(text))
    throw new OperationError("build", text, "is not there; give a file that a compose has made, or its folder");
  const isFor = (format: string): boolean =>
    use === "machine" ? BOOTABLE.includes(format) : !NO_TREES.includes(format);
  const info = statSync(text).isDirectory() ? readInfo(text) : undefined;
  if (info === undefined) {
    const found = readInfo(dirname(resolve(text)))?.images.find(({ artifacts }) =>
      artifacts.some(({ path }) => basename(path) === basename(text)),
    );
    const format = found?.artifacts.find(({ path }) => basename(path) === basename(text))?.format;
    if (format !== undefined && !isFor(format))
      throw new OperationError(
        "build",
        text,
        `is of the format ${format}: ${use === "machine" ? "no machine starts from it" : withoutShell(format)}`,
      );
    return { path: text, architecture: found?.architecture };
  }
  const all = info.images.flatMap(({ architecture, artifacts }) =>
    artifacts.map(({ path, format }) => ({ ...placeOf(text, path, format), format, architecture })),
  );
  const meant = all.filter(({ path, folder, format }) => {
    if (!isFor(format)) return false;
    return format === "stratos" && use !== "machine" ? use.images.find(path) !== null : existsSync(folder);
  });
  if (meant.length === 1) return meant[0]!;
  throw new OperationError(
    "build",
    text,
    meant.length === 0
      ? `the compose has made nothing that ${use === "machine" ? "a machine starts from" : "is here and has a root"}`
      : `say which one: ${meant.map(({ path }) => path).join(", ")}`,
  );
}

function withoutShell(format: string): string {
  return `its files are not read here${format === "iso" ? "; `stratos compose boot` starts a machine from it" : ""}`;
}

/** What a compose of `into` calls `path`, as `openTreeSource` takes it, and what of it is in the file system. */
function placeOf(into: string, path: string, format: string): { readonly path: string; readonly folder: string } {
  if (format === "stratos") return { path, folder: path };
  const place = isAbsolute(path) ? path : join(into, path);
  return format === "ostree"
    ? { path: `ostree:${place}`, folder: place.slice(0, place.lastIndexOf(":")) }
    : { path: place, folder: place };
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
