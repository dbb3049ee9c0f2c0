/** Rows of `stratos fs` for mounts. */
import { spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { devNull, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  MountWordError,
  NO_MOUNT_WORDS,
  parseMountWords,
  type MountWords,
  mountWordsText,
} from "@stratos/volumes/mount-options";
import { stratosHome } from "@stratos/host-node";
import { volumePaths } from "@stratos/tools-node/volumes";
import { AEGISFS_TYPE, findMount, readMountTable } from "@stratos/host-node/mounts";
import { commandThroughFusermount, type FuseMount, MountFailure, remount, unmount } from "@stratos/tools-node/fuse";
import { endOfForeground, makeFolders } from "@stratos/host-node/home";
import { findVolume, rememberVolume, mountPlace, errnoWords } from "@stratos/volumes";
import { MountControl } from "@stratos/volumes/mount-control";
import { type MountPlan, planMount, startMount, takesSnapshots } from "@stratos/volumes/mount-plan";
import { ScheduleKeeper } from "@stratos/volumes/schedule-keeper";
import { jsonOption, type Finish } from "./row-options.ts";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED } from "../exit-status.ts";
import { heeded } from "../ignored-signals.ts";
import { formatTable } from "../text-table.ts";
import { type UnmountOptions, unmountVolume } from "./fs-unmount.ts";
import { type InstallHelperOptions, installHelper } from "./fs-mount-helper.ts";

const MOUNT_HELP = `
Mount options, separated by commas: ro, rw; subvol=NAME or snapshot=NAME to show another subvolume or, read-only, a \
snapshot; private keeps other users out of a mount of root's, which lets them in otherwise, as ext4 does (it spares \
the kernel a question for each file that is made or removed); allow_other lets others into a user's mount, which is \
closed otherwise (/etc/fuse.conf has to say user_allow_other); writeback (default, unless the volume has quotas) \
lets the kernel gather writes until a file is closed or synced, or 30 seconds are over; writethrough hands each on \
at once, so that write(2) itself tells of a quota; noatime, relatime (default; reads that the kernel answers from \
its cache move no access time), strictatime (each read that reaches the server moves it), nodiratime; remount with \
ro or rw changes a mount that is there; commit=SECONDS until changes are durable without fsync (default 5; 1 where \
sync is not handed on, see below); cache=SIZE bounds the memory that the server holds of the volume (default 128M, \
at least 16M); device=FILE names a further device of the volume (repeatable; or VOLUME is A,B,C), degraded does \
without some; keyfile=FILE has the passphrase of an encrypted volume in its first line (or \
$STRATOS_PASSPHRASE_FILE); nocontrol hides .snapshots and .aegisfs; noblockdevice, see below; nosuid, nodev, noexec, \
sync, dirsync as in mount(8).

What is durable when: fsync(2) returns when the file is. Root's mounts are mounts of a block device (a volume in a \
file gets a loop device for as long as it is mounted): sync(1), sync -f and syncfs(2) return when everything is \
durable (Linux 6.18 or later), and so does umount(8). Linux hands sync(2) on to no other mounts through FUSE \
(users', those where there is no loop device, noblockdevice, older kernels): there sync returns at once, and what \
was written is durable within commit= seconds, one by default. A volume that can't be written is mounted read-only, \
and says so; --rw refuses it. It may be mounted read-only at several places, and nobody writes it as long as it is.

In the mount's root, unlisted: .snapshots (mkdir takes a snapshot, rmdir deletes one, \`ln -s NAME \
.snapshots/.rollback\` rolls back to one), .aegisfs (the state as JSON). A snapshot holds what was written before, \
closed or not; a rollback changes the files for all who use the mount: a file that it changed and that is still open \
gives EIO.
Commands take DIR, or any path below it, for the volume. Those that keep a volume (snapshot, schedule, resize, \
device, scrub, property, defrag, dedupe, tier, quota, audit, key, receive) work on a mounted one as otherwise: the \
server does them, and its users go on meanwhile. Those that read it (check, backup, send, stats, diff, ls, cat, cp) \
see what was written when they began; so long the server keeps what is deleted. Files are changed through the mount; \
check --repair and txn want the volume unmounted.
A volume's snapshot schedule is run while its live files are mounted. chattr(1) changes compression (+c, -c, +m) and \
projects (-p); +i and +a are refused, because Linux opens files of this mount without asking, and what is written \
would be refused too late. \`cp\` shares blocks (copy_file_range); \`cp --reflink=always\` and filefrag(8) ask for \
ioctls that Linux hands to no server of FUSE. An extended attribute has up to 4 KiB, as on ext4.
For mount(8) and fstab(5): \`stratos fs install-helper\` once, as root; then \`mount -t aegisfs VOLUME DIR\`.
In fstab(5), write uuid=… or label=… in lower case (\`uuid=7b472a8d-… /data aegisfs nofail 0 0\`): mount(8) itself \
looks for UUID=… among what blkid(8) knows, which AegisFS is not, and gives up.
The server ends when DIR is unmounted; SIGINT and SIGTERM unmount it; a second one cuts off whoever still uses it.`;

