/**
 * A disk's root into which a commit has been deployed, as `ostree admin deploy` leaves it: the repository (mode `bare`,
 * whose files are those of the system by hard links), the system, its `/etc` and `/var`, and the entry by which it is
 * started. Source: libostree's manual, "Deployments"; src/libostree/ostree-sysroot-deploy.c.
 *
 *     boot/loader → loader.1 · boot/loader.1/entries/ostree-1.conf · boot/ostree/OS-KERNELS/{vmlinuz,initramfs}-VERSION
 *     ostree/boot.1 → boot.1.1 · ostree/boot.1.1/OS/KERNELS/0 → ../../../deploy/OS/deploy/COMMIT.0
 *     ostree/deploy/OS/deploy/COMMIT.0{,.origin} · ostree/deploy/OS/var · ostree/repo
 *
 * KERNELS is the digest of kernel and first root, one after the other.
 */
import { byteStringOf, utf8Of } from "@stratos/base";
import {
  addSignatures,
  fileEntry,
  fileTreeOf,
  FormatError,
  MemoryBlob,
  OstreeRepository,
  readBlob,
  sha256Of,
  type Blob,
  type Codecs,
  type CommitOptions,
  type FileEntry,
  type FileTree,
  type ObjectAttributes,
  type OstreeSignature,
  type RepositoryStore,
} from "@stratos/formats";
import { TreePaths } from "../tree/tree-paths.ts";
import type { BootcLayout } from "./bootc-layout.ts";

export interface DeployOptions {
  /** what the repository has of it; the reference is that of the remote */
  readonly commit: CommitOptions;
  /** whose systems share one `/var` */
  readonly os: string;
  /** the name under which `/etc/ostree/remotes.d` says where updates come from */
  readonly remote: string;
}

