/**
 * For which processor a root's programs are, by what its own shell or first process says. Source: System V ABI, chapter
 * 4, "ELF Header", e_machine.
 */
import type { FileTree } from "@stratos/formats";
import { TreePaths } from "./tree-paths.ts";

/** Each root has one of them; the first of these is asked. */
const PROGRAMS = [
  "bin/sh",
  "usr/bin/sh",
  "usr/bin/busybox",
  "bin/busybox",
  "sbin/init",
  "usr/sbin/init",
  "usr/lib/systemd/systemd",
] as const;
const MACHINES: Readonly<Record<number, string>> = { 62: "amd64", 183: "arm64", 243: "riscv64" };
const ELF_64_LITTLE_ENDIAN = [0x7f, 0x45, 0x4c, 0x46, 2, 1] as const;
const MACHINE = 18;

/** @returns Debian's name of the architecture; null when no program tells */
export function treeArchitecture(tree: FileTree): string | null {
  const paths = new TreePaths(tree);
  const head = new Uint8Array(20);
  for (const program of PROGRAMS) {
    const content = paths.resolve(program)?.content;
    if (content === null || content === undefined || content.read(0, head) < head.length) continue;
    if (ELF_64_LITTLE_ENDIAN.every((byte, index) => head[index] === byte))
      return MACHINES[head[MACHINE]! | (head[MACHINE + 1]! << 8)] ?? null;
  }
  return null;
}
