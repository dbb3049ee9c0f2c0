/**
 * A root as OSTree and bootc deploy it. Source: libostree's manual, "Adapting existing mainstream distributions";
 * bootc's documentation, "Filesystem" and "Bootc-compatible images".
 *
 * - `/etc` becomes `/usr/etc`: what is deployed, from which each machine's `/etc` is made and merged. In an image for
 *   containers it stays: it runs as one, too, bootc itself moves it when it makes a commit of the image, and its linter
 *   refuses `/usr/etc` there.
 * - Kernel and initramfs stand in `/usr/lib/modules/VERSION/{vmlinuz,initramfs.img}`; `/boot` is empty. A kernel whose
 *   root brings no initramfs, or one of initramfs-tools, which does not know OSTree, gets ours.
 * - `/var` is the machine's and comes empty, as does what people write to and so leads into it
 *   (`/home /root /opt /srv /mnt /usr/local`): what the image has there lies elsewhere in it and is brought to each
 *   machine (`machine-state.ts`); dpkg's database moves to `/usr/lib/sysimage`.
 * - `/ostree` leads to `/sysroot/ostree`; `/dev /proc /run /sys` are empty, and devices are left out.
 */
import { byteStringToUtf8 } from "@stratos/base";
import { FormatError, type Codecs, type FileTree } from "@stratos/formats";
import { initramfs } from "../boot/initramfs.ts";
import { bringMachineState, keepMachineState, type MachineState } from "./machine-state.ts";
import { TreeDraft } from "../tree/tree-draft.ts";

export interface BootcLayout {
  readonly tree: FileTree;
  /** the kernel's version; null when the tree has none */
  readonly kernel: string | null;
  /** what became of files that lie elsewhere now, or are not in it: sentences for who made the image */
  readonly notes: readonly string[];
}

const EMPTY = ["dev", "proc", "run", "sys", "boot", "tmp", "media"] as const;
/** What a boot loader, or the maker of an initramfs, has left in `/boot`: each machine's own. */
const OF_BOOT_LOADERS = /^boot\/(grub|efi|loader|initrd\.img-|vmlinu[xz]-|config-|System\.map-)/;

/**
 * A root laid out for bootc as an image for containers, and the labels by which it knows its own.
 * @throws FormatError when there is no kernel to boot, or nothing to make an initramfs of
 */
export function bootcImage(
  tree: FileTree,
  codecs: Pick<Codecs, "sha256" | "gzip">,
  mtime: number,
): { readonly tree: FileTree; readonly labels: Readonly<Record<string, string>>; readonly notes: readonly string[] } {
  const layout = bootcLayout(tree, codecs, mtime, "container");
  if (layout.kernel === null)
    throw new FormatError("ostree.bootc: the image has no kernel in /boot or /usr/lib/modules");
  return {
    tree: layout.tree,
    notes: layout.notes,
    labels: { "containers.bootc": "1", "ostree.bootable": "1", "ostree.linux": layout.kernel },
  };
}

/** @param mtime  seconds since 1970, for what is added. @param use  a commit, or an image for containers */
export function bootcLayout(
  tree: FileTree,
  codecs: Pick<Codecs, "sha256" | "gzip">,
  mtime: number,
  use: "commit" | "container" = "commit",
): BootcLayout {
  const draft = new TreeDraft(tree, codecs, mtime);
  if (draft.has("usr/etc") && draft.has("etc")) throw new FormatError("the tree has both /etc and /usr/etc");
  // initramfs-tools' knows nothing of OSTree, and would look for a system at the disk's own root.
  if (
    draft.has("usr/share/initramfs-tools") &&
    !draft.below("usr/share/initramfs-tools").some(({ path }) => path.includes("ostree"))
  ) {
    for (const path of draft.children("boot")) if (path.startsWith("boot/initrd.img-")) draft.remove(path);
  }
  const kernel = moveKernel(draft);
  if (kernel !== null && !draft.has(`usr/lib/modules/${kernel}/initramfs.img`))
    draft.file(
      `usr/lib/modules/${kernel}/initramfs.img`,
      codecs.gzip(initramfs(draft.tree(), { kernel, mtime }, codecs)),
      { mode: 0o600 },
    );
  const [from, to] = use === "commit" ? ["etc", "usr/etc"] : ["usr/etc", "etc"];
  if (draft.has(from)) draft.move(from, to);
  const leftOut = empty(draft),
    state = keepMachineState(draft);
  draft.directory("sysroot");
  draft.symlink("ostree", "sysroot/ostree");
  draft.file("usr/lib/ostree/prepare-root.conf", "[composefs]\nenabled = maybe\n[sysroot]\nreadonly = true\n");
  for (const entry of draft.below(""))
    if (["character", "block", "fifo"].includes(entry.kind)) draft.remove(entry.path);
  return { tree: draft.tree(), kernel, notes: notesOf(state, leftOut) };
}