export function mountCommands(finish: Finish): Command[] {
  const mount = new Command("mount")
    .description(
      "Mounts a volume on a folder, through FUSE. Returns when it is mounted; a process of its own serves it. " +
        "Without arguments: lists what is mounted. After a crash of that process, mounting again takes the place over.",
    )
    .summary("mount a volume on a folder")
    .usage("[OPTIONS] [VOLUME DIR]")
    .argument("[volume]", "file or device, UUID=… or LABEL=…; one device of several is enough")
    .argument("[dir]", "an empty folder")
    .addOption(
      new Option("-o, --options <list>", "mount options, see below (repeatable)")
        .argParser(mountWords)
        .default(NO_MOUNT_WORDS, "rw"),
    )
    .option("-r, --read-only", "the same as -o ro")
    .option("-w, --rw", "refuse a volume that is write-protected, instead of mounting it read-only")
    .option("--foreground", "serve in this process, until it is unmounted")
    .option("--log <file>", "what the serving process has to say (default: log/fs-mount.log in $STRATOS_HOME)")
    .addOption(jsonOption())
    // What mount(8) hands to its helpers.
    .addOption(new Option("-f, --fake").hideHelp())
    .addOption(new Option("-n, --no-mtab").hideHelp())
    .addOption(new Option("-v, --verbose").hideHelp())
    .addOption(new Option("-s, --sloppy").hideHelp())
    .addOption(new Option("-t, --types <type>").hideHelp())
    .addOption(new Option("-N, --namespace <namespace>").hideHelp())
    .addHelpText("after", MOUNT_HELP)
    .action(async (volume: string | undefined, dir: string | undefined, options: MountVolumeOptions) =>
      finish(await mountVolume(volume, dir, options)),
    );
  const umount = new Command("umount")
    .description("Unmounts a volume. Returns when everything is durable and the volume may be used by others.")
    .summary("unmount a volume")
    .argument("<dir>", "where it is mounted")
    .option("-l, --lazy", "also when it is in use: the place is free at once, the volume when its last file is closed")
    .action(async (dir: string, options: UnmountOptions) => finish(await unmountVolume(dir, options)));
  const helper = new Command("install-helper")
    .description(
      "Makes `mount -t aegisfs VOLUME DIR` and lines of fstab(5) work: writes /sbin/mount.aegisfs, the one place " +
        "where mount(8) looks. Needs root, once; again after stratos has moved.",
    )
    .summary("let mount(8) and fstab(5) mount volumes")
    .option("--remove", "take it away")
    .action(async (options: InstallHelperOptions) => finish(installHelper(options)));
  return [mount, umount, helper];
}

function mountWords(text: string, previous: MountWords): MountWords {
  try {
    return parseMountWords(text, previous);
  } catch (error) {
    throw error instanceof MountWordError ? new InvalidArgumentError(error.message) : error;
  }
}

/** Beside this file: as source, or as the bundler leaves it. */
const COMMANDS_URL = new URL(
  import.meta.url.endsWith(".ts") ? "../mounted-commands.ts" : "./mounted-commands.mjs",
  import.meta.url,
).href;

interface MountVolumeOptions {
  readonly options: MountWords;
  readonly foreground?: true;
  readonly log?: string;
  readonly json?: true;
  /** Check, but don't mount: `mount --fake`. */
  readonly fake?: true;
  /** Refuse what is write-protected: `mount --rw`. */
  readonly rw?: true;
  readonly readOnly?: true;
}

/**
 * Descriptor on which the serving process says that it is ready, or why it is not; set by the command that started it.
 */
const READY_FD = "STRATOS_MOUNT_READY_FD";
/** A descriptor of /dev/fuse that is mounted already. */
const MOUNTED_FD = "STRATOS_FUSE_FD";

