import { spawn } from "node:child_process";
import { fstatSync, openSync, readFileSync, realpathSync, statSync, writeSync, closeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { stratosHome, volumePaths } from "@stratos/host-node";
import { AEGISFS_TYPE, findMount, readMountTable } from "@stratos/host-node/mounts";
import {
  commandThroughFusermount,
  FuseMount,
  MountFailure,
  remount,
  unmount,
  type MountRequest,
} from "@stratos/tools-node/fuse";
import { makeFolders } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { findVolume, rememberVolume, mountPlace, errnoWords } from "@stratos/volumes";
import { MountControl } from "@stratos/volumes/mount-control";
import { mountWordsText, type MountWords } from "@stratos/volumes/mount-options";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED } from "../exit-status.ts";
import { ScheduleKeeper } from "./schedule-keeper.ts";
import { formatTable } from "../text-table.ts";

/** Beside this file: as source, or as the bundler leaves it. */
const COMMANDS_URL = new URL(
  import.meta.url.endsWith(".ts") ? "../mounted-commands.ts" : "./mounted-commands.mjs",
  import.meta.url,
).href;

export interface MountVolumeOptions {
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

export async function mountVolume(
  volume: string | undefined,
  dir: string | undefined,
  options: MountVolumeOptions,
): Promise<number> {
  if (volume === undefined) return listMounts(options);
  if (dir === undefined) throw new UsageError("DIR", "missing; see --help");
  if (options.options.remount) return remountVolume(dir, options.options);
  const [first, ...further] = namedDevices(volume);
  const plan = planMount(first!, dir, {
    ...options,
    options: { ...options.options, devices: [...new Set([...further, ...options.options.devices.map(realPath)])] },
  });
  if (options.fake === true) return 0;
  const mountedFd = process.env[MOUNTED_FD];
  if (options.foreground !== true) return startServer(plan, options);
  if (process.getuid?.() !== 0 && mountedFd === undefined) return becomeServer(plan);
  return serve(plan, plan.words, mountedFd === undefined ? null : Number(mountedFd));
}

/** The devices of what is named; the server is told them as they are. */
function namedDevices(volume: string): readonly string[] {
  return process.env[MOUNTED_FD] === undefined ? findVolume(volume).paths : volumePaths(volume);
}

interface MountPlan {
  readonly volume: string;
  readonly mountPoint: string;
  readonly words: MountWords;
  readonly mustWrite: boolean;
  readonly request: MountRequest;
}

/** Checks what can be checked before anything happens. */
function planMount(volume: string, dir: string, { options: given, rw, readOnly }: MountVolumeOptions): MountPlan {
  const words = readOnly === true ? { ...given, readOnly } : given;
  // What fusermount3 has mounted for us must not be looked at: we are the ones who would have to answer.
  const mountPoint = process.env[MOUNTED_FD] === undefined ? freePlace(dir) : dir;
  const [path, ...devices] = [...volumePaths(volume), ...words.devices].map(realPath) as [string, ...string[]];
  const absolute = { ...words, devices, keyFile: words.keyFile === null ? null : realPath(words.keyFile) };
  if (process.env[MOUNTED_FD] === undefined) {
    const inTheWay = findMount(mountPoint);
    if (inTheWay?.type === AEGISFS_TYPE && inTheWay.source === path)
      throw new CommandError(dir, `${path} is mounted there already`);
  }
  // A mount of root's is for all users, as of any other file system; another user's needs user_allow_other for it
  // (mount.fuse(8)).
  const allowOther = words.allowOther ?? process.getuid?.() === 0;
  return {
    volume: path,
    mountPoint,
    words: { ...absolute, allowOther },
    mustWrite: rw === true,
    request: {
      source: path,
      mountPoint,
      readOnly: words.readOnly,
      allowOther,
      options: words.others,
      asBlockDevice: words.asBlockDevice,
    },
  };
}

/** Changes what the kernel decides of a mount that is there: `mount -o remount,ro`. The server goes on as it is. */
function remountVolume(dir: string, words: MountWords): number {
  const place = mountPlace(dir);
  if (findMount(place)?.type !== AEGISFS_TYPE) throw new CommandError(dir, "nothing of AegisFS is mounted there");
  const failed = remount(place, [words.readOnly ? "ro" : "rw", ...words.others]);
  if (failed !== null) throw new CommandError(dir, failed);
  return 0;
}

/** The folder to mount on; a mount whose server has died is taken away. */
function freePlace(dir: string): string {
  try {
    const place = realpathSync(dir);
    if (!statSync(place).isDirectory()) throw new CommandError(dir, "not a folder");
    return place;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTCONN")
      throw error instanceof OperationError ? error : new CommandError(dir, hostReason(error));
  }
  const place = resolve(dir);
  const failed = unmount(place, { lazy: true });
  if (failed !== null)
    throw new CommandError(dir, `the server of an earlier mount has died, and it cannot be unmounted: ${failed}`);
  process.stderr.write(`stratos: ${dir}: the server of an earlier mount had died; mounting anew\n`);
  return place;
}

function realPath(volume: string): string {
  try {
    return realpathSync(volume);
  } catch (error) {
    throw new CommandError(volume, hostReason(error));
  }
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
  const logPath = options.log ?? join(stratosHome(), "log", "fs-mount.log");
  makeFolders(dirname(logPath));
  const log = openSync(logPath, "a", 0o600);
  const logged = fstatSync(log).size;
  const [program, ...args] = serverCommand(plan);
  const [command, commandArgs] =
    process.getuid?.() === 0 ? [program!, args] : commandThroughFusermount(plan.request, [program!, ...args]);
  const child = spawn(command, commandArgs, {
    detached: true,
    stdio: ["ignore", log, log, "pipe"],
    env: { ...process.env, ...passphraseFile(), [READY_FD]: "3" },
    cwd: "/",
  });
  closeSync(log);
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
    const words = readFileSync(logPath, "utf8").slice(logged).trim().replaceAll("\n", "; ");
    throw new CommandError(plan.mountPoint, words || `the serving process ended; ${logPath} may say why`);
  }
  child.unref();
  rememberVolume([plan.volume, ...plan.words.devices]);
  return 0;
}

