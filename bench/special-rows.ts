/** Measures with their own form: single system calls, the whole `stratos run` command, memory of an idle machine. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, type Peer } from "./peers.ts";
import type { SpecialResult } from "./report.ts";
import { median } from "./statistics.ts";

/** Nanoseconds for each call, beside qemu-user's and (when there is a compiler) the host's own. */
export function measureSyscalls(ours: Peer, qemu: Peer | null, nativeProgram: string | null): SpecialResult[] {
  const parse = (text: string): Map<string, number> =>
    new Map(
      text
        .trim()
        .split("\n")
        .map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])]),
    );
  const attempt = (run: () => string): Map<string, number> | string => {
    try {
      return parse(run());
    } catch (error) {
      return (error as Error).message.split("\n")[0]!;
    }
  };
  const own = attempt(() => ours.output("/bench/syscalls"));
  const peers: [string, Map<string, number> | string][] = [];
  if (qemu !== null) peers.push(["qemu-user", attempt(() => qemu.output("/bench/syscalls"))]);
  if (nativeProgram !== null)
    peers.push(["native", attempt(() => spawnSync(nativeProgram, { encoding: "utf8" }).stdout)]);
  const names = [own, ...peers.map(([, values]) => values)].find((values) => typeof values !== "string");
  if (names === undefined || typeof names === "string") return [];
  return [...names.keys()].flatMap((name) =>
    peers.map(([peerName, values]): SpecialResult => ({
      name: `${name}, one call`,
      unit: "ns",
      peerName,
      ours: typeof own === "string" ? null : (own.get(name) ?? null),
      peer: typeof values === "string" ? null : (values.get(name) ?? null),
      floor: peerName === "native" ? "" : "≥ 1 × as fast",
      goal: peerName === "native" ? "≤ 2 × the time" : "",
      failure: typeof own === "string" ? own : null,
    })),
  );
}

/** Milliseconds of `stratos run -- true`, the whole command. */
export function measureWholeCommand(launcher: readonly string[], image: string, rounds: number): SpecialResult {
  const times: number[] = [];
  let failure: string | null = null;
  for (let round = 0; round < rounds && failure === null; round++) {
    const start = performance.now();
    const result = spawnSync(launcher[0]!, [...launcher.slice(1), "run", "-i", image, "--", "true"], {
      encoding: "utf8",
    });
    times.push(performance.now() - start);
    if (result.status !== 0) failure = `status ${result.status}: ${result.stderr.slice(0, 200)}`;
  }
  return {
    name: "stratos run -- true, whole command",
    ours: failure === null ? median(times) : null,
    peer: podmanTime(rounds),
    peerName: "podman --runtime runc run --rm",
    unit: "ms",
    floor: "≤ 1000 ms",
    goal: "faster",
    failure,
  };
}

/**
 * An image with a static program and nothing else, so that only what podman and runc do is measured. Null where they
 * cannot run a container.
 */
function podmanTime(rounds: number): number | null {
  if (findProgram("podman") === null) return null;
  const folder = mkdtempSync(join(tmpdir(), "stratos-podman-"));
  // What containers.conf(5) calls default_ulimits raises limits, which a container's own host may forbid.
  const env = {
    ...process.env,
    PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`,
    CONTAINERS_CONF: join(folder, "containers.conf"),
  };
  const podman = (...args: string[]): number | null =>
    spawnSync(
      "podman",
      [
        "--runtime",
        "runc",
        "--cgroup-manager",
        "cgroupfs",
        "--root",
        join(folder, "storage"),
        "--runroot",
        join(folder, "run"),
        ...args,
      ],
      { env },
    ).status;
  try {
    writeFileSync(join(folder, "containers.conf"), "[containers]\ndefault_ulimits = []\n");
    writeFileSync(join(folder, "true.c"), "int main(void) { return 0; }\n");
    execFileSync("gcc", ["-static", "-O1", "-o", join(folder, "true"), join(folder, "true.c")]);
    execFileSync("tar", ["-C", folder, "-cf", join(folder, "root.tar"), "true"]);
    if (podman("import", "-q", join(folder, "root.tar"), "stratos-bench") !== 0) return null;
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      if (podman("run", "--rm", "--network", "none", "stratos-bench", "/true") !== 0) return null;
      times.push(performance.now() - start);
    }
    return median(times);
  } finally {
    podman("rmi", "-f", "stratos-bench");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Shells that wait beside the first one, for the memory that each takes. */
const MORE_SHELLS = 20;

/** Megabytes resident of the process with an idle bash, and how many each further one adds. */
export async function measureIdleMemory(launcher: readonly string[], image: string): Promise<SpecialResult[]> {
  const one = await residentWithShells(launcher, image, 0);
  const many = await residentWithShells(launcher, image, MORE_SHELLS);
  const failure = one === null || many === null ? "bash did not start" : null;
  const common = { peer: null, peerName: "none", unit: "MB", failure };
  return [
    { name: "memory, idle bash", ours: one, floor: "≤ 500 MB", goal: "≤ 200 MB", ...common },
    {
      name: "memory, each further bash",
      ours: one === null || many === null ? null : (many - one) / MORE_SHELLS,
      floor: "",
      goal: "≤ 3 MB",
      ...common,
    },
  ];
}

async function residentWithShells(launcher: readonly string[], image: string, more: number): Promise<number | null> {
  const script =
    `mkfifo /tmp/wait; exec 3<>/tmp/wait; for ((i = 0; i < ${more}; i++)); do bash -c 'read line <&3; :' & done; ` +
    "sleep 1; echo ready; read line";
  const child = spawn(launcher[0]!, [...launcher.slice(1), "run", "-i", image, "--", "bash", "-c", script], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const isReady = await new Promise<boolean>((resolve) => {
    child.stdout.once("data", () => resolve(true));
    child.once("close", () => resolve(false));
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const resident = isReady && child.pid !== undefined ? residentOfTree(child.pid) : null;
  child.stdin.end("\n");
  await new Promise<void>((resolve) => (child.exitCode === null ? child.once("close", () => resolve()) : resolve()));
  return resident;
}

/** VmRSS of the largest process below `pid`: the launcher may wait for its child. */
function residentOfTree(pid: number): number {
  const own = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter((text) => text !== "");
  return Math.max(own, ...children.map((child) => residentOfTree(Number(child))));
}
