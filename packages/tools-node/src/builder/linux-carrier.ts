/**
 * Clean roots on Linux: layers under one overlay in a mount namespace, so that a clone costs a mount. Nothing of a root
 * is mounted where the host sees it, and each command runs in namespaces of its own, whose end is the end of its
 * processes and mounts.
 *
 *     builder/layers/KEY/tree  ─┐
 *     builder/layers/KEY/tree  ─┼─▶ overlay, for one command at a time
 *     builder/work/ID/upper    ─┘
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import {
  InfrastructureError,
  type BroughtFile,
  type CleanRoot,
  type CloneSettings,
  type LayerContent,
  type LayerInfo,
  type RootCarrier,
  type RootCommand,
  type RootExit,
} from "@stratos/builder";
import { ENTER_ROOT, LEAVE_VOLUMES } from "../compose/enter-root.ts";
import { MOUNT_DEVICES } from "../compose/native-runner.ts";
import { canRun } from "../compose/binfmt.ts";
import { failedAt, writeFully, writeWhole } from "@stratos/host-node/files";
import { endOfProcess, killChild } from "@stratos/host-node/home";
import { Cgroup } from "./cgroup.ts";
import { LayerFolder, namesIn, removeTree } from "./layer-folder.ts";
import { writeFirstFiles } from "./first-files.ts";
import { buildObstacle, isRoot, spawnForFiles, spawnInside, tailOf } from "./namespaces.ts";
import { isForgotten, ownerText } from "./work-owner.ts";

/**
 * $1: the builder's folder; $2: its layers, the highest first; $3: the clone's folder; $4: a folder in that for
 * the overlay's own use, which is empty; $5: the host name. What the overlay notes of what is not yet on the disk
 * (`volatile`) is of no use: after a crash of the host nobody asks for the clone. Each program that is started here
 * costs as much as several mounts.
 */
const MOUNT_CLONE = `set -eu
for group in $groups; do echo $$ >"$group"; done
cd "$1"; lower=$2 work=$3 scratch=$4 name=$5; shift 5
mount -t overlay -o "nosuid,nodev,lowerdir=$lower,upperdir=$work/upper,workdir=$work/$scratch,volatile$overlay" \
overlay "$work/root"
cd "$work"`;

/**
 * Then: the user, its id, the build folder, and pairs of a place on the host and a name. Of folders, what version
 * control keeps of itself stays behind. Nothing runs in the root meanwhile, and what its layers bring may be links,
 * which lead out of it here.
 */
const PREPARE = `${MOUNT_CLONE}
user=$1 id=$2 folder=$3; shift 3
cd root
refuse() { echo "/$1 is a link or no file in the root's layers" >&2; exit 1; }
[ ! -L etc ] || refuse etc
for path in etc/passwd etc/group; do [ -f $path ] && [ ! -L $path ] || refuse $path; done
for path in etc/hosts etc/hostname; do [ -f $path ] && [ ! -L $path ] || rm -rf $path; done
( set -f; IFS=/; at=; for part in $folder; do
  at=$at\${at:+/}$part; [ ! -L "./$at" ] || refuse "$at"
done )
known=
while IFS=: read -r line rest; do if [ "$line" = "$user" ]; then known=yes; fi; done <etc/passwd
[ -n "$known" ] || {
  echo "$user:x:$id:$id:builder:/nonexistent:/bin/sh" >>etc/passwd
  echo "$user:x:$id:" >>etc/group
}
printf '127.0.0.1\\tlocalhost %s\\n::1\\tlocalhost\\n' "$name" >etc/hosts
echo "$name" >etc/hostname
[ ! -e etc/resolv.conf ] && [ ! -L etc/resolv.conf ] || rm -f etc/resolv.conf
mkdir -p ".$folder"
while [ $# -gt 1 ]; do
  if [ -d "$1" ]; then
    mkdir ".$folder/$2"
    tar -C "$1" --exclude=./.git --exclude=./.pc -c -f - . | tar -x --no-same-owner -p -f - -C ".$folder/$2"
  else cp --remove-destination -- "$1" ".$folder/$2"; fi
  shift 2
done
chown -R "$id:$id" ".$folder"`;

/** Then: the build folder and a name, whose content is standard input. */
const WRITE = `${MOUNT_CLONE}
[ ! -L "root$1/$2" ] || rm -f "root$1/$2"
cat >"root$1/$2"`;

/**
 * Loopback is what tests talk over; the root's perl (an essential package) does it where the host has no ip(8). Source:
 * netdevice(7), SIOCSIFFLAGS.
 */