async function mountVolume(
  volume: string | undefined,
  dir: string | undefined,
  options: MountVolumeOptions,
): Promise<number> {
  if (volume === undefined) return listMounts(options);
  if (dir === undefined) throw new UsageError("DIR", "missing; see --help");
  if (options.options.remount) return remountVolume(dir, options.options);
  const [first, ...further] = namedDevices(volume);
  const mountedFd = process.env[MOUNTED_FD];
  const { readOnly, ...given } = options.options;
  const plan = planMount(first!, dir, {
    words: { ...given, readOnly: options.readOnly ?? readOnly, devices: [...further, ...given.devices] },
    mustWrite: options.rw === true,
    isMounted: mountedFd !== undefined,
    tell: (words) => void process.stderr.write(`stratos: ${words}\n`),
  });
  if (options.fake === true) return 0;
  if (options.foreground !== true) return startServer(plan, options);
  if (process.getuid?.() !== 0 && mountedFd === undefined) return becomeServer(plan);
  return serve(plan, mountedFd === undefined ? null : Number(mountedFd));
}

/** The devices of what is named; the server is told them as they are, and looks for no others. */
function namedDevices(volume: string): readonly string[] {
  const isTold = process.env[MOUNTED_FD] !== undefined || process.env[READY_FD] !== undefined;
  return isTold ? volumePaths(volume) : findVolume(volume).paths;
}

/** Changes what the kernel decides of a mount that is there: `mount -o remount,ro`. The server goes on as it is. */
function remountVolume(dir: string, words: MountWords): number {
  const place = mountPlace(dir);
  if (findMount(place)?.type !== AEGISFS_TYPE) throw new CommandError(dir, "nothing of AegisFS is mounted there");
  const failed = remount(place, [words.readOnly ? "ro" : "rw", ...words.others]);
  if (failed !== null) throw new CommandError(dir, failed);
  return 0;
}

// ---- In a process of its own ---------------------------------------------------------------------------------------

function serverCommand(plan: MountPlan): string[] {
  return [
    process.execPath,
    ...process.execArgv,
    process.argv[1]!,
    "fs",
    "mount",
    "--foreground",
    ...(plan.mustWrite ? ["--rw"] : []),
    "-o",
    mountWordsText(plan.words),
    "--",
    plan.volume,
    plan.mountPoint,
  ];
}

/** Starts the serving process and waits until it has mounted, or says why not. */
async function startServer(plan: MountPlan, options: MountVolumeOptions): Promise<number> {
  const { path: logPath, fd: log } = openLog(options.log);
  const logged = fstatSync(log).isFile() ? fstatSync(log).size : null;
  const [program, ...args] = serverCommand(plan);
  const [command, commandArgs] =
    process.getuid?.() === 0 ? [program!, args] : commandThroughFusermount(plan.request, [program!, ...args]);
  const child = spawn(command, commandArgs, {
    detached: true,
    stdio: ["ignore", log, log, "pipe"],
    env: { ...process.env, ...passphraseFile(), [READY_FD]: "3" },
    cwd: "/",
  });
  let said = "";
  const ready = child.stdio[3]! as NodeJS.ReadableStream;
  await new Promise<void>((done) => {
    ready.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
      if (/^(?!warning: ).*\n/m.test(said)) done();
    });
    ready.on("close", done);
    child.on("error", () => done());
  });
  const lines = said.split("\n");
  for (const [, words] of lines.map((line) => /^warning: (.*)/.exec(line) ?? []))
    if (words !== undefined) process.stderr.write(`stratos: ${plan.volume}: ${words}\n`);
  const line = lines.find((candidate) => !candidate.startsWith("warning: ")) ?? "";
  const [, about, why] = /^(volume|place): (.*)$/.exec(line) ?? [];
  if (about !== undefined) throw new CommandError(about === "volume" ? plan.volume : plan.mountPoint, why!);
  if (line !== "mounted") {
    const words = logged === null ? "" : readFrom(log, logged).trim().replaceAll("\n", "; ");
    const where = logPath === null ? "mount with --log FILE to see why" : `${logPath} may say why`;
    throw new CommandError(plan.mountPoint, words || `the serving process ended; ${where}`);
  }
  closeSync(log);
  child.unref();
  rememberVolume([plan.volume, ...plan.words.devices]);
  return 0;
}

/** What was written since then, as far as it is words. */
function readFrom(fd: number, offset: number): string {
  const bytes = Buffer.alloc(WORDS_BYTES_MAX);
  return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, offset));
}

const WORDS_BYTES_MAX = 65536;

/**
 * Where the serving process writes what it has to say. A home that cannot be written keeps nobody from a volume, which
 * is what one may want to write to: then nothing is kept, and that is told; why it could not begin is read from a file
 * without a name. A file that was asked for has to open.
 */
function openLog(asked: string | undefined): { path: string | null; fd: number } {
  const path = asked ?? join(stratosHome(), "log", "fs-mount.log");
  try {
    makeFolders(dirname(path));
    return { path, fd: openSync(path, "a+", 0o600) };
  } catch (error) {
    if (asked !== undefined) throw error;
    process.stderr.write(
      `stratos: ${path}: ${hostReason(error)}; what the mount's server has to say is not kept (--log FILE: there)\n`,
    );
    return { path: null, fd: namelessFile() ?? openSync(devNull, "a") };
  }
}

