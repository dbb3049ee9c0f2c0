/** What an image's outputs are called, and whether all of them can be made: told before anything runs. */
import { lockKey } from "./gather/lock.ts";
import type { OutputWriter } from "./ports.ts";
import { TreefileError } from "./treefile/parse.ts";
import { substitute, type ImageTarget, type Treefile } from "./treefile/treefile.ts";

/** They go into a place of their own, under a name of its kind. */
const NO_FILES: ReadonlySet<string> = new Set(["stratos", "ostree"]);

/** What stands beside outputs. */
const OWN_FILES = /^(composeinfo\.json|SHA(256|512)SUMS|.*\.(spdx|provenance)\.json)$/;

export function writerOf(writers: readonly OutputWriter[], target: ImageTarget, name: string): OutputWriter {
  return writers.find((one) => one.format === target.config.outputs![name]!.format)!;
}

export function outputPath(writers: readonly OutputWriter[], target: ImageTarget, name: string): string {
  const config = target.config.outputs![name]!;
  // systemd looks for NAME.raw, and for NAME within.
  const isExtension = config.extension !== undefined && ["erofs", "squashfs", "ext4"].includes(config.format);
  const file =
    config.filename ?? (isExtension ? "${name}-${variant}.raw" : writerOf(writers, target, name).filename(config));
  return substitute(config.destination === undefined ? file : `${config.destination}/${file}`, target);
}

const EXTENSION_FORMATS = ["erofs", "squashfs", "ext4", "folder", "tar"];

/** What an extension is called by systemd: its file without what says its format. */
export function extensionName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.(raw|tar(\.(gz|zst))?)$/, "");
}

/** The image that an extension is laid over. */
export function extendedTarget(
  targets: readonly ImageTarget[],
  { architecture }: ImageTarget,
  over: string,
): ImageTarget | undefined {
  return targets.find((one) => one.variant === over && one.architecture === architecture);
}

/** Variants that the outputs of an image are laid over. */
export function extendedVariants({ config }: ImageTarget): string[] {
  const all = Object.values(config.outputs ?? {}).map(({ extension }) => extension?.over);
  return [...new Set(all.filter((over) => over !== undefined))];
}

function checkExtension(treefile: Treefile, targets: readonly ImageTarget[], target: ImageTarget, name: string): void {
  const { format, extension = {} } = target.config.outputs![name]!,
    { kind, over } = extension;
  const fail = (key: readonly string[], message: string): never => {
    throw treefile.problem(target, ["outputs", name, "extension", ...key], message);
  };
  if (kind === undefined || over === undefined) return fail([], `${kind === undefined ? "kind" : "over"} is missing`);
  if (!EXTENSION_FORMATS.includes(format))
    fail([], `${format} is no extension; ${EXTENSION_FORMATS.join(", ")} can be`);
  if (over === target.variant) fail(["over"], "an image is no extension of itself");
  if (extendedTarget(targets, target, over) !== undefined) return;
  const isThere = treefile.targets().some((one) => one.variant === over && one.architecture === target.architecture);
  fail(
    ["over"],
    isThere
      ? `the variant ${over} is not among those that were chosen, and the extension is made from it`
      : `there is no variant ${over} for ${target.architecture}; there is ${treefile.variants.join(", ")}`,
  );
}

/** @throws TreefileError  a format that nothing writes, two outputs of one name, or a name that leads elsewhere */
export function checkOutputs(
  writers: readonly OutputWriter[],
  treefile: Treefile,
  targets: readonly ImageTarget[],
): void {
  const taken = new Map<string, string>();
  for (const target of targets) {
    for (const [name, config] of Object.entries(target.config.outputs ?? {})) {
      const { format, destination } = config;
      const fail = (message: string): never => {
        throw treefile.problem(target, ["outputs", name], message);
      };
      if (!writers.some((one) => one.format === format))
        fail(`nothing here writes ${format}; ${writers.map((one) => one.format).join(", ")} can be written`);
      if (config.extension !== undefined) checkExtension(treefile, targets, target, name);
      const problems = writerOf(writers, target, name).problems?.(config) ?? [];
      if (problems.length > 0)
        throw new TreefileError(
          problems.flatMap(({ key, message }) => treefile.problem(target, ["outputs", name, ...key], message).problems),
        );
      const path = outputPath(writers, target, name),
        of = `of ${lockKey(target)}`,
        other = taken.get(path);
      if (destination !== undefined && NO_FILES.has(format)) fail(`destination is for files, and ${format} makes none`);
      if (path.split("/").some((part) => part === ".." || part === "."))
        fail(`would be ${path} ${of}, which leads elsewhere`);
      if (other !== undefined && writerOf(writers, target, name).isShared !== true)
        fail(
          `would be ${path} ${of}, as ${other} is; give one a filename of its own, or one with \${variant} and ` +
            `\${architecture}`,
        );
      if (OWN_FILES.test(path)) fail(`would be ${path} ${of}, which a compose writes itself; choose another filename`);
      taken.set(path, `outputs.${name} ${of}`);
    }
  }
}
