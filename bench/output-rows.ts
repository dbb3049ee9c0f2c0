/**
 * Outputs beside the tools that make them today, by turns, in CPU seconds of user and system of the whole command:
 * OSTree commits beside ostree, OCI images beside umoci, a disk in two formats beside mke2fs and qemu-img, other file
 * systems beside their own tools. All take the same folder, a minimal Debian of amd64.
 *
 *     npm run bench -- --only outputs [--rounds N] [--root DIR]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./peers.ts";
import type { SpecialResult } from "./report.ts";
import { median } from "./statistics.ts";

interface Contest {
  readonly name: string;
  readonly peerName: string;
  readonly goal: string;
  readonly needs: readonly string[];
  /** before each round; not measured */
  readonly before: string;
  readonly peer: string;
  /** arguments of `stratos`; `$ROOT` and `$WORK` are filled in */
  readonly ours: readonly string[];
  /** files or folders whose sizes are told, too */
  readonly sizes?: { readonly theirs: string; readonly ours: string };
}

const CONTESTS: readonly Contest[] = [
  {
    name: "OSTree commit, archive, first",
    peerName: "ostree",
    goal: "≤ 1.5 ×",
    needs: ["ostree"],
    before: "rm -rf theirs ours; ostree init --repo=theirs --mode=archive",
    peer: "ostree commit --repo=theirs -b x --tree=dir=$ROOT",
    ours: ["image", "convert", "$ROOT", "$WORK/ours", "--to", "ostree", "--ref", "x"],
  },
  {
    name: "OSTree commit, archive, again",
    peerName: "ostree",
    goal: "≤ 0.3 ×",
    needs: ["ostree"],
    before: "test -d ours || exit 1",
    peer: "ostree commit --repo=theirs -b x --tree=dir=$ROOT",
    ours: ["image", "convert", "$ROOT", "$WORK/ours", "--to", "ostree", "--ref", "x"],
  },
  {
    name: "OSTree commit, unpacked, first",
    peerName: "ostree (bare)",
    goal: "≤ 1.5 ×",
    needs: ["ostree"],
    before: "rm -rf theirs ours; ostree init --repo=theirs --mode=bare",
    peer: "ostree commit --repo=theirs -b x --tree=dir=$ROOT",
    ours: ["image", "convert", "$ROOT", "$WORK/ours", "--to", "ostree", "--ref", "x", "--mode", "bare-user-only"],
  },
  ...(["gzip", "zstd"] as const).map((kind): Contest => ({
    name: `OCI image, ${kind}`,
    peerName: "umoci (gzip)",
    goal: kind === "gzip" ? "≤ 1 ×" : "≤ 0.4 ×",
    needs: ["umoci"],
    before:
      "rm -rf ours layout bundle; umoci init --layout layout; umoci new --image layout:x; umoci unpack --image " +
      "layout:x bundle 2>/dev/null; rm -rf bundle/rootfs; cp -a $ROOT bundle/rootfs",
    peer: "umoci repack --image layout:x bundle",
    ours: ["image", "convert", "$ROOT", "$WORK/ours", "--to", "oci", "-c", kind],
    sizes: { theirs: "layout", ours: "ours" },
  })),
  {
    name: "ext4 disk of 600 MB, raw and QCOW2",
    peerName: "mke2fs -d, qemu-img convert",
    goal: "≤ 1.5 ×",
    needs: ["mke2fs", "qemu-img"],
    before: "rm -rf theirs* ours*",
    peer: "mke2fs -q -t ext4 -d $ROOT theirs 600M && qemu-img convert -O qcow2 theirs theirs.qcow2",
    ours: ["image", "convert", "$ROOT", "$WORK/ours.raw", "--to", "ext4", "-s", "600M", "--qcow2", "$WORK/ours.qcow2"],
  },
  {
    name: "btrfs volume",
    peerName: "mkfs.btrfs --rootdir",
    goal: "≤ 1.5 ×",
    needs: ["mkfs.btrfs"],
    before: "rm -rf theirs* ours*; truncate -s 300M theirs",
    peer: "mkfs.btrfs -q -m single --rootdir $ROOT theirs",
    ours: ["image", "convert", "$ROOT", "$WORK/ours.btrfs", "-s", "300M"],
  },
  {
    name: "EROFS image",
    peerName: "mkfs.erofs",
    goal: "≤ 1.5 ×",
    needs: ["mkfs.erofs"],
    before: "rm -rf theirs* ours*",
    peer: "mkfs.erofs theirs $ROOT",
    ours: ["image", "convert", "$ROOT", "$WORK/ours.erofs"],
    sizes: { theirs: "theirs", ours: "ours.erofs" },
  },
];

