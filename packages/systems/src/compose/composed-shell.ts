/** What was composed as a root that programs are run in: in namespaces of this host, or in an image of Stratos. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileTree } from "@stratos/formats";
import { createVolume, ImageStore } from "@stratos/images";
import { VolumeWriter } from "@stratos/images/content";
import { openTreeSource, type TreeSource } from "@stratos/images/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { OperationError } from "@stratos/operation";
import { startedRoot } from "@stratos/outputs";
import { writeTreeEntry } from "@stratos/pkg";
import { isNativeArchitecture, nativeObstacle } from "@stratos/tools-node/compose";
import { FolderWriter } from "@stratos/tools-node/packages";
import { findOutput } from "./composed-output.ts";

interface ComposedRoot {
  readonly source: TreeSource;
  /** Who runs its programs. */
  readonly runner: "host" | "stratos";
  /** Places that its fstab(5) has on further partitions: empty here. */
  readonly elsewhere: readonly string[];
}

/**
 * @param output  a compose's file or folder, or what else has a root: a layout, a commit, an image's name
 * @param architecture  undefined: that of its programs
 * @throws OperationError of kind build: nobody here runs its programs
 */
export async function withComposedRoot<T>(
  {
    output,
    architecture: asked,
    home,
  }: {
    readonly output: string;
    readonly architecture: string | undefined;
    /** STRATOS_HOME */
    readonly home: string;
  },
  use: (root: ComposedRoot) => Promise<T>,
): Promise<T> {
  // A layout, a commit or an image's own name is no path.
  const images = new ImageStore(home);
  const place =
    /^(oci|ostree):/.test(output) || images.find(output) !== null
      ? { path: output, architecture: undefined }
      : findOutput(output, { images });
  const opened = await openTreeSource(place.path, asked === undefined ? {} : { architecture: asked });
  try {
    const architecture = asked ?? place.architecture ?? opened.architecture;
    const source = { ...opened, architecture, tree: startedRoot(opened.tree, nodeCodecs()) };
    const { obstacle, elsewhere } = lookAtRoot(source.tree);
    if (obstacle !== null) throw new OperationError("build", output, obstacle);
    if (architecture !== null && isNativeArchitecture(architecture))
      return await use({ source, runner: "host", elsewhere });
    if (architecture === "riscv64") return await use({ source, runner: "stratos", elsewhere });
    throw new OperationError(
      "build",
      output,
      architecture === null
        ? "holds no programs that tell for which processor it is; --arch says it"
        : `this host does not run programs of ${architecture}; \`stratos compose boot\` starts a machine that does`,
    );
  } finally {
    opened.close();
  }
}

/** What a tree is that no shell can be in, and what of a root is not in it. */
function lookAtRoot(tree: FileTree): { readonly obstacle: string | null; readonly elsewhere: readonly string[] } {
  let isExtension = false,
    isSystem = false;
  let elsewhere: readonly string[] = [];
  for (const { path, content } of tree.entries()) {
    if (/^[^/]+\.ovf$/.test(path))
      return {
        obstacle: "is an appliance (OVA): a disk for other hypervisors, whose files are not read here",
        elsewhere,
      };
    if (/^ostree\/deploy\/[^/]+\/deploy\/[0-9a-f]{64}\.\d+$/.test(path))
      return {
        obstacle:
          "is a disk with a deployed commit, whose files are not read here; `stratos compose boot` starts a machine " +
          "from it, and its commit (ostree:REPOSITORY:REF) has a shell",
        elsewhere,
      };
    if (/^(usr\/lib|etc)\/extension-release\.d$/.test(path)) isExtension = true;
    if (path === "etc/os-release" || path === "usr/lib/os-release") isSystem = true;
    if (path === "etc/fstab" && content !== null && content.sizeBytes <= FSTAB_MAX) {
      const bytes = new Uint8Array(content.sizeBytes);
      content.read(0, bytes);
      elsewhere = furtherPlaces(new TextDecoder().decode(bytes));
    }
  }
  const obstacle =
    isExtension && !isSystem ? "is an extension: files to lay over a system, and none that programs run in" : null;
  return { obstacle, elsewhere };
}

