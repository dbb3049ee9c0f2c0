/**
 * A commit as a disk: the real ostree deploys it into a root, and `stratos image convert` makes a disk of that root.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PATIENT } from "./emulator.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @returns path of the disk. @throws Error in the words of what failed */
export function deploySample(repository: string, ref: string, folder: string): string {
  const sysroot = join(folder, "sysroot"),
    own = `--repo=${join(sysroot, "ostree/repo")}`,
    disk = join(folder, "deployed.raw");
  if (existsSync(disk)) return disk;
  if (process.getuid?.() !== 0) throw new Error("ostree gives deployed files their owners, which takes root");
  mkdirSync(sysroot);
  try {
    must("ostree", "admin", "init-fs", "--modern", sysroot);
    must("ostree", "admin", "os-init", "debian", `--sysroot=${sysroot}`);
    must("ostree", "config", own, "set", "sysroot.bootloader", "none");
    must("ostree", "pull-local", own, repository, ref);
    must("ostree", "admin", "deploy", `--sysroot=${sysroot}`, "--os=debian", ref);
    must(
      process.execPath,
      join(root, "stratos.mjs"),
      "image",
      "convert",
      sysroot,
      disk,
      "--to",
      "raw",
      "--name",
      "deployed",
      "--arch",
      "amd64",
      "--kernel-options",
      PATIENT,
    );
  } finally {
    // It takes care that nobody removes what is deployed.
    const deployed = join(sysroot, "ostree/deploy/debian/deploy");
    if (existsSync(deployed))
      spawnSync("chattr", [
        "-i",
        ...readdirSync(deployed)
          .filter((name) => /\.\d+$/.test(name))
          .map((name) => join(deployed, name)),
      ]);
    rmSync(sysroot, { recursive: true, force: true });
  }
  return disk;
}

function must(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 26 });
  if (error !== undefined) throw new Error(`needs ${program}: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ${args[0]!} ${args[1] ?? ""}: ${stderr.trim()}`);
}