/** @param root  a folder with a Debian root; null: mmdebstrap makes one in `cache` */
export function* measureOutputs(
  launcher: readonly string[],
  cache: string,
  root: string | null,
  rounds: number,
): Generator<SpecialResult> {
  const tree = root ?? minimalRoot(cache);
  const work = mkdtempSync(join(tmpdir(), "stratos-bench-outputs-"));
  try {
    for (const contest of CONTESTS) yield measure(contest, { launcher, tree, work, rounds });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function measure(
  contest: Contest,
  place: { launcher: readonly string[]; tree: string | null; work: string; rounds: number },
): SpecialResult {
  const { name, peerName, goal } = contest;
  const result: SpecialResult = {
    name,
    ours: null,
    peer: null,
    peerName,
    unit: "CPU s",
    floor: "",
    goal,
    failure: null,
  };
  const missing = contest.needs.find((program) => findProgram(program) === null && !existsSync(`/usr/sbin/${program}`));
  if (missing !== undefined || place.tree === null)
    return { ...result, failure: missing === undefined ? "needs mmdebstrap, or --root" : `needs ${missing}` };
  const fill = (text: string): string => text.replaceAll("$ROOT", place.tree!).replaceAll("$WORK", place.work);
  const ours: number[] = [],
    theirs: number[] = [];
  try {
    for (let round = 0; round < place.rounds; round++) {
      shell(fill(contest.before), place.work);
      theirs.push(shell(fill(contest.peer), place.work));
      ours.push(shell([...place.launcher, ...contest.ours.map(fill)].map((word) => `'${word}'`).join(" "), place.work));
    }
  } catch (error) {
    return { ...result, failure: (error as Error).message };
  }
  const megabytes = (name: string): string =>
    (
      Number(spawnSync("du", ["-sb", join(place.work, name)], { encoding: "utf8" }).stdout.split("\t")[0]) / 1e6
    ).toFixed(1) + " MB";
  const told =
    contest.sizes === undefined
      ? peerName
      : `${peerName}; ${megabytes(contest.sizes.theirs)}, ours ${megabytes(contest.sizes.ours)}`;
  return { ...result, ours: median(ours), peer: median(theirs), peerName: told };
}

/** Runs a command. @returns CPU seconds of it and all that it started */
function shell(command: string, cwd: string): number {
  const result = spawnSync("bash", ["-c", `TIMEFORMAT='%U %S'; time { ${command}\n} >/dev/null 2>errors`], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  });
  if (result.status !== 0) throw new Error(`${command.slice(0, 60)} …: status ${result.status}`);
  const [user, system] = result.stderr.trim().split("\n").at(-1)!.split(" ").map(Number) as [number, number];
  return user + system;
}

function minimalRoot(cache: string): string | null {
  const root = join(cache, "minbase-amd64");
  if (existsSync(root) && readdirSync(root).includes("usr")) return root;
  if (findProgram("mmdebstrap") === null || process.getuid?.() !== 0) return null;
  mkdirSync(cache, { recursive: true });
  rmSync(root, { recursive: true, force: true });
  if (
    spawnSync("mmdebstrap", ["--variant=minbase", "--arch=amd64", "--format=dir", "trixie", root], { stdio: "ignore" })
      .status !== 0
  )
    return null;
  // Without devices, which OSTree refuses.
  rmSync(join(root, "dev"), { recursive: true });
  mkdirSync(join(root, "dev"));
  return root;
}