const FSTAB_MAX = 1 << 16;
/** A boot loader's partition, and what is made when a machine starts. */
const NO_FILES_OF_ITS = /^(vfat|swap|tmpfs|proc|sysfs|none|auto)$/;

function furtherPlaces(fstab: string): string[] {
  return fstab
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, place = "", type = "", options = ""]) =>
        /^\/./.test(place) && !NO_FILES_OF_ITS.test(type) && !/(^|,)r?bind(,|$)/.test(options),
    )
    .map(([, place]) => place!)
    .toSorted();
}

/**
 * What a shell finds around it. The root is moved onto `/`, as switch_root(8) does, so that `..` ends there; what is
 * left of root's rights is over files and its own processes, not over the machine (capabilities(7)); all that is
 * mounted goes with the namespaces. Until chroot(1) programs are the host's.
 */
const INSIDE = `set -e
cd "$1"
mount --bind "$1" "$1" && cd "$1"
mkdir -p dev proc sys run tmp
mount -t proc proc proc
mount --rbind /dev dev
mount -t sysfs -o ro sysfs sys 2> /dev/null || mount --rbind /sys sys
mount -t tmpfs tmpfs run
shift
mount -n --move . /
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
if [ "$#" -eq 0 ]; then
  for shell in usr/bin/bash bin/bash usr/bin/sh bin/sh; do
    if [ -x "$shell" ]; then set -- "/$shell" -l; break; fi
  done
fi
[ "$#" -gt 0 ] || { echo "stratos: there is no shell" >&2; exit 127; }
exec setpriv --inh-caps=-all \\
  --bounding-set=-sys_module,-sys_rawio,-sys_boot,-sys_admin,-sys_ptrace,-sys_time,-mknod,-net_admin chroot . "$@"
`;

/**
 * A program of the root, by this host, in namespaces of its own and in a copy that is gone afterwards.
 *
 * @param command  empty: a login shell
 * @param wait  for its end; it has our standard streams
 * @throws OperationError of kind build
 */
export async function runInNamespaces<T>(
  source: TreeSource,
  command: readonly string[],
  wait: (child: ChildProcess) => Promise<T>,
): Promise<T> {
  const obstacle = nativeObstacle();
  if (obstacle !== undefined) throw new OperationError("build", "shell", `cannot be had here: ${obstacle}`);
  const folder = mkdtempSync(join(tmpdir(), "stratos-shell-")),
    root = join(folder, "root");
  try {
    mkdirSync(root);
    const writer = new FolderWriter(root);
    for (const entry of source.tree.entries()) writeTreeEntry(writer, entry);
    writer.finish();
    const namespaces = ["--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child", "--uts", "--ipc"];
    const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user", "--map-auto"];
    const inside = ["sh", "-c", INSIDE, "sh", root, ...command];
    return await wait(spawn("unshare", [...namespaces, ...asRoot, ...inside], { stdio: "inherit" }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The root as an image that is gone afterwards. @param use  gets its name */
export async function withPassingImage<T>(
  source: TreeSource,
  home: string,
  use: (name: string) => Promise<T>,
): Promise<T> {
  const store = new ImageStore(home),
    draft = store.createDraft(),
    name = `compose-shell-${process.pid}`;
  try {
    const opened = createVolume(draft.layerPath(0), name);
    try {
      const writer = new VolumeWriter(opened.volume.root);
      for (const entry of source.tree.entries()) writeTreeEntry(writer, entry);
      writer.finish();
    } finally {
      opened.close();
    }
    draft.publish(name, {
      format: 1,
      architecture: "riscv64",
      suite: null,
      createdAt: new Date().toISOString(),
      packages: [],
      layers: 1,
      origin: "compose",
    });
    return await use(name);
  } finally {
    draft.discard();
    if (store.find(name) !== null) store.remove(name);
  }
}
