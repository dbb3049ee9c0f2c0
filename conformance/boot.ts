/**
 * Boots what we write, under QEMU without hardware help (TCG): a disk with systemd-boot, one with GRUB in a QCOW2
 * image, an ISO under BIOS and under UEFI, a disk that `stratos install` made, and a disk of riscv64. Kernel and
 * loaders are those of Debian; nothing of it is installed on the host but the emulator. Not part of `npm test`: it
 * takes a few minutes.
 *
 *     npm run conformance:boot -- [--record] [NAME…]
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { recordBoots, type BootRow } from "./results.ts";
import { findMirror } from "@stratos/tools-node/packages";
import { Machine, machineObstacle, type Firmware } from "./emulator.ts";
import { refuseUnknown } from "../tests/support/known-names.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MARKER = "STRATOS-BOOT-OK";
const BOOT_TIMEOUT_MS = 240_000;
const PACKAGES = ["systemd-boot-efi", "grub-efi-amd64-bin", "isolinux", "syslinux-common", "busybox-static"];

interface Case {
  readonly name: string;
  readonly make: (tree: string, image: string) => readonly string[];
  readonly file: string;
  readonly uefi: boolean;
  readonly expect: RegExp;
  /** replaces the loader's own settings before the disk boots */
  readonly menu?: string;
  /** the image is a disk, as on a USB stick, not an optical medium */
  readonly isStick?: true;
}

const convert =
  (...more: string[]) =>
  (tree: string, image: string): readonly string[] => [
    "image",
    "convert",
    tree,
    image,
    "--root",
    "--arch",
    "amd64",
    "--name",
    "boot test",
    ...more,
  ];

const CASES: readonly Case[] = [
  {
    name: "disk, systemd-boot, UEFI",
    make: convert("--loader", "systemd-boot"),
    file: "disk.raw",
    uefi: true,
    expect: / \/ ext4 /,
  },
  {
    name: "QCOW2, GRUB, UEFI",
    make: convert("--loader", "grub", "-c", "zstd"),
    file: "disk.qcow2",
    uefi: true,
    expect: / \/ ext4 /,
  },
  { name: "ISO, BIOS", make: convert(), file: "bios.iso", uefi: false, expect: / \/ overlay / },
  { name: "ISO, UEFI", make: convert(), file: "uefi.iso", uefi: true, expect: / \/ overlay / },
  {
    name: "disk, btrfs with subvolumes, UEFI",
    make: convert("--filesystem", "btrfs", "-c", "zstd"),
    file: "btrfs.raw",
    uefi: true,
    expect: / \/ btrfs .*subvol=\/@ /,
  },
  {
    name: "disk, btrfs, from a snapshot, UEFI",
    make: convert("--filesystem", "btrfs", "--snapshot", "factory"),
    file: "snapshot.raw",
    uefi: true,
    expect: / \/ btrfs .*subvol=\/@factory /,
    menu: "timeout 1\ndefault stratos-factory.conf\n",
  },
  {
    name: "disk, EROFS, unified kernel, UEFI",
    make: convert("--filesystem", "erofs", "--loader", "unified"),
    file: "erofs.raw",
    uefi: true,
    expect: / \/ erofs ro/,
  },
  {
    name: "disk, XFS, UEFI",
    make: convert("--filesystem", "xfs"),
    file: "xfs.raw",
    uefi: true,
    expect: / \/ xfs /,
  },
  {
    name: "VHDX, UEFI",
    make: convert(),
    file: "disk.vhdx",
    uefi: true,
    expect: / \/ ext4 /,
  },
  {
    name: "VHD, UEFI",
    make: convert(),
    file: "disk.vhd",
    uefi: true,
    expect: / \/ ext4 /,
  },
  {
    name: "VMDK, UEFI",
    make: convert(),
    file: "disk.vmdk",
    uefi: true,
    expect: / \/ ext4 /,
  },
  {
    name: "installed disk, btrfs and swap, UEFI",
    make: (tree, image) => [
      "install",
      "--source",
      tree,
      "--target",
      image,
      "--size",
      "1G",
      "--arch",
      "amd64",
      "--filesystem",
      "btrfs",
      "--swap",
      "64M",
    ],
    file: "installed-btrfs.raw",
    uefi: true,
    expect: / \/ btrfs .*subvol=\/@ /,
  },
  {
    name: "ISO on a stick, BIOS",
    make: convert(),
    file: "stick-bios.iso",
    uefi: false,
    expect: / \/ overlay /,
    isStick: true,
  },
  {
    name: "ISO on a stick, UEFI",
    make: convert(),
    file: "stick-uefi.iso",
    uefi: true,
    expect: / \/ overlay /,
    isStick: true,
  },
  {
    name: "installed disk, UEFI",
    make: (tree, image) => ["install", "--source", tree, "--target", image, "--size", "1G", "--arch", "amd64"],
    file: "installed.qcow2",
    uefi: true,
    expect: / \/ ext4 /,
  },
];