export interface DeployedTree {
  readonly tree: FileTree;
  /** of the commit */
  readonly checksum: string;
  /** its bytes, which signatures are made of */
  readonly commit: Uint8Array;
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** @throws FormatError when the layout has no kernel, or a name is none */
export function deployedTree(layout: BootcLayout, { commit, os, remote }: DeployOptions, codecs: Codecs): DeployedTree {
  if (layout.kernel === null) throw new FormatError("what is deployed needs a kernel in /boot or /usr/lib/modules");
  for (const [what, name] of [
    ["system", os],
    ["remote", remote],
  ] as const)
    if (!NAME.test(name)) throw new FormatError(`${name}: not a ${what}'s name`);
  const { kernel } = layout,
    paths = new TreePaths(layout.tree),
    entries: FileEntry[] = [];
  const folder = (path: string, mode = 0o755): void =>
    void entries.push(fileEntry(path, "directory", { mode, mtime: commit.timestamp }));
  const file = (path: string, content: Blob | string, mode = 0o644): void =>
    void entries.push(
      fileEntry(path, "file", {
        mode,
        mtime: commit.timestamp,
        content: typeof content === "string" ? blobOf(utf8Of(content), codecs) : content,
      }),
    );
  const link = (path: string, target: string): void =>
    void entries.push(fileEntry(path, "symlink", { target, mtime: commit.timestamp }));

  const store = new ObjectTree("ostree/repo", codecs),
    objects = new Map<string, string>();
  const { checksum } = new OstreeRepository(store, codecs, "bare").commit(layout.tree, {
    ...commit,
    onFile: (entry, object) => void objects.set(entry.path, object),
  });
  store.write("config", [utf8Of("[core]\nrepo_version=1\nmode=bare\n\n[sysroot]\nbootloader=none\n")]);
  store.move(`refs/heads/${commit.ref}`, `refs/remotes/${remote}/${commit.ref}`);
  // Who cleans up takes what no such reference names.
  store.write("refs/heads/ostree/1/1/0", [utf8Of(`${checksum}\n`)]);

  const deploy = `ostree/deploy/${os}/deploy`,
    system = `${deploy}/${checksum}.0`,
    first = new Map<string, string>();
  // ostree gives all files of a system one time; its folders have none of their own.
  for (const entry of layout.tree.entries()) {
    const path = entry.path === "" ? system : `${system}/${entry.path}`;
    if (entry.kind === "directory") {
      entries.push({ ...entry, path, mtime: commit.timestamp });
      continue;
    }
    const object = objects.get(entry.path)!,
      known = first.get(object),
      source = entry.kind === "hardLink" ? paths.resolve(entry.path)! : entry;
    if (known !== undefined)
      entries.push({ ...source, kind: "hardLink", content: null, path, target: known, mtime: 0 });
    else entries.push({ ...source, path, mtime: 0 });
    // An empty file shares nothing but trouble, and links are theirs who made them.
    if (known === undefined && source.kind === "file" && source.content!.sizeBytes > 0) first.set(object, path);
    else if (known === undefined) store.put(object, source);
  }
  for (const [object, path] of first) store.put(object, fileEntry("", "hardLink", { target: path }));
  // Each machine's own /etc is a copy: what is changed there must not change the commit.
  const etc = `${system}/usr/etc`;
  for (const entry of [...entries]) {
    if (entry.path !== etc && !entry.path.startsWith(`${etc}/`)) continue;
    const source = entry.kind === "hardLink" ? paths.resolve(entry.path.slice(system.length + 1))! : entry;
    entries.push({
      ...source,
      path: `${system}/etc${entry.path.slice(etc.length)}`,
      mtime: entry.kind === "directory" ? commit.timestamp : 0,
    });
  }
  file(`${system}.origin`, `[origin]\nrefspec=${remote}:${commit.ref}\n`);

  const linux = paths.resolve(`usr/lib/modules/${kernel}/vmlinuz`)!,
    initrd = paths.resolve(`usr/lib/modules/${kernel}/initramfs.img`)!;
  const digest = codecs.sha256();
  for (const { content } of [linux, initrd]) digest.update(readBlob(content!));
  const kernels = digest.hex(),
    place = `/ostree/${os}-${kernels}`;
  const title =
    /^PRETTY_NAME=(["']?)(.*)\1$/m.exec(
      paths.text("usr/lib/os-release") ?? paths.text("usr/etc/os-release") ?? "",
    )?.[2] ?? os;
  for (const path of [
    "",
    "boot",
    "boot/loader.1",
    "boot/loader.1/entries",
    "boot/ostree",
    `boot${place}`,
    "ostree",
    "ostree/boot.1.1",
    `ostree/boot.1.1/${os}`,
    `ostree/boot.1.1/${os}/${kernels}`,
    "ostree/deploy",
    `ostree/deploy/${os}`,
    deploy,
  ])
    folder(path);
  for (const path of ["", "/lib", "/log"]) folder(`ostree/deploy/${os}/var${path}`);
  folder(`ostree/deploy/${os}/var/tmp`, 0o1777);
  link(`ostree/deploy/${os}/var/lock`, "../run/lock");
  link(`ostree/deploy/${os}/var/run`, "../run");
  link("boot/loader", "loader.1");
  link("ostree/boot.1", "boot.1.1");
  link(`ostree/boot.1.1/${os}/${kernels}/0`, `../../../deploy/${os}/deploy/${checksum}.0`);
  file(`boot${place}/vmlinuz-${kernel}`, linux.content!, linux.mode);
  file(`boot${place}/initramfs-${kernel}.img`, initrd.content!, initrd.mode);
  file(
    "boot/loader.1/entries/ostree-1.conf",
    `title ${title} (ostree:0)\nversion 1\noptions ostree=/ostree/boot.1/${os}/${kernels}/0\nlinux ` +
      `${place}/vmlinuz-${kernel}\ninitrd ${place}/initramfs-${kernel}.img\n`,
  );
  // Where the disk's own root would have what a kernel mounts.
  for (const path of ["dev", "proc", "run", "sys"]) folder(path);
  folder("tmp", 0o1777);
  return {
    tree: fileTreeOf([...entries, ...store.entries()]),
    checksum,
    commit: store.read(`objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.commit`)!,
  };
}

/** The same with signatures beside the commit, which ostree looks for where a remote is to have them. */
export function signedDeployment(
  { tree, checksum, commit }: DeployedTree,
  signatures: readonly OstreeSignature[],
  codecs: Codecs,
): DeployedTree {
  const meta = fileEntry(`ostree/repo/objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.commitmeta`, "file", {
    content: blobOf(addSignatures(undefined, signatures), codecs),
  });
  return { tree: signatures.length === 0 ? tree : fileTreeOf([...tree.entries(), meta]), checksum, commit };
}

function blobOf(bytes: Uint8Array, codecs: Codecs): Blob {
  return new MemoryBlob(bytes, (all) => sha256Of(codecs, all));
}

/**
 * A repository that becomes part of a tree. Its file objects are put there by who knows where their content lies: to
 * the writer of commits they are there.
 */
class ObjectTree implements RepositoryStore {
  readonly #folder: string;
  readonly #codecs: Codecs;
  readonly #files = new Map<string, FileEntry>();
  readonly #folders = new Set<string>([""]);

  constructor(folder: string, codecs: Codecs) {
    this.#folder = folder;
    this.#codecs = codecs;
    for (const path of ["tmp", "tmp/cache"]) this.makeDirectory(path);
  }

  has(path: string): boolean {
    return this.#files.has(path) || path.endsWith(".file");
  }

  read(path: string): Uint8Array | undefined {
    const content = this.#files.get(path)?.content;
    return content === null || content === undefined ? undefined : readBlob(content);
  }

  inspect(): undefined {
    return undefined;
  }

  write(path: string, pieces: Iterable<Uint8Array>, { mode = 0o644 }: ObjectAttributes = {}): void {
    const parts = Array.from(pieces, (piece) => piece.slice()),
      bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.#put(path, fileEntry("", "file", { mode, content: blobOf(bytes, this.#codecs) }));
  }

  symlink(path: string, target: string): void {
    this.#put(path, fileEntry("", "symlink", { target: String.fromCharCode(...byteStringOf(target)) }));
  }

  /** A file object. */
  put(checksum: string, entry: FileEntry): void {
    this.#put(`objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.file`, { ...entry, mtime: 0 });
  }

  #put(path: string, entry: FileEntry): void {
    this.makeDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    this.#files.set(path, { ...entry, path: `${this.#folder}/${path}` });
  }

  move(from: string, to: string): void {
    const entry = this.#files.get(from)!;
    this.#files.delete(from);
    for (
      let parent = from.slice(0, from.lastIndexOf("/"));
      parent !== "refs/heads";
      parent = parent.slice(0, parent.lastIndexOf("/"))
    )
      this.#folders.delete(parent);
    this.#put(to, entry);
  }

  flush(): void {}

  makeDirectory(path: string): void {
    for (let at = path; !this.#folders.has(at); at = at.slice(0, Math.max(0, at.lastIndexOf("/"))))
      this.#folders.add(at);
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  list(path: string): string[] {
    return [...this.#files.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1));
  }

  entries(): FileEntry[] {
    return [
      ...[...this.#folders].map((path) =>
        fileEntry(path === "" ? this.#folder : `${this.#folder}/${path}`, "directory"),
      ),
      ...this.#files.values(),
    ];
  }
}
