/**
 * What a root needs besides packages: the merged /usr, device nodes, names, apt's source, and a guard against services.
 */
import { byteStringOf, utf8Of } from "@stratos/base";
import type { RootTree } from "../../root/root-tree.ts";
import type { RootMeta } from "../../root/root-writer.ts";

export interface LayoutSettings {
  hostname: string;
  /** for apt inside: the mirror, and what it serves; none leaves apt without sources */
  mirror: string | undefined;
  suite: string;
  components: readonly string[];
  /** mtime of all that no package brings, in seconds since 1970: fixed, so that builds repeat */
  mtime: number;
}

/** Debian has merged these into /usr (DEP 17); the links must be there before the first package is unpacked. */
const MERGED = ["bin", "lib", "sbin"];
/**
 * Since Debian 13 base-files brings the links that an architecture has besides. Before, usrmerge turns the folders into
 * links, which it cannot on an overlay; so they are links from the first. Source: debootstrap, `setup_merged_usr`.
 */
const MERGED_BESIDES: Readonly<Record<string, readonly string[]>> = {
  amd64: ["lib32", "lib64", "libx32"],
  i386: ["lib64", "libx32"],
  ppc64el: ["lib64"],
  s390x: ["lib32"],
};

const DEVICES: readonly (readonly [name: string, mode: number, major: number, minor: number])[] = [
  ["console", 0o600, 5, 1],
  ["full", 0o666, 1, 7],
  ["null", 0o666, 1, 3],
  ["ptmx", 0o666, 5, 2],
  ["random", 0o666, 1, 8],
  ["tty", 0o666, 5, 0],
  ["urandom", 0o666, 1, 9],
  ["zero", 0o666, 1, 5],
];

const DEVICE_LINKS: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
];

/** invoke-rc.d asks it before it starts a service; 101 forbids (policy-rc.d of invoke-rc.d(8)). */
export const POLICY_RC_D = "usr/sbin/policy-rc.d";

/**
 * Before packages: links that their paths go through.
 *
 * @param packages  that the root will have
 */
export function layBeforePackages(
  tree: RootTree,
  settings: LayoutSettings,
  packages: readonly { readonly name: string }[],
  architecture: string,
): void {
  const directory = metaOf(settings, 0o755),
    isBefore13 = packages.some(({ name }) => name === "usrmerge");
  tree.directory("usr", directory);
  for (const name of [...MERGED, ...((isBefore13 ? MERGED_BESIDES[architecture] : undefined) ?? [])]) {
    tree.directory(`usr/${name}`, directory);
    tree.symlink(name, metaOf(settings, 0o777), `usr/${name}`);
  }
}

/** After packages: what none of them has brought. */
export function layAfterPackages(tree: RootTree, settings: LayoutSettings): void {
  const directory = metaOf(settings, 0o755);
  for (const name of [
    "proc",
    "sys",
    "run",
    "dev",
    "dev/pts",
    "var",
    "var/lib",
    "var/lib/dpkg",
    "etc",
    "etc/apt",
    "etc/apt/sources.list.d",
  ])
    tree.directory(tree.place(name), directory);
  tree.directory(tree.place("dev/shm"), metaOf(settings, 0o1777));
  for (const name of ["alternatives", "info", "parts", "triggers", "updates"])
    tree.directory(tree.place(`var/lib/dpkg/${name}`), directory);
  for (const [name, mode, major, minor] of DEVICES)
    tree.device(tree.place(`dev/${name}`), metaOf(settings, mode), { kind: "character", major, minor });
  for (const [name, target] of DEVICE_LINKS) tree.symlink(tree.place(`dev/${name}`), metaOf(settings, 0o777), target);
  writeIfAbsent(tree, settings, "etc/hostname", `${settings.hostname}\n`);
  writeIfAbsent(
    tree,
    settings,
    "etc/hosts",
    `127.0.0.1\tlocalhost\n127.0.1.1\t${settings.hostname}\n\n::1\tlocalhost ip6-localhost ip6-loopback\n` +
      "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n",
  );
  writeIfAbsent(tree, settings, "etc/resolv.conf", "");
  // As systemd makes it (tmpfiles.d/etc.conf): fusermount3(1) looks there for what it may unmount.
  const mtab = tree.place("etc/mtab");
  if (tree.ownerOf(mtab) === undefined) tree.symlink(mtab, metaOf(settings, 0o777), "../proc/self/mounts");
  writeIfAbsent(tree, settings, "etc/fstab", "# The root is mounted by Stratos.\n");
  if (settings.mirror !== undefined) {
    const source =
      `Types: deb\nURIs: ${settings.mirror}\nSuites: ${settings.suite}\nComponents: ` +
      `${settings.components.join(" ")}\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n`;
    writeIfAbsent(tree, settings, "etc/apt/sources.list.d/debian.sources", source);
  }
  forbidServices(tree, settings);
}

/** No services are started while packages are configured; the configure script takes it away again. */
export function forbidServices(tree: RootTree, settings: Pick<LayoutSettings, "mtime">): void {
  const policy = tree.place(POLICY_RC_D);
  if (tree.ownerOf(policy) === undefined)
    tree.file(
      policy,
      metaOf(settings, 0o755),
      byteStringOf("#!/bin/sh\n# No services are started while the image is configured.\nexit 101\n"),
    );
}

function writeIfAbsent(tree: RootTree, settings: LayoutSettings, path: string, text: string): void {
  const place = tree.place(path);
  if (tree.ownerOf(place) === undefined) tree.file(place, metaOf(settings, 0o644), utf8Of(text));
}

export function metaOf(settings: Pick<LayoutSettings, "mtime">, mode: number): RootMeta {
  return { uid: 0, gid: 0, mode, mtime: settings.mtime };
}
