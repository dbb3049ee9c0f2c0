/** `stratos image build` of the minimal system beside mmdebstrap with qemu-user, the packages downloaded for both. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./peers.ts";
import type { SpecialResult } from "./report.ts";
import { median } from "./statistics.ts";

const IMAGE = "bench-minimal";
const SUITE = "trixie";

/** @param cache  folder for what the peer downloads  @param mirror  for the peer */
export function measureImageBuild(
  launcher: readonly string[],
  cache: string,
  mirror: string,
  rounds: number,
): SpecialResult {
  const build = (): string | null =>
    failureOf(
      spawnSync(launcher[0]!, [...launcher.slice(1), "image", "build", "--force", "--no-warm-code", IMAGE], {
        encoding: "utf8",
      }),
    );
  const peer = findProgram("mmdebstrap") === null ? null : join(cache, "mmdebstrap");
  const ours: number[] = [];
  const theirs: number[] = [];
  let failure = build(); // downloads
  if (peer !== null && !existsSync(peer)) mmdebstrap(peer, mirror, true);
  for (let round = 0; round < rounds && failure === null; round++) {
    ours.push(timed(() => (failure = build())));
    if (peer !== null && existsSync(peer)) theirs.push(timed(() => mmdebstrap(peer, mirror, false)));
  }
  spawnSync(launcher[0]!, [...launcher.slice(1), "image", "rm", IMAGE]);
  return {
    name: "image build of the minimal system",
    unit: "ms",
    ours: failure === null ? median(ours) : null,
    peer: theirs.length === 0 ? null : median(theirs),
    peerName: "mmdebstrap with qemu-user",
    floor: "≤ 2 × its time",
    goal: "faster",
    failure,
  };
}

/** A tar of the same packages; they come from `cache`, or go there the first time. */
function mmdebstrap(cache: string, mirror: string, isFirst: boolean): void {
  if (isFirst) mkdirSync(cache, { recursive: true });
  const hooks = isFirst
    ? ["--skip=essential/unlink", `--customize-hook=sync-out /var/cache/apt/archives ${cache}`]
    : ['--setup-hook=mkdir -p "$1"/var/cache/apt/archives/', `--setup-hook=sync-in ${cache} /var/cache/apt/archives/`];
  const failure = failureOf(
    spawnSync(
      "mmdebstrap",
      [
        "--variant=minbase",
        "--arch=riscv64",
        "--format=tar",
        "--skip=download/empty",
        "--skip=cleanup/apt",
        ...hooks,
        SUITE,
        "/dev/null",
        mirror,
      ],
      { encoding: "utf8" },
    ),
  );
  if (failure === null) return;
  rmSync(cache, { recursive: true, force: true });
  process.stderr.write(`mmdebstrap: ${failure}\n`);
}

function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function failureOf(result: { readonly status: number | null; readonly stderr: string }): string | null {
  return result.status === 0 ? null : `status ${result.status}: ${result.stderr.trim().split("\n").at(-1) ?? ""}`;
}
