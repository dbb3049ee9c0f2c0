/**
 * What `stratos run` loads before the guest runs: each module costs every run its reading, so nothing that only other
 * commands need is among them.
 */
import { importsOf } from "./layers.ts";
import { doorsOf, fileBehind } from "./module-exports.ts";
import type { Finding, SourceTree } from "./source-tree.ts";

const ENTRIES = ["packages/cli/src/run-cli.ts", "packages/cli/src/commands/run-command.ts"];
/** Packages and libraries that a run needs none of, but for these doors. */
const NOT_AT_START = /^(?:packages\/(?:pkg|compose|outputs|formats|fuse)\/|library )/;
/** The kernel reads ELF files, loop devices with partitions, ext4, ISO 9660 and FAT, and tells dates (/dev/rtc0). */
const KERNEL_FORMATS = [
  "calendar/civil-time",
  "elf",
  "format-error",
  "disk/disk",
  "ext4/ext4",
  ...["allocator", "directory", "extents", "inode", "reader", "superblock", "xattrs"].map(
    (part) => `ext4/ext4-${part}`,
  ),
  ...["geometry", "names", "reader", "time"].map((part) => `fat/fat-${part}`),
  "iso9660/iso-reader",
  "iso9660/rock-ridge",
  "image/image",
  "tree/image-reader",
  "gpt/partitions",
  "gpt/gpt",
  "gpt/guid",
  "gpt/partition-types",
];
const ALLOWED = new Set([
  ...KERNEL_FORMATS.map((name) => `packages/formats/src/${name}.ts`),
  "packages/pkg/src/debian/control.ts",
  "packages/outputs/src/format-names.ts",
  "library commander",
]);

export function checkStartUp(tree: SourceTree): Finding[] {
  const textOf = new Map(tree.files.map(({ path, text }) => [path, text]));
  const doors = doorsOf(tree.files);
  const importer = new Map(ENTRIES.map((path) => [path, ""]));
  const findings: Finding[] = [];
  for (const path of importer.keys()) {
    // a Map's walk meets what is added on the way
    for (const { specifier, isErased } of importsOf(textOf.get(path) ?? "")) {
      if (isErased || specifier.startsWith("node:")) continue;
      const target = fileBehind(specifier, path, doors) ?? `library ${specifier}`;
      if (importer.has(target)) continue;
      importer.set(target, path);
      if (!NOT_AT_START.test(target) || ALLOWED.has(target)) continue;
      findings.push({
        path,
        line: 0,
        message:
          `\`stratos run\` would load ${target} at its start: ${chain(importer, path)}; import it when it is used, ` +
          "or by a door of its own",
      });
      importer.delete(target); // one finding for each importer, none for what lies behind it
    }
  }
  return findings;
}

function chain(importer: ReadonlyMap<string, string>, from: string): string {
  const steps: string[] = [];
  for (let path = from; path !== ""; path = importer.get(path)!) steps.unshift(path);
  return steps.join(" → ");
}
