/**
 * What a machine's firmware starts: the boot loader, its menu, kernel and first root, all from the tree. Source: UEFI
 * 2.10 §3.5.1.1 (removable media); UAPI Boot Loader Specification, types 1 and 2.
 */
import { byteStringOf } from "@stratos/base";
import { FormatError, type Codecs, type FileTree } from "@stratos/formats";
import { findDeployments, type Deployment } from "./deployments.ts";
import { initramfs, type RootSeal } from "./initramfs.ts";
import type { TreeDraft } from "../tree/tree-draft.ts";
import { TreePaths } from "../tree/tree-paths.ts";
import { osReleaseOf, unifiedKernel } from "./unified-kernel.ts";

/** Names of an architecture in UEFI's world, and its first serial line. */
const ARCHITECTURES = {
  amd64: { efi: "x64", grub: "x86_64-efi", console: "ttyS0,115200" },
  arm64: { efi: "aa64", grub: "arm64-efi", console: "ttyAMA0" },
  riscv64: { efi: "riscv64", grub: "riscv64-efi", console: "ttyS0" },
} as const;
export type BootArchitecture = keyof typeof ARCHITECTURES;

/**
 * `unified`: kernel, first root and command line in one program of UEFI, started by systemd-boot where the tree has it,
 * else by firmware itself.
 */
export type BootLoader = "systemd-boot" | "grub" | "unified";

/** A further choice in the menu: an older state of the root. */
export interface BootEntry {
  /** letters, digits, `-`, `_`, `.` */
  readonly id: string;
  readonly title: string;
  /** replaces {@link BootOptions.rootFlags} */
  readonly rootFlags: string;
}

export interface BootOptions {
  readonly architecture: BootArchitecture;
  readonly title: string;
  /** `UUID=…`, as the kernel's command line has it */
  readonly root: string;
  /** `subvol=@`: how the root is mounted */
  readonly rootFlags?: string;
  readonly entries?: readonly BootEntry[];
  /** further words of the command line; the serial console is there already */
  readonly commandLine?: string;
  readonly mtime: number;
  /** by default systemd-boot, and GRUB where the tree has that alone */
  readonly loader?: BootLoader;
  /** make our own first root even when the tree has one */
  readonly ownInitramfs?: boolean;
  /** what the first root has to open before it reaches the root; only our own does */
  readonly seals?: readonly RootSeal[];
  /** the root's partition becomes as large as the disk, once it is opened */
  readonly grows?: boolean;
}

