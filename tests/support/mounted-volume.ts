/**
 * A fresh AegisFS volume that is mounted through FUSE with the command line, as a user does it. These tests need
 * /dev/fuse and the right to mount: `npm test` names those that it leaves out where there is no such device; run by
 * themselves they fail there and say so.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "@stratos/aegisfs";
import { FileBlockDevice } from "@stratos/host-node";
import { run, launcher, type Result, type RunInput } from "./stratos.ts";
import { untilGone } from "./until.ts";

export class MountedVolume {
  /** Of the test: the volume, the mount and whatever else. */
  readonly folder: string;
  readonly volume: string;
  readonly mountPoint: string;
  readonly home: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.volume = join(folder, "volume.aegisfs");
    this.mountPoint = join(folder, "mount");
    this.home = join(folder, "home");
    mkdirSync(this.mountPoint);
  }

  /** Makes a volume; it is not mounted yet. */
  static async create(size = "1G"): Promise<MountedVolume> {
    if (!existsSync("/dev/fuse")) throw new Error("this host has no /dev/fuse, so nothing can be mounted on it");
    const made = new MountedVolume(mkdtempSync(join(tmpdir(), "stratos-mount-")));
    await made.stratos(["fs", "format", made.volume, "--size", size]);
    return made;
  }

  /** Runs `stratos …`; a failure is thrown with what was said. */
  async stratos(args: readonly string[]): Promise<Result> {
    const result = await this.try([...launcher, ...args]);
    if (result.status !== 0)
      throw new Error(
        `stratos ${args.join(" ")}: status ${result.status}: ${result.stdout}${result.stderr}${this.log()}`,
      );
    return result;
  }

  /** Runs a command that may fail. */
  try(command: readonly string[], input: RunInput = {}): Promise<Result> {
    return run(command, { cwd: this.folder, ...input, env: { STRATOS_HOME: this.home, LC_ALL: "C", ...input.env } });
  }

  async mount(options = "rw"): Promise<void> {
    await this.stratos(["fs", "mount", "-o", options, this.volume, this.mountPoint]);
  }

  async unmount(): Promise<void> {
    await this.stratos(["fs", "umount", this.mountPoint]);
  }

  /** What the serving process said. */
  log(): string {
    const path = join(this.home, "log/fs-mount.log");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  /** Process that serves the volume; 0 when there is none. */
  serverPid(): number {
    const path = `${this.volume}.lock`;
    return existsSync(path) ? Number.parseInt(readFileSync(path, "utf8"), 10) : 0;
  }

  /** Kills the serving process at once, and waits until it is gone. */
  async kill(lock = `${this.volume}.lock`): Promise<void> {
    const pid = Number.parseInt(readFileSync(lock, "utf8"), 10);
    process.kill(pid, "SIGKILL");
    await untilGone(pid);
  }

  /** Runs a script of sh(1) in the mount; a failure is thrown. Returns its output. */
  async sh(script: string, ...args: string[]): Promise<string> {
    const result = await this.try(["sh", "-euc", script, "sh", ...args], { cwd: this.mountPoint });
    if (result.status !== 0)
      throw new Error(`${script.slice(0, 200)}: status ${result.status}: ${result.stderr.slice(-2000)}${this.log()}`);
    return result.stdout;
  }

  /** Proves that the volume, which is not mounted now, is whole. */
  check(): void {
    const device = new FileBlockDevice(this.volume, { readOnly: true });
    try {
      assert.deepEqual(check(device, { data: true }), []);
    } finally {
      device.close();
    }
  }

  /** Ends it all, whatever state it is in. */
  async remove(): Promise<void> {
    // The lock goes before its owner has ended, who may still write into the folder.
    const pid = this.serverPid();
    await this.try(["umount", "-l", this.mountPoint]);
    if (pid > 0) await untilGone(pid);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
