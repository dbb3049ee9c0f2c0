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

/** As the compose's folder tells. */
interface ComposedArtifact {
  readonly path: string;
  readonly format: string;
  readonly architecture: string;
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
  const isMachine = use === "machine";
  const isFor = (format: string): boolean => (isMachine ? BOOTABLE.includes(format) : !NO_TREES.includes(format));
  const info = statSync(text).isDirectory() ? readInfo(text) : undefined;
  if (info === undefined) {
    const beside = readInfo(dirname(resolve(text)));
    const found = artifactsOf(beside).find(({ path }) => basename(path) === basename(text));
    if (found !== undefined && !isFor(found.format))
      throw new OperationError(
        "build",
        text,
        `is of the format ${found.format}: ${isMachine ? "no machine starts from it" : withoutShell(found.format)}`,
      );
    return { path: text, architecture: found?.architecture };
  }
  const all = artifactsOf(info).map((each) => ({ ...each, ...placeOf(text, each) }));
  const meant = all.filter(({ path, folder, format }) => {
    if (!isFor(format)) return false;
    return format === "stratos" && !isMachine ? use.images.find(path) !== null : existsSync(folder);
  });
  if (meant.length === 1) return meant[0]!;
  throw new OperationError(
    "build",
    text,
    meant.length === 0
      ? `the compose has made nothing that ${isMachine ? "a machine starts from" : "is here and has a root"}`
      : `say which one: ${meant.map(({ path }) => path).join(", ")}`,
  );
}

function artifactsOf(info: ComposeInfo | undefined): ComposedArtifact[] {
  return (info?.images ?? []).flatMap(({ architecture, artifacts }) =>
    artifacts.map(({ path, format }) => ({ path, format, architecture })),
  );
}

function withoutShell(format: string): string {
  return `its files are not read here${format === "iso" ? "; `stratos compose boot` starts a machine from it" : ""}`;
}

/** Where an artefact of a compose of `into` is: as `openTreeSource` takes it, and what of it is in the file system. */
function placeOf(into: string, { path, format }: ComposedArtifact): { readonly path: string; readonly folder: string } {
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