interface BootFile {
  readonly path: string;
  readonly content: Uint8Array;
}

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
  const deployments = findDeployments(paths);
  if (deployments.length > 0) return deployedBootFiles(paths, deployments, options);
  const kernel = findKernel(paths);
  const linux = paths.bytes(kernel.path)!;
  const seals = options.seals ?? [],
    given =
      options.ownInitramfs === true || seals.length > 0
        ? undefined
        : paths.firstFile([`boot/initrd.img-${kernel.version}`, `usr/lib/modules/${kernel.version}/initramfs.img`]);
  const initrd =
    given !== undefined
      ? paths.bytes(given)!
      : codecs.gzip(
          initramfs(
            tree,
            {
              kernel: kernel.version,
              mtime: options.mtime,
              seals,
              findsPartitions: options.root.startsWith("PARTUUID="),
              grows: options.grows === true,
            },
            codecs,
          ),
        );
  const commandLine = commandLineFor(options, options.rootFlags);
  const entries = [
    { id: "stratos", title: options.title, commandLine },
    ...(options.entries ?? []).map(({ id, title, rootFlags }) => ({
      id: `stratos-${id}`,
      title,
      commandLine: commandLineFor(options, rootFlags),
    })),
  ];
  const places = {
    "systemd-boot": managerPlaces(names.efi),
    grub: [
      `usr/lib/grub/${names.grub}/monolithic/grub${names.efi}.efi`,
      `usr/lib/grub/${names.grub}/monolithic/gcd${names.efi}.efi`,
    ],
    unified: [`usr/lib/systemd/boot/efi/linux${names.efi}.efi.stub`],
  };
  const candidates: readonly BootLoader[] = options.loader === undefined ? ["systemd-boot", "grub"] : [options.loader];
  const loader = candidates.find((candidate) => paths.firstFile(places[candidate]) !== undefined);
  if (loader === undefined)
    throw new FormatError(
      `the tree has no ${options.loader === "unified" ? "EFI stub of systemd" : "boot loader"}; install ` +
        `${options.loader === "grub" ? `grub-efi-${options.architecture}-bin` : "systemd-boot-efi"}`,
    );
  const program = paths.bytes(paths.firstFile(places[loader])!)!;
  const boot = `EFI/BOOT/BOOT${names.efi.toUpperCase()}.EFI`;
  const files: BootFile[] = [];
  const manager =
    loader === "unified"
      ? paths.firstFile(places["systemd-boot"])
      : loader === "systemd-boot"
        ? paths.firstFile(places[loader])
        : undefined;
  if (manager !== undefined) {
    files.push(
      ...managerFiles(
        paths.bytes(manager)!,
        options.architecture,
        loader === "unified" ? "stratos.efi" : "stratos.conf",
      ),
    );
  }
  if (loader === "unified") {
    if (manager === undefined && entries.length > 1)
      throw new FormatError("to choose between several roots takes systemd-boot; install systemd-boot-efi");
    for (const entry of entries) {
      const content = unifiedKernel(program, {
        linux,
        initrd,
        commandLine: entry.commandLine,
        version: kernel.version,
        osRelease: osReleaseOf(paths, entry.title),
      });
      files.push({ path: manager === undefined ? boot : `EFI/Linux/${entry.id}.efi`, content });
    }
    return { kernel: kernel.version, loader, commandLine, files, linux, initrd };
  }
  files.push(
    { path: `${kernel.version}/linux`, content: linux },
    { path: `${kernel.version}/initrd`, content: initrd },
  );
  if (loader === "systemd-boot") {
    for (const entry of entries)
      files.push({
        path: `loader/entries/${entry.id}.conf`,
        content: ascii(
          `title ${entry.title}\nversion ${kernel.version}\nlinux /${kernel.version}/linux\ninitrd ` +
            `/${kernel.version}/initrd\noptions ${entry.commandLine}\n`,
        ),
      });
  } else {
    const menu = `set timeout=1\nset default=0\ninsmod serial\nserial --unit=0 --speed=115200\nterminal_input console \
serial\nterminal_output console serial\n${entries
      .map(
        ({ id, title, commandLine: words }) =>
          `menuentry '${title.replaceAll("'", "")}' --id ${id} {\n  linux /${kernel.version}/linux ${words}\n  ` +
          `initrd /${kernel.version}/initrd\n}\n`,
      )
      .join("")}`;
    files.push({ path: boot, content: program });
    // Debian's own builds look beneath /EFI/debian, others beneath /boot/grub.
    for (const path of ["EFI/debian/grub.cfg", "boot/grub/grub.cfg"]) files.push({ path, content: ascii(menu) });
  }
  return { kernel: kernel.version, loader, commandLine, files, linux, initrd };
}

/**
 * Where packages have systemd-boot. The Debian package of that name takes the signed one, and leaves the other out.
 * Source: bootctl(1), "install".
 */
const managerPlaces = (efi: string): string[] =>
  [".signed", ""].map((end) => `usr/lib/systemd/boot/efi/systemd-boot${efi}.efi${end}`);

/** systemd-boot where firmware looks for it, and its settings. */
function managerFiles(content: Uint8Array, architecture: BootArchitecture, chosen: string): BootFile[] {
  const { efi } = ARCHITECTURES[architecture];
  return [
    { path: `EFI/BOOT/BOOT${efi.toUpperCase()}.EFI`, content },
    { path: `EFI/systemd/systemd-boot${efi}.efi`, content },
    { path: "loader/loader.conf", content: ascii(`timeout 1\ndefault ${chosen}\nconsole-mode keep\neditor no\n`) },
  ];
}

function commandLineFor(options: BootOptions, rootFlags: string | undefined): string {
  return [
    `root=${options.root}`,
    ...(rootFlags === undefined ? [] : [`rootflags=${rootFlags}`]),
    "ro",
    "console=tty0",
    `console=${ARCHITECTURES[options.architecture].console}`,
    ...(options.commandLine === undefined || options.commandLine === "" ? [] : [options.commandLine]),
  ].join(" ");
}

/**
 * ostree's /boot is mounted when systemd looks for a place for the EFI system partition
 * (systemd-gpt-auto-generator(8)), and to it that is no reason not to mount it there.
 */
const DEPLOYED_WORDS = "systemd.gpt_auto=0";

/**
 * What ostree has deployed, started by systemd-boot, which the first of these systems brings: the root's own words come
 * before those of each entry.
 */
function deployedBootFiles(paths: TreePaths, deployments: readonly Deployment[], options: BootOptions): BootFiles {
  if (options.loader !== undefined && options.loader !== "systemd-boot")
    throw new FormatError(`what ostree has deployed is started by systemd-boot, not by ${options.loader}`);
  const first = deployments[0]!,
    { efi } = ARCHITECTURES[options.architecture];
  const place = paths.firstFile(managerPlaces(efi).map((path) => `${first.system}/${path}`)),
    manager = place === undefined ? undefined : paths.bytes(place);
  if (manager === undefined) throw new FormatError(`${first.system}: has no boot loader; install systemd-boot-efi`);
  const files = managerFiles(manager, options.architecture, `ostree-*`),
    usual = commandLineFor(
      { ...options, commandLine: `${DEPLOYED_WORDS} ${options.commandLine ?? ""}`.trim() },
      options.rootFlags,
    );
  const seen = new Set<string>();
  for (const { title, version, linux, initrd, options: own, system } of deployments) {
    // Deployments of one kernel share it.
    for (const path of [linux, initrd]) {
      if (!seen.has(path)) files.push({ path: path.slice("boot/".length), content: paths.bytes(path)! });
      seen.add(path);
    }
    // ostree's own names say in which place a deployment stands now, and pass to others; and the loader is to know
    // again which it has tried.
    const id = `ostree-${system.slice(system.lastIndexOf("/") + 1).replace(/^([^.]{16})[^.]*/, "$1")}`;
    files.push({
      path: `loader/entries/${id}.conf`,
      content: ascii(
        `title ${title}\nversion ${version}\nsort-key ostree\nlinux /${linux.slice("boot/".length)}\ninitrd ` +
          `/${initrd.slice("boot/".length)}\noptions ${deploymentWords(own, usual)}\n`,
      ),
    });
  }
  const version = /vmlinu[xz]-(.+)$/.exec(first.linux)?.[1] ?? first.version;
  return {
    kernel: version,
    loader: "systemd-boot",
    commandLine: usual,
    files,
    linux: paths.bytes(first.linux)!,
    initrd: paths.bytes(first.initrd)!,
  };
}

/** The command line of a deployment: what its disk needs, then its own words, but for another disk's root. */
function deploymentWords(own: string, usual: string): string {
  return [
    ...new Set([...usual.split(" "), ...own.split(" ").filter((word) => word !== "" && !word.startsWith("root="))]),
  ].join(" ");
}

/** Writes a disk's words into the entries of its deployments, too, from which ostree takes those of the next one. */
export function completeEntries(draft: TreeDraft, commandLine: string): void {
  for (const { path, kind } of draft.below("boot")) {
    const text = kind === "file" && /^boot\/loader\.[01]\/entries\/[^/]+\.conf$/.test(path) ? draft.text(path)! : "";
    if (!text.includes("ostree=")) continue;
    draft.file(
      path,
      byteStringOf(text.replace(/^options (.*)$/m, (_, own: string) => `options ${deploymentWords(own, commandLine)}`)),
    );
  }
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
    const path = paths.firstFile([
      `boot/vmlinuz-${version}`,
      `boot/vmlinux-${version}`,
      `usr/lib/modules/${version}/vmlinuz`,
    ]);
    if (path !== undefined) return { version, path };
  }
  throw new FormatError("the tree has no kernel; install linux-image-… or linux-image-cloud-…");
}

/** Numbers count as numbers: 6.9 comes before 6.12. */
function byVersion(left: string, right: string): number {
  const a = left.split(/(\d+)/),
    b = right.split(/(\d+)/);
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] === b[index]) continue;
    return index % 2 === 1 ? Number(a[index]) - Number(b[index]) : a[index]! < b[index]! ? -1 : 1;
  }
  return a.length - b.length;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
