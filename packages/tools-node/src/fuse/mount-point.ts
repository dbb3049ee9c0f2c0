/**
 * Joining a descriptor of /dev/fuse and a folder, and parting them. Node has no mount(2): root runs mount(8), which
 * gets the descriptor as its third; others run fusermount3, which is allowed to mount for them and hands the descriptor
 * back as a message on a socket. Node cannot receive one there, so a few lines of Perl (which is essential in Debian)
 * do, and become the server with the descriptor open.
 */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import {
  deviceNumbers,
  AEGISFS_BLOCK_TYPE,
  AEGISFS_TYPE,
  readMountTable,
  type MountEntry,
} from "@stratos/host-node/mounts";

/** What went wrong when mounting, in words: with the volume, or with the place. */
export class MountFailure extends Error {
  readonly about: "volume" | "place";

  constructor(message: string, about: "volume" | "place" = "place") {
    super(message);
    this.about = about;
  }
}

export interface MountRequest {
  /** Shown as the mount's source. */
  readonly source: string;
  readonly mountPoint: string;
  readonly readOnly: boolean;
  /** Let other users in; the permissions of files hold for everyone in any case. */
  readonly allowOther: boolean;
  /** Further options of mount(8), such as `nosuid`. */
  readonly options: readonly string[];
  /** Give the kernel a block device where that can be: it then hands sync(2) on. Root's mounts alone have one. */
  readonly asBlockDevice: boolean;
}

interface RootMount {
  /** Descriptor of /dev/fuse. */
  readonly fd: number;
  /** Why the kernel was given no block device, in words; null when it was, or none was wanted. */
  readonly withoutDevice: string | null;
}

/**
 * Mounts as root. Where root alone may enter there is nothing to check: the kernel then need not ask for a folder's
 * attributes again after each change in it, a quarter of the messages of a new file.
 *
 * A volume in a file gets a loop device, which is for its mount alone and goes with it. Nothing is read or written
 * through it: the server has the file. It is what makes the kernel hand on sync(2) and syncfs(2) (Linux 6.18) and wait
 * for the last commit when it unmounts. Without loop devices, as in many containers, it is mounted as a descriptor
 * alone. (`-o loop` of mount(8) would take a loop device that stands on the file already.)
 *
 * @param isFile  the volume is a file, and no block device
 * @throws MountFailure
 */
export function mountAsRoot(request: MountRequest, isFile: boolean): RootMount {
  const fd = openDevFuse();
  const options = [
    "fd=3",
    "rootmode=40000",
    "user_id=0",
    "group_id=0",
    ...(request.allowOther ? ["default_permissions", "allow_other"] : []),
    request.readOnly ? "ro" : "rw",
    ...request.options,
  ];
  const mountAs = (type: string, source: string, more: readonly string[]): string | null =>
    runMount(["-t", type, "-o", [...options, ...more].join(","), "--", source, request.mountPoint], fd);
  let withoutDevice: string | null = null;
  if (request.asBlockDevice && !isFile && isMountedDevice(request.source))
    withoutDevice = "the device is mounted already";
  else if (request.asBlockDevice) {
    const device = isFile ? makeLoop(request) : { path: request.source };
    withoutDevice = "path" in device ? mountAs(AEGISFS_BLOCK_TYPE, device.path, ["blksize=4096"]) : device.failed;
    // One that is in use stays until it is unmounted, and is marked to go then: loop(4), LOOP_CLR_FD.
    if (isFile && "path" in device) spawnSync("losetup", ["--detach", device.path], { stdio: "ignore" });
    if (withoutDevice === null) return { fd, withoutDevice };
  }
  const failed = mountAs(AEGISFS_TYPE, request.source, []);
  if (failed !== null) {
    closeSync(fd);
    throw new MountFailure(failed);
  }
  return { fd, withoutDevice };
}

function makeLoop({ source, readOnly }: MountRequest): { path: string } | { failed: string } {
  const made = spawnSync("losetup", ["--find", "--show", ...(readOnly ? ["--read-only"] : []), "--", source], {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
  });
  return made.status === 0
    ? { path: made.stdout.trim() }
    : {
        failed:
          made.error !== undefined
            ? "losetup(8) cannot be run"
            : wordsOf(made.stderr, "losetup: ") || `losetup(8) ended with status ${made.status}`,
      };
}

/**
 * Linux has one file system for a block device: mounting it again, as two read-only mounts may, would show the first
 * server's files, and leave the second one without a kernel.
 */
function isMountedDevice(path: string): boolean {
  const numbers = deviceNumbers(statSync(path).rdev);
  return (
    existsSync(`/sys/fs/fuse/connections/${connectionOf(numbers)}`) ||
    readMountTable().some(({ major, minor }) => major === numbers.major && minor === numbers.minor)
  );
}

/**
 * The number of a mount's connection, a folder of fusectl: its device's as the kernel keeps it (MKDEV,
 * include/linux/kdev_t.h).
 */
export function connectionOf({ major, minor }: Pick<MountEntry, "major" | "minor">): number {
  return major * 2 ** 20 + minor;
}

/**
 * Lets the kernel read further ahead than the 128 KiB that it allows servers by default: fewer questions for files that
 * are read from end to end. Needs root, and a sysfs that can be written; without it nothing is lost but speed.
 */
