/**
 * `stratos compose shell`: a root shell in what was made, without starting a machine: in namespaces where the host runs
 * its programs, else within Stratos.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isNativeArchitecture, nativeObstacle } from "@stratos/tools-node/compose";
import { stratosHome } from "@stratos/host-node";
import { endOfForeground } from "@stratos/host-node/home";
import { FolderWriter } from "@stratos/tools-node/packages";
import { writeTreeEntry } from "@stratos/pkg";
import { utf8ToByteString } from "@stratos/base";
import { findOutput } from "@stratos/systems/compose";
import { CommandError } from "../command-error.ts";
import { createVolume, ImageStore } from "@stratos/images";
import { VolumeWriter } from "@stratos/images/content";
import { openTreeSource, type TreeSource } from "@stratos/images/outputs";
import { runHere } from "../session/run-program.ts";
import { hasTerminal } from "../session/standard-files.ts";

export interface ComposeShellOptions {
  readonly arch?: string;
}

export async function shellInOutput(
  output: string,
  command: readonly string[],
  options: ComposeShellOptions,
): Promise<number> {
  // A layout, a commit or an image's own name is no path.
  const place =
    /^(oci|ostree):/.test(output) || new ImageStore(stratosHome()).find(output) !== null
      ? { path: output, architecture: undefined }
      : findOutput(output, { isBootable: false });
  const source = await openTreeSource(place.path, options.arch === undefined ? {} : { architecture: options.arch });
  try {
    const architecture = options.arch ?? place.architecture ?? source.architecture;
    if (architecture !== null && isNativeArchitecture(architecture)) return await nativeShell(source, command);
    if (architecture === "riscv64") return await stratosShell(source, command);
    throw new CommandError(
      output,
      architecture === null
        ? "holds no programs that tell for which processor it is; --arch says it"
        : `this host does not run programs of ${architecture}; \`stratos compose boot\` starts a machine that does`,
    );
  } finally {
    source.close();
  }
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

async function nativeShell(source: TreeSource, command: readonly string[]): Promise<number> {
  const obstacle = nativeObstacle();
  if (obstacle !== undefined) throw new CommandError("shell", `cannot be had here: ${obstacle}`);
  const folder = mkdtempSync(join(tmpdir(), "stratos-shell-")),
    root = join(folder, "root");
  try {
    mkdirSync(root);
    const writer = new FolderWriter(root);
    for (const entry of source.tree.entries()) writeTreeEntry(writer, entry);
    writer.finish();
    const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user", "--map-auto"];
    const child = spawn(
      "unshare",
      [
        "--mount",
        "--propagation",
        "slave",
        "--pid",
        "--fork",
        "--kill-child",
        "--uts",
        "--ipc",
        ...asRoot,
        "sh",
        "-c",
        INSIDE,
        "sh",
        root,
        ...command,
      ],
      { stdio: "inherit" },
    );
    return await endOfForeground(child);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In an image that is gone afterwards. */
async function stratosShell(source: TreeSource, command: readonly string[]): Promise<number> {
  const store = new ImageStore(stratosHome()),
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
    const [program] = command;
    return await runHere(
      (user) => {
        if (program !== undefined) return { program: utf8ToByteString(program), argv: command.map(utf8ToByteString) };
        const shell = user.shell.slice(user.shell.lastIndexOf("/") + 1);
        return { program: user.shell, argv: [hasTerminal() ? `-${shell}` : shell] };
      },
      { image: name, env: [], volume: [], net: "none", publish: [], workdir: "/root" },
    );
  } finally {
    draft.discard();
    if (store.find(name) !== null) store.remove(name);
  }
}
