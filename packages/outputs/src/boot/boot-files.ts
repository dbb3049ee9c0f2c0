/**
 * What a machine's firmware starts: the boot loader, its menu, kernel and first root, all from the tree. Source: UEFI 2.10 §3.5.1.1 (removable
 * media); UAPI Boot Loader Specification, type 1.
 */
import { FormatError, type Codecs, type FileTree } from "@stratos/formats";
import { initramfs } from "./initramfs.ts";
import { TreePaths } from "./tree-paths.ts";

/** Names of an architecture in UEFI's world, and its first serial line. */
const ARCHITECTURES = {
  amd64: { efi: "x64", grub: "x86_64-efi", console: "ttyS0,115200" },
  arm64: { efi: "aa64", grub: "arm64-efi", console: "ttyAMA0" },
  riscv64: { efi: "riscv64", grub: "riscv64-efi", console: "ttyS0" },
} as const;
export type BootArchitecture = keyof typeof ARCHITECTURES;

export type BootLoader = "systemd-boot" | "grub";

export interface BootOptions {
  readonly architecture: BootArchitecture;
  readonly title: string;
  /** `UUID=…`, as the kernel's command line has it */
  readonly root: string;
  /** further words of the command line; the serial console is there already */
  readonly commandLine?: string;
  readonly mtime: number;
  /** by default systemd-boot, and GRUB where the tree has that alone */
  readonly loader?: BootLoader;
  /** make our own first root even when the tree has one */
  readonly ownInitramfs?: boolean;
}

export interface BootFile { readonly path: string; readonly content: Uint8Array }

export interface BootFiles {
  readonly kernel: string;
  readonly loader: BootLoader;
  readonly commandLine: string;
  /** for the EFI system partition */
  readonly files: readonly BootFile[];
  readonly linux: Uint8Array;
  readonly initrd: Uint8Array;
}

/** @throws FormatError when the tree has no kernel or no loader */
export function bootFiles(tree: FileTree, options: BootOptions, codecs: Codecs): BootFiles {
  const paths = new TreePaths(tree);
  const names = ARCHITECTURES[options.architecture];
  const kernel = findKernel(paths);
  const linux = paths.bytes(kernel.path)!;
  const given = options.ownInitramfs === true ? undefined : paths.firstFile([`boot/initrd.img-${kernel.version}`, `usr/lib/modules/${kernel.version}/initramfs.img`]);
  const initrd = given !== undefined ? paths.bytes(given)! : codecs.gzip(initramfs(tree, { kernel: kernel.version, mtime: options.mtime }, codecs));
  const commandLine = ["root=" + options.root, "ro", "console=tty0", `console=${names.console}`, ...(options.commandLine === undefined || options.commandLine === "" ? [] : [options.commandLine])].join(" ");
  const places = {
    "systemd-boot": [`usr/lib/systemd/boot/efi/systemd-boot${names.efi}.efi`],
    grub: [`usr/lib/grub/${names.grub}/monolithic/grub${names.efi}.efi`, `usr/lib/grub/${names.grub}/monolithic/gcd${names.efi}.efi`],
  };
  const candidates: readonly BootLoader[] = options.loader === undefined ? ["systemd-boot", "grub"] : [options.loader];
  const loader = candidates.find((candidate) => paths.firstFile(places[candidate]) !== undefined);
  if (loader === undefined) throw new FormatError(`the tree has no boot loader; install ${options.loader === "grub" ? `grub-efi-${options.architecture}-bin` : "systemd-boot-efi"}`);
  const program = paths.bytes(paths.firstFile(places[loader])!)!;
  const boot = `EFI/BOOT/BOOT${names.efi.toUpperCase()}.EFI`;
  const files: BootFile[] = [{ path: boot, content: program }, { path: `${kernel.version}/linux`, content: linux }, { path: `${kernel.version}/initrd`, content: initrd }];
  if (loader === "systemd-boot") {
    files.push(
      { path: `EFI/systemd/systemd-boot${names.efi}.efi`, content: program },
      { path: "loader/loader.conf", content: ascii("timeout 1\nconsole-mode keep\neditor no\n") },
      { path: "loader/entries/stratos.conf", content: ascii(`title ${options.title}\nversion ${kernel.version}\nlinux /${kernel.version}/linux\ninitrd /${kernel.version}/initrd\noptions ${commandLine}\n`) },
    );
  } else {
    const menu = `set timeout=1\nset default=0\ninsmod serial\nserial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\nmenuentry '${options.title.replaceAll("'", "")}' {\n  linux /${kernel.version}/linux ${commandLine}\n  initrd /${kernel.version}/initrd\n}\n`;
    // Debian's own builds look beneath /EFI/debian, others beneath /boot/grub.
    for (const path of ["EFI/debian/grub.cfg", "boot/grub/grub.cfg"]) files.push({ path, content: ascii(menu) });
  }
  return { kernel: kernel.version, loader, commandLine, files, linux, initrd };
}

/** The newest kernel of a tree. */
export function findKernel(paths: TreePaths): { version: string; path: string } {
  const versions = new Set<string>();
  for (const name of paths.names("boot")) {
    const version = /^vmlinu[xz]-(.+)$/.exec(name)?.[1];
    if (version !== undefined) versions.add(version);
  }
  for (const name of paths.names("usr/lib/modules")) versions.add(name);
  for (const version of [...versions].sort(byVersion).reverse()) {
    const path = paths.firstFile([`boot/vmlinuz-${version}`, `boot/vmlinux-${version}`, `usr/lib/modules/${version}/vmlinuz`]);
    if (path !== undefined) return { version, path };
  }
  throw new FormatError("the tree has no kernel; install linux-image-… or linux-image-cloud-…");
}

/** Numbers count as numbers: 6.9 comes before 6.12. */
function byVersion(left: string, right: string): number {
  const a = left.split(/(\d+)/), b = right.split(/(\d+)/);
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] === b[index]) continue;
    return index % 2 === 1 ? Number(a[index]) - Number(b[index]) : a[index]! < b[index]! ? -1 : 1;
  }
  return a.length - b.length;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
