/**
 * sbuild in unshare mode, as an ordinary user with subordinate ids (`useradd -m NAME` makes one): the judge of builds.
 * Needs root, sbuild and mmdebstrap.
 */
import { spawnSync } from "node:child_process";
import { chownSync, copyFileSync, existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findMirror } from "@stratos/tools-node/packages";

export class SbuildPeer {
  readonly #user: string;
  readonly #suite: string;
  readonly #ids: { readonly uid: number; readonly gid: number };

  /** Makes its root where it is not there. */
  constructor(user: string, suite: string) {
    this.#user = user;
    this.#suite = suite;
    this.#ids = userIds(user);
    makeRoot(user, suite);
  }

  /** Its user's from now on. */
  give(path: string): void {
    chownSync(path, this.#ids.uid, this.#ids.gid);
  }

  copy(from: string, folder: string, name = basename(from)): void {
    copyFileSync(from, join(folder, name));
    this.give(join(folder, name));
  }

  /** Builds a `.dsc` that lies in `folder`, and leaves what it makes there. @returns the status, and all it said */
  build(folder: string, dsc: string): { readonly status: number; readonly output: string } {
    const { status, stdout, stderr } = spawnSync(
      "su",
      [
        this.#user,
        "-c",
        `cd '${folder}' && sbuild --chroot-mode=unshare -d ${this.#suite} --no-clean-source --no-run-lintian ` +
          `--build-path=/build/reproducible-path ${dsc}`,
      ],
      { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] },
    );
    return { status: status ?? -1, output: stdout + stderr };
  }
}

function makeRoot(user: string, suite: string): void {
  const { stdout } = spawnSync("su", [user, "-c", "echo $HOME"], { encoding: "utf8" });
  const architecture = spawnSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).stdout.trim(),
    path = join(stdout.trim(), ".cache/sbuild", `${suite}-${architecture}.tar`);
  if (existsSync(path)) return;
  const { status } = spawnSync(
    "su",
    [
      user,
      "-c",
      `mkdir -p '${dirname(path)}' && mmdebstrap --variant=buildd --mode=unshare ${suite} '${path}' ` +
        `${findMirror().uri}`,
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  if (status !== 0) throw new Error("mmdebstrap failed");
}

function userIds(user: string): { uid: number; gid: number } {
  const [uid, gid] = ["-u", "-g"].map((flag) => Number(spawnSync("id", [flag, user], { encoding: "utf8" }).stdout));
  if (!(uid! > 0)) throw new Error(`there is no user ${user}: \`useradd -m ${user}\` makes one with subordinate ids`);
  return { uid: uid!, gid: gid! };
}