/** The guest's own architecture: U-Boot starts systemd-boot, which starts Debian's kernel. */
const RISCV: Case = {
  name: "disk, riscv64",
  make: (tree, image) => [
    "image",
    "convert",
    tree,
    image,
    "--root",
    "--arch",
    "riscv64",
    "--name",
    "boot test",
    "--own-initramfs",
  ],
  file: "riscv64.qcow2",
  uefi: true,
  expect: / riscv64 .* \/ ext4 /,
};

const folder = mkdtempSync(join(tmpdir(), "stratos-boot-"));
// Stopped from outside, it leaves nothing either.
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const { values, positionals: wanted } = parseArgs({
  options: { record: { type: "boolean", default: false } },
  allowPositionals: true,
});
refuseUnknown(
  wanted,
  [...CASES, RISCV].map(({ name }) => name),
);
const rows: BootRow[] = [];
let passed = 0,
  failed = 0;
try {
  const obstacle = machineObstacle({ architecture: "amd64", firmware: "uefi" });
  if (obstacle !== null) throw new Error(obstacle);
  const tree = makeTree();
  const isWanted = (name: string): boolean => wanted.length === 0 || wanted.some((text) => name.includes(text));
  for (const one of CASES.filter(({ name }) => isWanted(name))) await runCase(one, tree, "amd64");
  if (isWanted(RISCV.name)) await runRiscv();
} catch (error) {
  console.log(`FAILED ${(error as Error).message}`);
  failed++;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (values.record)
  recordBoots(
    "disks",
    {
      title: "Disks and media to their first process under QEMU (TCG)",
      command: "npm run conformance:boot -- --record",
    },
    rows,
  );
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

async function runRiscv(): Promise<void> {
  const obstacle = machineObstacle({ architecture: "riscv64", firmware: "u-boot" });
  if (obstacle !== null) return report(RISCV.name, obstacle);
  if (!found("mmdebstrap")) return report(RISCV.name, "needs mmdebstrap");
  const archive = join(folder, "riscv64.tar"),
    tree = join(folder, "riscv64");
  // Unpacked, not installed: no program of the other architecture runs here.
  run("mmdebstrap", [
    "--quiet",
    "--variant=extract",
    "--arch=riscv64",
    "--include=linux-image-riscv64,systemd-boot-efi,busybox-static",
    "trixie",
    archive,
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${findMirror().uri} trixie main`,
  ]);
  mkdirSync(tree);
  run("tar", ["-xf", archive, "-C", tree, "--exclude=./dev/*"]);
  rmSync(archive);
  for (const name of ["bin", "sbin", "lib"])
    if (!existsSync(join(tree, name))) symlinkSync(`usr/${name}`, join(tree, name));
  // Packed modules say what they need only in modules.dep, which depmod makes when a kernel is installed.
  run(
    "sh",
    [
      "-c",
      "cd usr/lib/modules/*/kernel && rm -rf drivers/gpu drivers/media drivers/net sound net && find . -name " +
        "'*.ko.xz' -exec xz -d {} +",
    ],
    tree,
  );
  addInit(tree);
  await runCase(RISCV, tree, "riscv64");
}

async function runCase(one: Case, tree: string, architecture: "amd64" | "riscv64"): Promise<void> {
  const image = join(folder, one.file);
  const made = spawnSync(process.execPath, [join(root, "stratos.mjs"), ...one.make(tree, image)], { encoding: "utf8" });
  if (made.status !== 0) return report(one.name, `not made: ${made.stderr}`);
  if (one.menu !== undefined) {
    const settings = join(folder, "loader.conf");
    writeFileSync(settings, one.menu);
    run(process.execPath, [
      join(root, "stratos.mjs"),
      "image",
      "disk",
      "cp",
      settings,
      `${image}@esp:/loader/loader.conf`,
    ]);
  }
  const started = Date.now();
  const output = await boot(
    image,
    architecture,
    architecture === "riscv64" ? "u-boot" : one.uefi ? "uefi" : "bios",
    one.isStick === true,
  );
  const line = output.split("\n").find((text) => text.includes(MARKER));
  if (line === undefined)
    return report(
      one.name,
      `no marker within ${BOOT_TIMEOUT_MS / 1000} s; the console ended with\n` +
        `${output.split("\n").slice(-15).join("\n")}`,
    );
  report(
    one.name,
    one.expect.test(line) ? null : `the root is not what it should be: ${line}`,
    Math.round((Date.now() - started) / 1000),
  );
  rmSync(image);
}

function report(name: string, failure: string | null, seconds = 0): void {
  rows.push({ name, isRight: failure === null, seconds });
  if (failure === null) passed++;
  else failed++;
  console.log(failure === null ? `ok ${name} (${seconds} s)` : `FAILED ${name}: ${failure}`);
}

async function boot(
  image: string,
  architecture: "amd64" | "riscv64",
  firmware: Firmware,
  isStick: boolean,
): Promise<string> {
  const machine = new Machine({
    architecture,
    firmware,
    memory: architecture === "amd64" ? 512 : 1024,
    media: [{ path: image, kind: isStick ? "stick" : image.endsWith(".iso") ? "optical" : "disk" }],
  });
  const timer = setTimeout(() => void machine.kill(), BOOT_TIMEOUT_MS);
  await machine.ended;
  clearTimeout(timer);
  return machine.output;
}

/** A kernel, loaders, busybox, and an init that tells where it runs and switches off. */
function makeTree(): string {
  const tree = join(folder, "tree"),
    downloads = join(folder, "downloads");
  mkdirSync(downloads);
  const kernel = /Depends: (linux-image-\S+)/.exec(run("apt-cache", ["depends", "linux-image-cloud-amd64"]))?.[1];
  if (kernel === undefined) throw new Error("the host's package lists have no linux-image-cloud-amd64");
  run("apt-get", ["download", "-qq", kernel, ...PACKAGES], downloads);
  for (const file of readdirSync(downloads)) run("dpkg-deb", ["-x", join(downloads, file), tree]);
  addInit(tree);
  return tree;
}

function addInit(tree: string): void {
  for (const place of ["proc", "sys", "dev", "etc", "run", "tmp", "root", "usr/sbin"])
    mkdirSync(join(tree, place), { recursive: true });
  if (!existsSync(join(tree, "sbin"))) symlinkSync("usr/sbin", join(tree, "sbin"));
  if (!existsSync(join(tree, "bin/sh"))) symlinkSync("busybox", join(tree, "bin/sh"));
  const init = join(tree, "sbin/init");
  writeFileSync(
    init,
    `#!/bin/sh\nPATH=/bin\nbusybox mount -o remount,rw /\nbusybox echo "${MARKER} $(busybox uname -mr) $(busybox ` +
      `grep ' / ' /proc/mounts | busybox tail -1)" > /dev/console\nbusybox sync\nbusybox poweroff -f\n`,
  );
  chmodSync(init, 0o755);
}

function run(program: string, args: readonly string[], cwd = folder): string {
  const result = spawnSync(program, args, { encoding: "utf8", cwd });
  if (result.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

function found(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" }).status === 0;
}