function namelessFile(): number | null {
  const path = join(tmpdir(), `.stratos-mount-${randomUUID()}`);
  try {
    const fd = openSync(path, "ax+", 0o600);
    rmSync(path);
    return fd;
  } catch {
    return null;
  }
}

/** The serving process has another folder than who starts it. */
function passphraseFile(): NodeJS.ProcessEnv {
  const path = process.env["STRATOS_PASSPHRASE_FILE"];
  return path === undefined || path === "" ? {} : { STRATOS_PASSPHRASE_FILE: resolve(path) };
}

/** Mounts without root: fusermount3 mounts, and what receives its descriptor becomes the server, as a child of ours. */
async function becomeServer(plan: MountPlan): Promise<number> {
  const [command, args] = commandThroughFusermount(plan.request, serverCommand(plan));
  return endOfForeground(spawn(command, args, { stdio: "inherit" })).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(plan.mountPoint, hostReason(error));
  });
}

const STOPPING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Serves until the mount ends. */
async function serve(plan: MountPlan, mountedFd: number | null): Promise<number> {
  const { words } = plan;
  const say = tellWhoeverStarted();
  let mount: FuseMount;
  try {
    mount = await startMount(plan, { commands: COMMANDS_URL, mountedFd });
  } catch (error) {
    if (!(error instanceof MountFailure)) throw error;
    if (mountedFd !== null) unmount(plan.mountPoint, { lazy: true });
    say(`${error.about}: ${error.message}\n`);
    throw new CommandError(error.about === "volume" ? plan.volume : plan.mountPoint, error.message);
  }
  let stops = 0;
  for (const signal of heeded(STOPPING)) {
    process.on(signal, () => {
      if (stops++ > 0) mount.abort();
      else {
        const busy = mount.stop();
        if (busy !== null)
          process.stderr.write(
            `stratos: ${plan.mountPoint}: ${busy}: the mount ends when its last file is closed, or with a second ` +
              "signal\n",
          );
      }
    });
  }
  let schedule: ScheduleKeeper | null = null;
  const keepSchedule = (isThere: boolean): void => {
    schedule?.stop();
    schedule =
      isThere && takesSnapshots(words)
        ? new ScheduleKeeper(
            [plan.volume, ...words.devices].join(","),
            [process.execPath, ...process.execArgv, process.argv[1]!, "fs", "schedule", "run"],
            words.keyFile,
          )
        : null;
  };
  keepSchedule(mount.hasSchedule);
  const control = new MountControl(plan.volume, mount, ([, group, verb], status) => {
    if (group === "schedule" && status === 0) keepSchedule(verb === "set");
  });
  // Whoever started us may give the volume a command at once.
  const warnings = mount.isWriteProtected ? ["write-protected, mounted read-only"] : [];
  if (process.env[READY_FD] === undefined)
    for (const words of warnings) process.stderr.write(`stratos: ${plan.volume}: ${words}\n`);
  say(`${warnings.map((words) => `warning: ${words}\n`).join("")}mounted\n`);
  const { errno, defect } = await mount.ended();
  control.close();
  keepSchedule(false);
  if (defect !== null) {
    mount.abort();
    process.stderr.write(`stratos: ${plan.volume}: internal error: ${defect}\n`);
    return EXIT_STRATOS_FAILED;
  }
  if (errno !== 0) throw new CommandError(plan.volume, `the last changes could not be written: ${errnoWords(-errno)}`);
  return 0;
}

/** Says something to the process that started this one; once. */
function tellWhoeverStarted(): (words: string) => void {
  const fd = process.env[READY_FD];
  if (fd === undefined) return () => {};
  return (words) => {
    try {
      writeSync(Number(fd), words);
      closeSync(Number(fd));
    } catch {
      // It did not wait.
    }
  };
}

function listMounts(options: MountVolumeOptions): number {
  const mounts = readMountTable()
    .filter(({ type }) => type === AEGISFS_TYPE)
    .map(({ source, mountPoint, options: words }) => ({
      volume: source,
      dir: mountPoint,
      readOnly: words.includes("ro"),
    }));
  if (options.json === true) process.stdout.write(`${JSON.stringify(mounts, null, 2)}\n`);
  else
    process.stdout.write(
      formatTable(
        ["VOLUME", "DIR", "ACCESS"],
        mounts.map(({ volume, dir, readOnly }) => [volume, dir, readOnly ? "ro" : "rw"]),
      ),
    );
  return 0;
}