/** The serving process has another folder than who starts it. */
function passphraseFile(): NodeJS.ProcessEnv {
  const path = process.env["STRATOS_PASSPHRASE_FILE"];
  return path === undefined || path === "" ? {} : { STRATOS_PASSPHRASE_FILE: resolve(path) };
}

/** Mounts without root: fusermount3 mounts, and what receives its descriptor becomes the server, as a child of ours. */
async function becomeServer(plan: MountPlan): Promise<number> {
  const [command, args] = commandThroughFusermount(plan.request, serverCommand(plan));
  const child = spawn(command, args, { stdio: "inherit" });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of STOPPING) process.on(signal, forward);
  return new Promise((done, fail) => {
    child.on("error", (error) => fail(new CommandError(plan.mountPoint, hostReason(error))));
    child.on("exit", (status) => done(status ?? EXIT_STRATOS_FAILED));
  });
}

const STOPPING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Serves until the mount ends. */
async function serve(plan: MountPlan, words: MountWords, mountedFd: number | null): Promise<number> {
  const say = tellWhoeverStarted();
  let mount: FuseMount;
  try {
    mount = await FuseMount.start({
      volume: {
        path: plan.volume,
        devices: words.devices,
        degraded: words.degraded,
        keyFile: words.keyFile,
        readOnly: words.readOnly,
        mustWrite: plan.mustWrite,
        subvolume: words.subvolume,
        cacheBytes: words.cacheBytes,
        commands: { url: COMMANDS_URL, mountPoint: plan.mountPoint },
        serve: {
          checksPermissions: plan.request.allowOther || process.getuid?.() !== 0,
          ...(words.writebackCache === null ? {} : { writebackCache: words.writebackCache }),
          accessTimes: words.accessTimes,
          folderAccessTimes: words.folderAccessTimes,
          controlNames: words.controlNames,
        },
      },
      mount: plan.request,
      commitSeconds: words.commitSeconds,
      mountedFd,
    });
  } catch (error) {
    if (!(error instanceof MountFailure)) throw error;
    if (mountedFd !== null) unmount(plan.mountPoint, { lazy: true });
    say(`${error.about}: ${error.message}\n`);
    throw new CommandError(error.about === "volume" ? plan.volume : plan.mountPoint, error.message);
  }
  let stops = 0;
  for (const signal of STOPPING) {
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
        ? new ScheduleKeeper([plan.volume, ...words.devices].join(","), words.keyFile)
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

/** Are the volume's live files mounted, with `.snapshots`? */
function takesSnapshots({ readOnly, subvolume, controlNames }: MountWords): boolean {
  return !readOnly && subvolume === null && controlNames;
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
