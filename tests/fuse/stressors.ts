/**
 * The file stressors of stress-ng(1), with its own verification, on a mounted volume: all at once, or each by itself
 * for longer:
 *
 *     npm run stress:fuse -- --seconds N      N seconds for each, one after the other
 */
import assert from "node:assert/strict";
import { MountedVolume } from "../support/mounted-volume.ts";

/** Class `filesystem` of stress-ng, with what keeps them small. */
const STRESSORS: Readonly<Record<string, readonly string[]>> = {
  access: [],
  chattr: [],
  chdir: ["--chdir-dirs", "200"],
  chmod: [],
  chown: [],
  "copy-file": ["--copy-file-bytes", "128M"],
  dentry: ["--dentries", "200"],
  dir: ["--dir-dirs", "200"],
  dirdeep: ["--dirdeep-inodes", "2000"],
  dirmany: [],
  dnotify: [],
  dup: [],
  fallocate: ["--fallocate-bytes", "16M"],
  fanotify: [],
  fcntl: [],
  "file-ioctl": [],
  filename: [],
  flock: [],
  fpunch: [],
  fsize: [],
  fstat: [],
  getdent: [],
  handle: [],
  hdd: ["--hdd-bytes", "16M"],
  "inode-flags": [],
  inotify: [],
  io: [],
  iomix: ["--iomix-bytes", "16M"],
  ioprio: [],
  lease: [],
  link: [],
  locka: [],
  lockf: [],
  lockofd: [],
  mknod: [],
  open: [],
  rename: [],
  symlink: [],
  "sync-file": ["--sync-file-bytes", "8M"],
  touch: [],
  utime: [],
  xattr: [],
};

/** Not run, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "bind-mount": "mounts in namespaces of its own, not on the mount",
  binderfs: "another file system",
  eventfd: "touches no files",
  procfs: "another file system",
  fiemap: "FUSE passes no FS_IOC_FIEMAP on; the stressor says so and ends",
  verity: "fs-verity is of ext4, f2fs and btrfs; the stressor says so and ends",
};

/**
 * By themselves only: one pass of `xattr` sets 4096 attributes, which takes long where they are not bounded to a block;
 * `io` calls it a failure when the end of the run interrupts its syncfs(2).
 */
const ALONE = new Set(["xattr", "io"]);

/** Some end with the pass that they are in. */
const END_MS = 600_000;

/** @throws Error with what a stressor said */
async function stress(volume: MountedVolume, names: readonly string[], seconds: number): Promise<void> {
  const options = names.flatMap((name) => [`--${name}`, "1", ...STRESSORS[name]!]);
  const { status, stdout, stderr } = await volume.try(
    ["stress-ng", ...options, "--timeout", `${seconds}s`, "--verify", "--temp-path", "."],
    { cwd: volume.mountPoint, timeoutMs: seconds * 1000 + END_MS },
  );
  const said = stdout + stderr;
  assert.ok(
    status === 0 && !/: fail:|unsuccessful/.test(said),
    `${names.join(", ")}: status ${status}: ${said.slice(-3000)}${volume.log()}`,
  );
  assert.equal(await volume.sh("ls"), "", "what the stressors made is gone");
}

/** All of them at once, on an empty mount. */
export function stressTogether(volume: MountedVolume, seconds: number): Promise<void> {
  return stress(
    volume,
    Object.keys(STRESSORS).filter((name) => !ALONE.has(name)),
    seconds,
  );
}

if (process.argv[1] === import.meta.filename) {
  const at = process.argv.indexOf("--seconds");
  const seconds = at < 0 ? 10 : Number(process.argv[at + 1]);
  const volume = await MountedVolume.create("2G");
  try {
    await volume.mount("allow_other");
    let failed = 0;
    for (const name of Object.keys(STRESSORS)) {
      await stress(volume, [name], seconds).then(
        () => console.log(`${name}: passed`),
        (error: Error) => {
          failed++;
          console.log(`${name}: ${error.message}`);
        },
      );
    }
    await stressTogether(volume, seconds);
    await volume.unmount();
    volume.check();
    for (const [name, why] of Object.entries(LEFT_OUT)) console.log(`${name}: left out: ${why}`);
    console.log(`${Object.keys(STRESSORS).length - failed} passed, ${failed} failed`);
    process.exitCode = failed === 0 ? 0 : 1;
  } finally {
    await volume.remove();
  }
}
