/**
 * Kernel, first root and command line as one program of UEFI, which can be signed as a whole. systemd's stub starts it.
 * Source: UAPI Unified Kernel Image specification; systemd-stub(7).
 */
import { utf8Of } from "@stratos/base";
import { addPeSections } from "@stratos/formats";
import type { TreePaths } from "../tree/tree-paths.ts";

interface UnifiedKernel {
  readonly linux: Uint8Array;
  readonly initrd: Uint8Array;
  readonly commandLine: string;
  readonly version: string;
  /** os-release(5), from which a menu takes the title */
  readonly osRelease: string;
}

/** @param stub  `linuxx64.efi.stub` or its sibling. @throws FormatError when nothing can be added to it */
export function unifiedKernel(
  stub: Uint8Array,
  { linux, initrd, commandLine, version, osRelease }: UnifiedKernel,
): Uint8Array {
  // The kernel stands last, as it may need room behind it.
  return addPeSections(stub, [
    { name: ".osrel", content: utf8Of(osRelease) },
    { name: ".cmdline", content: utf8Of(commandLine) },
    { name: ".uname", content: utf8Of(version) },
    { name: ".initrd", content: initrd },
    { name: ".linux", content: linux },
  ]);
}

/** The tree's own os-release under a title of ours. */
export function osReleaseOf(paths: TreePaths, title: string): string {
  const own = (paths.text("etc/os-release") ?? paths.text("usr/lib/os-release") ?? "ID=linux\n")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("PRETTY_NAME="));
  return `${[...own, `PRETTY_NAME="${title.replace(/["$`\\\n]/g, "")}"`].join("\n")}\n`;
}