const LOOPBACK_UP =
  `ip link set lo up 2>/dev/null || chroot root perl -e 'socket(my $s, 2, 2, 0); ioctl($s, 0x8914, pack("a16 s ` +
  `x22", "lo", 0x41))' 2>/dev/null || :`;

/** Then: the environment and command for chroot. Descriptor 3 is told when all is mounted. */
const RUN = `work=$3 below=$1
[ "$network" = no ] || names=$(cat /etc/resolv.conf 2>/dev/null) || :
${LEAVE_VOLUMES}
${MOUNT_CLONE}
${MOUNT_DEVICES}
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts root/dev/pts 2>/dev/null && ln -s pts/ptmx \
root/dev/ptmx || :
[ "$network" = yes ] || { ${LOOPBACK_UP}; }
if [ -n "\${names-}" ] && [ -d root/etc ] && [ ! -L root/etc ]; then
  [ -f root/etc/resolv.conf ] && [ ! -L root/etc/resolv.conf ] || rm -rf root/etc/resolv.conf
  printf '%s\\n' "$names" >root/etc/resolv.conf || :
fi
[ -z "$domain" ] || { echo "$domain" >/proc/sys/kernel/domainname || domainname "$domain"; } 2>/dev/null || :
[ ! -L root/ccache ] || rm -f root/ccache
[ -z "$cache" ] || { mkdir -p root/ccache; mount --bind "$cache" root/ccache; chown "$cacheOwner" root/ccache; }
echo mounted >&3
${ENTER_ROOT}`;

/** In the root, as its first process: bounds, folder, and the user without any of root's rights. */
const AS_USER = `umask "$1"; ulimit -c 0; ulimit -f "$2"; [ "$3" = 0 ] || ulimit -p "$3"
id=$4; cd "$5" || exit 126; shift 5
setpriv --reuid "$id" --regid "$id" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"
exit $?`;
const AS_ROOT = `umask "$1"; cd "$5" || cd /; shift 5
"$@"
exit $?`;

/** How often a build's use of the disk is looked at. */
const WATCH_MS = 1000;
/** A disk that is fuller than this stops what fills it. */
const FREE_MIN_BYTES = 256 << 20;
/** One that was fuller than this while a command failed is what it failed for, as far as anybody can tell. */
const FULL_BYTES = 4 << 20;
const PIECE_BYTES = 1 << 20;
/**
 * Where clones lie whose folders shall be read in another order: on tmpfs the newest entry comes first, on ext4, XFS or
 * btrfs it is by hash or as they came. Source: Linux fs/libfs.c, offset_readdir.
 */
const MEMORY = "/dev/shm";

export class LinuxCarrier implements RootCarrier {
  readonly id = "linux";
  readonly isLayered = true;
  readonly layers: LayerFolder;
  readonly #folder: string;
  #serial = 0;

  /** @param folder  the builder's own */
  constructor(folder: string) {
    this.#folder = folder;
    this.layers = new LayerFolder(folder);
  }

