/**
 * A root as OSTree and bootc deploy it. Source: libostree's manual, "Adapting existing mainstream distributions"; bootc's documentation,
 * "Filesystem" and "Bootc-compatible images".
 *
 * - `/etc` becomes `/usr/etc`: what is deployed, from which each machine's `/etc` is made and merged. In an image for containers it stays: it runs as one, too,
 *   bootc itself moves it when it makes a commit of the image, and its linter refuses `/usr/etc` there.
 * - Kernel and initramfs stand in `/usr/lib/modules/VERSION/{vmlinuz,initramfs.img}`; `/boot` is empty. A kernel whose root brings no initramfs, or one of
 *   initramfs-tools, which does not know OSTree, gets ours.
 * - `/var` is the machine's and comes empty; its folders are made at boot by a tmpfiles.d file, dpkg's database moves to `/usr/lib/sysimage`.
 * - What people write to leads into `/var`: `/home /root /opt /srv /mnt /usr/local`.
 * - `/ostree` leads to `/sysroot/ostree`; `/dev /proc /run /sys` are empty, and devices are left out.
 */
import { FormatError, type Codecs, type FileTree } from "@stratos/formats";
import { initramfs } from "../boot/initramfs.ts";
import { TreeDraft } from "../tree/tree-draft.ts";

export interface BootcLayout {
  readonly tree: FileTree;
  /** the kernel's version; null when the tree has none */
  readonly kernel: string | null;
}

const INTO_VAR: readonly (readonly [place: string, target: string])[] = [
  ["home", "var/home"], ["root", "var/roothome"], ["opt", "var/opt"], ["srv", "var/srv"], ["mnt", "var/mnt"], ["media", "run/media"], ["usr/local", "../var/usrlocal"],
];
const EMPTY = ["dev", "proc", "run", "sys", "boot", "tmp"] as const;
const SYSIMAGE = "usr/lib/sysimage";

/**
 * A root laid out for bootc as an image for containers, and the labels by which it knows its own.
 * @throws FormatError when there is no kernel to boot, or nothing to make an initramfs of
 */
export function bootcImage(tree: FileTree, codecs: Pick<Codecs, "sha256" | "gzip">, mtime: number): { readonly tree: FileTree; readonly labels: Readonly<Record<string, string>> } {
  const layout = bootcLayout(tree, codecs, mtime, "container");
  if (layout.kernel === null) throw new FormatError("ostree.bootc: the image has no kernel in /boot or /usr/lib/modules");
  return { tree: layout.tree, labels: { "containers.bootc": "1", "ostree.bootable": "1", "ostree.linux": layout.kernel } };
}

/** @param mtime  seconds since 1970, for what is added. @param use  a commit, or an image for containers */
export function bootcLayout(tree: FileTree, codecs: Pick<Codecs, "sha256" | "gzip">, mtime: number, use: "commit" | "container" = "commit"): BootcLayout {
  const draft = new TreeDraft(tree, codecs, mtime);
  if (draft.has("usr/etc") && draft.has("etc")) throw new FormatError("the tree has both /etc and /usr/etc");
  // initramfs-tools' knows nothing of OSTree, and would look for a system at the disk's own root.
  if (draft.has("usr/share/initramfs-tools") && !draft.below("usr/share/initramfs-tools").some(({ path }) => path.includes("ostree"))) {
    for (const path of draft.children("boot")) if (path.startsWith("boot/initrd.img-")) draft.remove(path);
  }
  const kernel = moveKernel(draft);
  if (kernel !== null && !draft.has(`usr/lib/modules/${kernel}/initramfs.img`)) draft.file(`usr/lib/modules/${kernel}/initramfs.img`, codecs.gzip(initramfs(draft.tree(), { kernel, mtime }, codecs)), { mode: 0o600 });
  const [from, to] = use === "commit" ? ["etc", "usr/etc"] : ["usr/etc", "etc"];
  if (draft.has(from)) draft.move(from, to);
  moveDpkg(draft);
  const tmpfiles = varFolders(draft);
  for (const [place, target] of INTO_VAR) {
    if (draft.get(place)?.kind === "symlink") continue;
    if (draft.has(place)) draft.remove(place);
    draft.symlink(place, target);
    const folder = target.replace(/^(\.\.\/)+/, "");
    if (folder.startsWith("var/")) tmpfiles.set(`/${folder}`, folder === "var/roothome" ? "0700 root root" : "0755 root root");
  }
  for (const path of draft.children("var")) draft.remove(path);
  draft.directory("var");
  for (const path of EMPTY) {
    for (const child of draft.children(path)) draft.remove(child);
    draft.directory(path, { mode: path === "tmp" ? 0o1777 : 0o755 });
  }
  draft.directory("sysroot");
  draft.symlink("ostree", "sysroot/ostree");
  const lines = [...tmpfiles].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, words]) => (words.startsWith("L") ? `${words.replace("L ", `L ${path} `)}` : `d ${path} ${words} - -`));
  draft.file("usr/lib/tmpfiles.d/stratos-var.conf", `# What /var has on a new machine.\n${lines.map((line) => `${line}\n`).join("")}`);
  draft.file("usr/lib/ostree/prepare-root.conf", "[composefs]\nenabled = maybe\n[sysroot]\nreadonly = true\n");
  for (const entry of draft.below("")) if (["character", "block", "fifo"].includes(entry.kind)) draft.remove(entry.path);
  return { tree: draft.tree(), kernel };
}

/** @returns the version of the newest kernel */
function moveKernel(draft: TreeDraft): string | null {
  const versions = draft.children("usr/lib/modules").map((path) => path.slice("usr/lib/modules/".length));
  let found: string | null = null;
  for (const version of versions) {
    for (const [from, to] of [[`boot/vmlinuz-${version}`, "vmlinuz"], [`boot/vmlinux-${version}`, "vmlinuz"], [`boot/initrd.img-${version}`, "initramfs.img"]] as const) {
      const place = `usr/lib/modules/${version}/${to}`;
      if (draft.has(from) && !draft.has(place)) draft.move(from, place);
    }
    if (draft.has(`usr/lib/modules/${version}/vmlinuz`)) found = version;
  }
  return found;
}

function moveDpkg(draft: TreeDraft): void {
  if (!draft.has("var/lib/dpkg")) return;
  draft.move("var/lib/dpkg", `${SYSIMAGE}/dpkg`);
}

/** Folders of `/var`, by path, as tmpfiles.d says them. Their files are state of a machine that does not exist yet. */
function varFolders(draft: TreeDraft): Map<string, string> {
  const folders = new Map<string, string>();
  for (const entry of draft.below("var")) {
    if (entry.path === "var" || entry.kind !== "directory" || entry.path.startsWith("var/cache/apt") || entry.path.startsWith("var/lib/apt/lists")) continue;
    // A name that tmpfiles.d would read otherwise has no place in a distribution's /var.
    if (/[\s%"'\\]/.test(entry.path)) throw new FormatError(`${entry.path}: a name that tmpfiles.d cannot hold`);
    folders.set(`/${entry.path}`, `${entry.mode.toString(8).padStart(4, "0")} ${entry.uid === 0 ? "root" : entry.uid} ${entry.gid === 0 ? "root" : entry.gid}`);
  }
  if (draft.has(`${SYSIMAGE}/dpkg`)) folders.set("/var/lib/dpkg", `L - - - - /${SYSIMAGE}/dpkg`);
  return folders;
}