export function readFurtherAhead({ major, minor }: MountEntry): void {
  try {
    writeFileSync(`/sys/class/bdi/${major}:${minor}${major === 0 ? "" : "-fuseblk"}/read_ahead_kb`, READ_AHEAD_KB);
  } catch {
    // The kernel's own bound holds.
  }
}

/**
 * As much as btrfs takes for itself. A reader and the server hand over to each other once for each window: with 512 KiB
 * a cold read of 512 MiB took 1.1 times as long on a quiet machine, and twice as long on a busy one. Page faults of
 * mapped files read as much around themselves, but the kernel stops that where it misses (mm/filemap.c,
 * MMAP_LOTSAMISS).
 */
const READ_AHEAD_KB = "4096";

function openDevFuse(): number {
  try {
    return openSync("/dev/fuse", "r+");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new MountFailure(
      code === "ENOENT" || code === "ENXIO" || code === "ENODEV"
        ? "this host has no /dev/fuse: its kernel lacks FUSE, or the container was not given the device"
        : `/dev/fuse cannot be opened (${code})`,
    );
  }
}

/**
 * The command that mounts through fusermount3 and then becomes `command`, with the descriptor's number in the
 * environment as `STRATOS_FUSE_FD`.
 *
 * @throws MountFailure when this computer's processor has another number for recvmsg(2) than those we know
 */
export function commandThroughFusermount(
  request: MountRequest,
  command: readonly string[],
): [program: string, args: string[]] {
  const recvmsg = ({ x64: 47, arm64: 212, riscv64: 212, loong64: 212 } as Readonly<Record<string, number>>)[
    process.arch
  ];
  if (recvmsg === undefined) throw new MountFailure(`mounting without root is not known on ${process.arch}`);
  const options = [
    `fsname=${request.source.replaceAll(/[\\,]/g, "\\$&")}`,
    "subtype=aegisfs",
    "default_permissions",
    ...(request.allowOther ? ["allow_other"] : []),
    request.readOnly ? "ro" : "rw",
    ...request.options,
  ];
  return ["perl", ["-e", RECEIVE_AND_BECOME, String(recvmsg), options.join(","), request.mountPoint, ...command]];
}

/**
 * struct msghdr on 64-bit machines: name, its length (padded), iov, count, control, its size, flags (padded); see
 * recvmsg(2), cmsg(3). The control message is a header of 16 bytes (length, SOL_SOCKET, SCM_RIGHTS) and the descriptor.
 */
const RECEIVE_AND_BECOME = `
use Socket; my ($number, $options, $folder, @command) = @ARGV;
$^F = 255;
socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!\\n";
my $child = fork // die "fork: $!\\n";
if ($child == 0) { close $ours; $ENV{_FUSE_COMMFD} = fileno $theirs; exec "fusermount3", "-o", $options, "--", \
$folder or print STDERR "fusermount3: $!\\n"; exit 127; }
close $theirs;
my $byte = "\\0"; my $control = "\\0" x 64;
my $iov = pack("PQ", $byte, 1);
my $message = pack("QQPQPQQ", 0, 0, $iov, 1, $control, length $control, 0);
my $count = syscall($number, fileno $ours, $message, 0);
waitpid $child, 0; my $status = $? >> 8;
exit($status || 1) if $count < 1;
my ($length, $level, $type, $fd) = unpack("QllL", $control);
die "fusermount3 sent no descriptor\\n" if $length < 20 || $type != 1;
$ENV{STRATOS_FUSE_FD} = $fd;
close $ours; exec @command or die "$command[0]: $!\\n";
`;

/**
 * Unmounts. With `lazy` the place is free at once, and the mount ends when its last user is gone.
 *
 * @returns null, or why not in words
 */
export function unmount(mountPoint: string, options: { lazy: boolean }): string | null {
  const isRoot = process.getuid?.() === 0;
  const [program, args] = isRoot
    ? ["umount", ["-i", ...(options.lazy ? ["-l"] : []), "--", mountPoint]]
    : ["fusermount3", ["-u", ...(options.lazy ? ["-z"] : []), "--", mountPoint]];
  const result = spawnSync(program, args, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (result.status === 0) return null;
  return result.error !== undefined
    ? `${program} cannot be run`
    : wordsOf(result.stderr, `${program}: `) ||
        `${program} ended with status ${result.status ?? constants.signals[result.signal!]}`;
}

/**
 * Changes the kernel's own options of a mount, such as `ro`. Needs root.
 *
 * @returns null, or why not in words
 */
export function remount(mountPoint: string, options: readonly string[]): string | null {
  return runMount(["-o", ["remount", ...options].join(","), "--", mountPoint], "ignore");
}

/** Runs mount(8), none of its helpers, with `fd` as its third descriptor. @returns null, or why it failed in words */
function runMount(args: readonly string[], fd: number | "ignore"): string | null {
  const result = spawnSync("mount", ["-i", ...args], { stdio: ["ignore", "ignore", "pipe", fd], encoding: "utf8" });
  if (result.status === 0) return null;
  return result.error !== undefined
    ? "mount(8) cannot be run"
    : wordsOf(result.stderr, "mount: ") || `mount(8) ended with status ${result.status}`;
}

/** The first line that a program of util-linux or fuse3 said, without its own name and the path. */
function wordsOf(stderr: string, prefix: string): string {
  const line = stderr.split("\n").find((candidate) => candidate.trim() !== "") ?? "";
  return line
    .replace(prefix, "")
    .replace(/^\/[^:]*: /, "")
    .trim()
    .replace(/\.$/, "");
}