  fixed(): Readonly<Record<string, string>> {
    const why = isTmpfs(this.#folder)
      ? `${this.#folder} is itself on tmpfs`
      : isTmpfs(MEMORY)
        ? undefined
        : `${MEMORY} is no tmpfs`;
    return why === undefined ? {} : { fileordering: why };
  }

  async has(key: string): Promise<boolean> {
    return this.layers.has(key);
  }

  write(info: LayerInfo, content: LayerContent): Promise<void> {
    return this.layers.write(info, content);
  }

  obstacle(architecture: string): string | undefined {
    const obstacle =
      buildObstacle() ??
      (canRun(architecture)
        ? undefined
        : `it does not run ${architecture}, and no emulator is registered for that (binfmt_misc; Debian's package ` +
          "qemu-user-static)");
    return obstacle === undefined ? undefined : `builds cannot be run on this host: ${obstacle}`;
  }

  async clone(layers: readonly string[], settings: CloneSettings): Promise<CleanRoot> {
    const obstacle = this.obstacle(settings.architecture);
    if (obstacle !== undefined) throw new InfrastructureError(obstacle);
    await this.removeForgotten();
    for (const key of layers) this.layers.touch(key);
    const folder = settings.hasOtherOrder === true ? this.#inMemory() : join(this.#folder, "work", this.#nextName());
    await removeTree(folder);
    // What a build makes set-user-ID would be that for each user of the host who reached it.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeWhole(join(folder, "owner"), ownerText());
    writeWhole(join(folder, "layers"), `${layers.join("\n")}\n`);
    for (const name of ["upper", "root"]) mkdirSync(join(folder, name), { mode: 0o755 });
    return new LinuxRoot(this.#folder, folder, layers, settings);
  }

  #nextName(): string {
    return `${process.pid}-${this.#serial++}`;
  }

  /** In a folder that is nobody else's, wherever that file system is. */
  #inMemory(): string {
    const folder = this.#memoryFolder();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!isOwn(folder)) throw new InfrastructureError(`${folder} is somebody else's`);
    return join(folder, this.#nextName());
  }

  /** One for each builder's folder. */
  #memoryFolder(): string {
    const key = createHash("sha256").update(this.#folder).digest("hex").slice(0, 16);
    return join(MEMORY, `stratos-builder-${process.getuid?.() ?? 0}-${key}`);
  }

  #workFolders(): string[] {
    const memory = this.#memoryFolder();
    return [join(this.#folder, "work"), ...(isOwn(memory) ? [memory] : [])].flatMap((place) =>
      namesIn(place).map((name) => join(place, name)),
    );
  }

  /** Layers that clones of living builders stand on. */
  layersInUse(): Set<string> {
    const used = new Set<string>();
    for (const folder of this.#workFolders()) {
      // Checkouts of sources stand there, too.
      if (isForgotten(join(folder, "owner")) || !existsSync(join(folder, "layers"))) continue;
      for (const key of readFileSync(join(folder, "layers"), "latin1").split("\n")) if (key !== "") used.add(key);
    }
    return used;
  }

  /** What builders left that were killed. Their processes and mounts went with their namespaces. */
  async removeForgotten(): Promise<void> {
    await this.layers.removeForgotten();
    for (const folder of this.#workFolders()) {
      if (isForgotten(join(folder, "owner"))) await removeTree(folder);
    }
  }
}

class LinuxRoot implements CleanRoot {
  readonly place: string;
  readonly #folder: string;
  readonly #work: string;
  readonly #layers: readonly string[];
  readonly #settings: CloneSettings;
  #mounts = 0;
  /** Nobody has written to it. */
  #isFresh = true;

  constructor(folder: string, work: string, layers: readonly string[], settings: CloneSettings) {
    this.place = join(work, "upper");
    this.#folder = folder;
    this.#work = work;
    this.#layers = layers;
    this.#settings = settings;
  }

