/**
 * Resolving beside the host's apt, in CPU seconds of user and system, by turns. Ours is the request alone, in a process
 * of its own that has been started before it is measured: from the text of `Packages` (apt: without its cache), and
 * from the kept table (apt: the same cold start, which is what the goal compares with). What Node itself takes to start
 * is a row of its own.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findMirror } from "@stratos/tools-node/packages";
import { AptPeer } from "../conformance/apt-peer.ts";
import type { SpecialResult } from "./report.ts";
import { median } from "./statistics.ts";

const WORKER = join(dirname(fileURLToPath(import.meta.url)), "resolve-once.ts");
const ARCHITECTURE = "amd64";
const SMALL = ["build-essential", "python3", "git"],
  LARGE = ["gnome", "kde-full"];

export function measurePackages(rounds: number): SpecialResult[] {
  const failed = (failure: string): SpecialResult[] => [
    { name: "resolve packages", ours: null, peer: null, peerName: "apt", unit: "CPU s", floor: "", goal: "", failure },
  ];
  if (!AptPeer.isThere()) return failed("there is no apt here");
  const folder = mkdtempSync(join(tmpdir(), "stratos-bench-apt-"));
  try {
    const apt = new AptPeer(folder, ARCHITECTURE);
    const mirror = findMirror();
    apt.update([`deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror.uri} trixie main`]);
    own("table", SMALL); // Fetches the lists and makes the table.
    const rows: [name: string, mode: "text" | "table", packages: readonly string[], isCold: boolean, goal: string][] = [
      ["resolve build-essential python3 git, from the text", "text", SMALL, true, "≤ 0.5 ×"],
      ["resolve build-essential python3 git, warm index", "table", SMALL, true, "≤ 0.05 ×"],
      ["resolve gnome kde-full, warm index", "table", LARGE, false, "≤ 0.1 ×"],
    ];
    return rows.map(([name, mode, packages, isCold, goal]) => {
      const ours: number[] = [],
        theirs: number[] = [];
      let difference = 0;
      for (let round = 0; round < rounds; round++) {
        const result = own(mode, packages);
        ours.push(result.cpuSeconds);
        if (isCold) apt.forget();
        const answer = apt.ask(["install", ...packages]);
        theirs.push(answer.cpuSeconds);
        difference = answer.install.size - result.packages;
      }
      return {
        name,
        ours: median(ours),
        peer: median(theirs),
        peerName: `apt ${isCold ? "without" : "with"} its cache; it takes ${difference} packages more`,
        unit: "CPU s",
        floor: "",
        goal,
        failure: null,
      };
    });
  } catch (error) {
    return failed((error as Error).message.split("\n")[0]!);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function own(mode: string, packages: readonly string[]): { cpuSeconds: number; packages: number } {
  const result = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", WORKER, mode, ARCHITECTURE, ...packages],
    { encoding: "utf8" },
  );
  if (result.status !== 0) throw new Error(`resolve-once: ${result.stderr}`);
  return JSON.parse(result.stdout) as { cpuSeconds: number; packages: number };
}