/** The reverse, for programs that run in it without a machine: a root as it is after a machine's first boot. */
export function startedRoot(tree: FileTree, codecs: Pick<Codecs, "sha256">): FileTree {
  const draft = new TreeDraft(tree, codecs, 0);
  bringMachineState(draft);
  return draft.tree();
}

/** @returns the version of the newest kernel */
function moveKernel(draft: TreeDraft): string | null {
  const versions = draft.children("usr/lib/modules").map((path) => path.slice("usr/lib/modules/".length));
  let found: string | null = null;
  for (const version of versions) {
    for (const [from, to] of [
      [`boot/vmlinuz-${version}`, "vmlinuz"],
      [`boot/vmlinux-${version}`, "vmlinuz"],
      [`boot/initrd.img-${version}`, "initramfs.img"],
      [`boot/config-${version}`, "config"],
      [`boot/System.map-${version}`, "System.map"],
    ] as const) {
      const place = `usr/lib/modules/${version}/${to}`;
      if (draft.has(from) && !draft.has(place)) draft.move(from, place);
    }
    if (draft.has(`usr/lib/modules/${version}/vmlinuz`)) found = version;
  }
  return found;
}

/** Empties what is each machine's own. @returns files that nobody would have expected to lose */
function empty(draft: TreeDraft): string[] {
  const lost: string[] = [];
  for (const path of EMPTY) {
    for (const { path: inner, kind } of draft.below(path))
      if (kind === "file" && !OF_BOOT_LOADERS.test(inner)) lost.push(`/${inner}`);
    for (const child of draft.children(path)) draft.remove(child);
    if (path === "media") draft.symlink("media", "run/media");
    else draft.directory(path, { mode: path === "tmp" ? 0o1777 : 0o755 });
  }
  // Debian's kernels are linked from the root.
  for (const path of draft.children(""))
    if (draft.get(path)!.kind === "symlink" && /^\/?boot\//.test(draft.get(path)!.target)) draft.remove(path);
  return lost;
}

const NAMED_MAX = 6;

function notesOf({ copied, linked }: MachineState, leftOut: readonly string[]): string[] {
  const some = (paths: readonly string[]): string =>
    `${paths.slice(0, NAMED_MAX).map(byteStringToUtf8).join(", ")}` +
    `${paths.length > NAMED_MAX ? ` and ${paths.length - NAMED_MAX} more` : ""}`;
  const counts = [...copied]
    .map(([place, files]) => `${place} (${files})`)
    .sort()
    .join(", ");
  return [
    ...(copied.size === 0
      ? []
      : [
          `files of ${counts} are copied to a machine when it first boots, and are its own from then on: a later ` +
            "image does not change them there",
        ]),
    ...(linked.length === 0
      ? []
      : [`${some(linked)}: now below /usr/lib/opt and /usr/lib/usrlocal, with links at the old places, made at boot`]),
    ...(leftOut.length === 0 ? [] : [`${some(leftOut)}: left out, since each machine has its own there`]),
  ];
}