  async bring(files: readonly BroughtFile[]): Promise<void> {
    const { user, buildFolder, signal } = this.#settings;
    signal.throwIfAborted();
    const isFresh = this.#isFresh;
    this.#isFresh = false;
    if (isFresh && (await this.#writeFirst(files))) return;
    const child = spawnInside(
      PREPARE,
      [
        ...this.#mountArguments(),
        user.name,
        String(user.id),
        buildFolder,
        ...files.flatMap(({ from, name }) => [from, name]),
      ],
      { stdio: ["ignore", "pipe", "pipe"], hasNetwork: true, environment: this.#mountEnvironment() },
    );
    const told = tailOf(child),
      status = await endOfProcess(child);
    if (status !== 0) throw new InfrastructureError(`a root cannot be made: ${told() || `status ${status}`}`);
  }

  /** Without a process; an ordinary user needs one to give the build folder away. */
  async #writeFirst(files: readonly BroughtFile[]): Promise<boolean> {
    const layers = [...this.#layers].reverse().map((key) => join(this.#folder, LayerFolder.place(key)));
    const isWritten = await writeFirstFiles({ layers, upper: this.place }, this.#settings, files).catch((error) => {
      throw new InfrastructureError(`a root cannot be made: ${(error as Error).message}`);
    });
    if (!isWritten || isRoot()) return isWritten;
    const { user, buildFolder } = this.#settings;
    const child = spawnForFiles(
      'chown -R "$1" -- "$2"',
      [`${user.id}:${user.id}`, join(this.place, buildFolder)],
      ["ignore", "pipe", "pipe"],
    );
    const told = tailOf(child);
    if ((await endOfProcess(child)) !== 0) throw new InfrastructureError(`a root cannot be made: ${told()}`);
    return true;
  }

  /** Through a pipe, so that a builder that is killed leaves no file but the clone's. */
  async write(name: string, content: Uint8Array): Promise<void> {
    const { buildFolder, signal } = this.#settings;
    signal.throwIfAborted();
    const child = spawnInside(WRITE, [...this.#mountArguments(), buildFolder, name], {
      stdio: ["pipe", "pipe", "pipe"],
      hasNetwork: true,
      environment: this.#mountEnvironment(),
    });
    const told = tailOf(child);
    // One that has ended early says why by its status.
    child.stdin!.on("error", () => {});
    child.stdin!.end(content);
    const status = await endOfProcess(child);
    if (status !== 0) throw new InfrastructureError(`${name} cannot be written: ${told() || `status ${status}`}`);
  }

  async run(command: RootCommand): Promise<RootExit> {
    const { limits, signal, user } = this.#settings;
    signal.throwIfAborted();
    const group = Cgroup.create(limits);
    try {
      const shell = [
        command.umask,
        String(Math.floor(limits.spaceBytes / 512)),
        group === undefined ? String(limits.processes) : "0",
        String(user.id),
        command.folder,
      ];
      const child = spawnInside(
        RUN,
        [
          ...this.#mountArguments(),
          ...Object.entries(command.environment).map(([name, value]) => `${name}=${value}`),
          "/bin/sh",
          "-c",
          command.asRoot === true ? AS_ROOT : AS_USER,
          "sh",
          ...shell,
          ...command.argv,
        ],
        {
          stdio:
            command.isInteractive === true
              ? ["inherit", "inherit", "inherit", "pipe"]
              : ["ignore", "pipe", "pipe", "pipe"],
          hasNetwork: command.hasNetwork === true,
          environment: {
            ...this.#mountEnvironment(),
            groups: group?.entrances.join(" ") ?? "",
            network: command.hasNetwork === true ? "yes" : "no",
            cache: this.#compilerCache(),
            domain: this.#settings.domain ?? "",
            cacheOwner: `${user.id}:${user.id}`,
          },
        },
      );
      return await this.#watch(child, command, group);
    } finally {
      await group?.remove();
    }
  }

  async #watch(
    child: ReturnType<typeof spawnInside>,
    command: RootCommand,
    group: Cgroup | undefined,
  ): Promise<RootExit> {
    const { limits, signal } = this.#settings;
    let stopped: RootExit["stopped"];
    const stop = (kind: "timeout" | "killed", why: string): void => {
      stopped ??= { kind, why };
      killChild(child, "SIGKILL");
    };
    const onAbort = (): void => stop("killed", "stopped");
    signal.addEventListener("abort", onAbort, { once: true });
    let heardMs = performance.now(),
      loggedBytes = 0,
      tail = "",
      isMounted = false;
    const startedMs = heardMs,
      freeBefore = freeBytes(this.place);
    child.stdio[3]?.on("data", () => {
      isMounted = true;
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (piece: Buffer) => {
        heardMs = performance.now();
        loggedBytes += piece.length;
        if (!isMounted) tail = (tail + piece.toString("latin1")).slice(-2000);
        if (loggedBytes > limits.logBytes) stop("killed", `it wrote more than ${words(limits.logBytes)} of output`);
        else command.onOutput(piece);
      });
    }
    let isLooking = false,
      freeMin = freeBefore;
    const watcher =
      command.isInteractive === true
        ? undefined
        : setInterval(() => {
            const nowMs = performance.now();
            if (nowMs - startedMs > limits.timeoutSeconds * 1000)
              return stop("timeout", `it ran for longer than ${limits.timeoutSeconds} s`);
            if (nowMs - heardMs > limits.silenceSeconds * 1000)
              return stop("timeout", `it wrote nothing for ${limits.silenceSeconds} s`);
            const free = freeBytes(this.place);
            freeMin = Math.min(freeMin, free);
            if (freeBefore - free > limits.spaceBytes && !isLooking) {
              // Others write to this disk, too.
              isLooking = true;
              if (usedBytes(this.place) > limits.spaceBytes)
                stop("killed", `it wrote more than ${words(limits.spaceBytes)} to the disk`);
              isLooking = false;
            } else if (free < FREE_MIN_BYTES && usedBytes(this.place) > FREE_MIN_BYTES)
              stop("killed", `the disk of ${this.#folder} is full`);
          }, WATCH_MS);
    try {
      const status = await endOfProcess(child);
      const usage = group?.usage(),
        refusedForks = group?.refusedForks ?? 0;
      if (!isMounted && stopped === undefined)
        throw new InfrastructureError(`a root cannot be entered: ${tail.trim() || `status ${status}`}`);
      if (status !== 0 && stopped === undefined) {
        const isFull = Math.min(freeMin, freeBytes(this.place)) < FULL_BYTES;
        if (isFull && usedBytes(this.place) <= FREE_MIN_BYTES)
          throw new InfrastructureError(`the disk of ${this.#folder} was full`);
        if (isFull) stopped = { kind: "killed", why: `the disk of ${this.#folder} is full` };
        else if (usage?.isOutOfMemory === true)
          stopped = { kind: "killed", why: `it wanted more than ${words(limits.memoryBytes)} of memory` };
        else if (refusedForks > 0)
          stopped = { kind: "killed", why: `it wanted more than ${limits.processes} processes` };
        else if (status === 128 + 25)
          stopped = { kind: "killed", why: `it wrote a file of more than ${words(limits.spaceBytes)}` };
      }
      return {
        status,
        ...(stopped === undefined ? {} : { stopped }),
        cpuMs: usage?.cpuMs,
        peakBytes: usage?.peakBytes ?? 0,
      };
    } finally {
      clearInterval(watcher);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async read(name: string, sizeMax: number): Promise<Uint8Array | undefined> {
    const fd = this.#open(name);
    if (fd === undefined) return undefined;
    try {
      return fstatSync(fd).size > sizeMax ? undefined : readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  async take(name: string, target: string): Promise<{ readonly size: number; readonly sha256: string } | undefined> {
    const from = this.#open(name);
    if (from === undefined) return undefined;
    const temporary = `${target}.new.${process.pid}`;
    try {
      const to = openSync(temporary, "w", 0o644),
        hash = createHash("sha256"),
        piece = Buffer.alloc(PIECE_BYTES);
      let size = 0;
      try {
        for (let count = readSync(from, piece); count > 0; count = readSync(from, piece)) {
          hash.update(piece.subarray(0, count));
          writeFully(to, piece.subarray(0, count));
          size += count;
        }
      } catch (error) {
        throw failedAt(target, error);
      } finally {
        closeSync(to);
      }
      renameSync(temporary, target);
      return { size, sha256: hash.digest("hex") };
    } finally {
      closeSync(from);
      rmSync(temporary, { force: true });
    }
  }

  /** What a build has left may be a link to anywhere, or a pipe that nobody writes to. */
  #open(name: string): number | undefined {
    try {
      const fd = openSync(
        join(this.place, this.#settings.buildFolder, name),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      );
      if (fstatSync(fd).isFile()) return fd;
      closeSync(fd);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ELOOP" || code === "ENXIO" || code === "EACCES") return undefined;
      throw error;
    }
  }

  async drop(): Promise<void> {
    await removeTree(this.#work);
  }

  /** One for each architecture; what ccache keeps in it is known by all that a compilation depends on. */
  #compilerCache(): string {
    if (this.#settings.hasCompilerCache !== true) return "";
    const path = join(this.#folder, "ccache", this.#settings.architecture);
    mkdirSync(path, { recursive: true });
    return path;
  }

  #mountArguments(): string[] {
    this.#isFresh = false;
    // The kernel leaves files in it that another mount refuses.
    const scratch = `scratch-${this.#mounts++}`;
    mkdirSync(join(this.#work, scratch), { mode: 0o755 });
    return [
      this.#folder,
      [...this.#layers]
        .reverse()
        .map((key) => LayerFolder.place(key))
        .join(":"),
      this.#work,
      scratch,
      this.#settings.hostname,
    ];
  }

  /**
   * In a user namespace the overlay's attributes are the user's. Source: Linux Documentation/filesystems/overlayfs.rst,
   * "userxattr".
   */
  #mountEnvironment(): Record<string, string> {
    return { groups: "", overlay: isRoot() ? "" : ",userxattr" };
  }
}

function isOwn(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && stats.isDirectory() && stats.uid === process.getuid?.();
}

/** Source: include/uapi/linux/magic.h, TMPFS_MAGIC. */
function isTmpfs(path: string): boolean {
  try {
    return statfsSync(path).type === 0x01021994;
  } catch {
    return false;
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function usedBytes(folder: string): number {
  const { stdout } = spawnSync("du", ["-s", "-x", "--block-size=1", folder], { encoding: "utf8" });
  return Number(/^\d+/.exec(stdout)?.[0] ?? 0);
}

function words(bytes: number): string {
  return bytes >= 1 << 30 ? `${+(bytes / 2 ** 30).toFixed(1)} GiB` : `${+(bytes / 2 ** 20).toFixed(1)} MiB`;
}
