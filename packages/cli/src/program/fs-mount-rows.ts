/** Rows of `stratos fs` for mounts. */
import { Command, InvalidArgumentError, Option } from "commander";
import { MountWordError, NO_MOUNT_WORDS, parseMountWords, type MountWords } from "@stratos/volumes/mount-options";
import { jsonOption, type Finish } from "./fs-rows.ts";
import type { MountVolumeOptions } from "../commands/fs-mount-command.ts";
import type { InstallHelperOptions } from "../commands/fs-install-helper-command.ts";
import type { UnmountOptions } from "../commands/fs-umount-command.ts";

const MOUNT_HELP = `
Mount options, separated by commas: ro, rw; subvol=NAME or snapshot=NAME to show another subvolume or, read-only, a \
snapshot; private keeps other users out
of a mount of root's, which lets them in otherwise, as ext4 does (it spares the kernel a question for each file that \
is made or removed); allow_other lets others into a user's mount, which is
closed otherwise (/etc/fuse.conf has to say user_allow_other); writeback (default, unless the volume has quotas) lets \
the kernel gather writes until a file is closed or synced, or
30 seconds are over; writethrough hands each on at once, so that write(2) itself tells of a quota; noatime, relatime \
(default; reads that the kernel answers from its cache
move no access time), strictatime (each read that reaches the server moves it), nodiratime; remount with ro or rw \
changes a mount that is there;
commit=SECONDS until changes are durable without fsync (default 5; 1 where sync is not handed on, see below); \
cache=SIZE bounds the memory that the server holds of the volume (default 128M, at least 16M);
device=FILE names a further device of the volume (repeatable; or VOLUME is A,B,C), degraded does without some; \
keyfile=FILE has the passphrase
of an encrypted volume in its first line (or $STRATOS_PASSPHRASE_FILE); nocontrol hides .snapshots and .aegisfs; \
noblockdevice, see below; nosuid, nodev, noexec, sync, dirsync as in mount(8).

What is durable when: fsync(2) returns when the file is. Root's mounts are mounts of a block device (a volume in a \
file gets a loop device for as long as it is mounted): sync(1), sync -f and syncfs(2) return when
everything is durable (Linux 6.18 or later), and so does umount(8). Linux hands sync(2) on to no other mounts through \
FUSE (users', those where there is no loop device, noblockdevice, older kernels): there sync returns
at once, and what was written is durable within commit= seconds, one by default. A volume that can't be written is \
mounted read-only, and says so; --rw refuses it.

In the mount's root, unlisted: .snapshots (mkdir takes a snapshot, rmdir deletes one, \`ln -s NAME \
.snapshots/.rollback\` rolls back to one),
.aegisfs (the state as JSON). A snapshot holds what was written before, closed or not; a rollback changes the files for
all who use the mount: a file that it changed and that is still open gives EIO.
Commands take DIR, or any path below it, for the volume. Those that keep a volume (snapshot, schedule, resize, \
device, scrub, property, defrag, dedupe, tier, quota, audit, key, receive)
work on a mounted one as otherwise: the server does them, and its users go on meanwhile. Those that read it (check, \
backup, send, stats, diff, ls, cat, cp) see what was written when they began;
so long the server keeps what is deleted. Files are changed through the mount; check --repair and txn want the volume \
unmounted.
A volume's snapshot schedule is run while its live files are mounted. chattr(1) changes compression (+c, -c, +m) and \
projects (-p); +i and +a are refused, because Linux opens files of this mount
without asking, and what is written would be refused too late. \`cp\` shares blocks (copy_file_range); \`cp \
--reflink=always\` and filefrag(8) ask for ioctls that Linux hands to no server of FUSE. An extended attribute has up \
to 4 KiB, as on ext4.
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
      finish(await (await import("../commands/fs-mount-command.ts")).mountVolume(volume, dir, options)),
    );
  const umount = new Command("umount")
    .description("Unmounts a volume. Returns when everything is durable and the volume may be used by others.")
    .summary("unmount a volume")
    .argument("<dir>", "where it is mounted")
    .option("-l, --lazy", "also when it is in use: the place is free at once, the volume when its last file is closed")
    .action(async (dir: string, options: UnmountOptions) =>
      finish(await (await import("../commands/fs-umount-command.ts")).unmountVolume(dir, options)),
    );
  const helper = new Command("install-helper")
    .description(
      "Makes `mount -t aegisfs VOLUME DIR` and lines of fstab(5) work: writes /sbin/mount.aegisfs, the one place " +
        "where mount(8) looks. Needs root, once; again after stratos has moved.",
    )
    .summary("let mount(8) and fstab(5) mount volumes")
    .option("--remove", "take it away")
    .action(async (options: InstallHelperOptions) =>
      finish((await import("../commands/fs-install-helper-command.ts")).installHelper(options)),
    );
  return [mount, umount, helper];
}

function mountWords(text: string, previous: MountWords): MountWords {
  try {
    return parseMountWords(text, previous);
  } catch (error) {
    throw error instanceof MountWordError ? new InvalidArgumentError(error.message) : error;
  }
}
