/**
 * What a clean root costs once its layers are there: made with the files of a source in it, and removed, one after
 * another; and many at once, each with a process in it. Roots are those of the host's carrier over the base layer that
 * `stratos builder root make` leaves in the home.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CleanRoot, type CloneSettings, DEFAULT_LIMITS, type LayerInfo } from "@stratos/builder";
import { homeFolder, stratosHome } from "@stratos/host-node/home";
import { LinuxCarrier } from "@stratos/tools-node/builder";
import { nativeArchitecture } from "@stratos/tools-node/compose";
import { processTimes } from "./process-times.ts";

const ONE_BY_ONE = 100;
const AT_ONCE = 100;

interface RootCosts {
  /** Milliseconds of the processor: made, entered by nobody, removed. */
  readonly madeMs: number;
  /** The same with one command run in it. */
  readonly enteredMs: number;
  /** Bytes on the disk of all that are there at once, and memory of what holds them. */
  readonly diskBytes: number;
  readonly memoryBytes: number;
}

/** @param launcher  words before a command of Stratos */
export async function measureRoots(launcher: readonly string[], print: (line: string) => void): Promise<RootCosts> {
  execFileSync(launcher[0]!, [...launcher.slice(1), "builder", "root", "make"], { stdio: ["ignore", "ignore", 2] });
  const folder = homeFolder(stratosHome(), "builder");
  const carrier = new LinuxCarrier(folder);
  const layer = baseLayer(join(folder, "layers"));
  const source = mkdtempSync(join(tmpdir(), "stratos-bench-roots-"));
  try {
    writeFileSync(join(source, "hello.dsc"), "Format: 3.0\n");
    const settings: CloneSettings = {
      architecture: layer.architecture,
      hostname: "bench",
      epochSeconds: 0,
      user: { name: "builder", id: 1000 },
      buildFolder: "/build/bench",
      limits: DEFAULT_LIMITS,
      signal: new AbortController().signal,
    };
    const make = async (by: CloneSettings): Promise<CleanRoot> => {
      const root = await carrier.clone([layer.key], by);
      await root.bring([{ from: join(source, "hello.dsc"), name: "hello.dsc" }]);
      return root;
    };
    const run = (root: CleanRoot, argv: string[], onOutput: () => void): ReturnType<CleanRoot["run"]> =>
      root.run({ argv, environment: { PATH: "/usr/bin:/bin" }, folder: "/", umask: "022", onOutput });
    await (await make(settings)).drop();
    const madeMs = await spent(async () => (await make(settings)).drop());
    const enteredMs = await spent(async () => {
      const root = await make(settings);
      const { status } = await run(root, ["true"], () => {});
      if (status !== 0) throw new Error(`true ended with ${status} in a root`);
      await root.drop();
    });
    const end = new AbortController();
    const roots = await Promise.all(Array.from({ length: AT_ONCE }, () => make({ ...settings, signal: end.signal })));
    let ready = 0;
    const { promise: allReady, resolve } = Promise.withResolvers<void>();
    const held = roots.map((root) =>
      run(root, ["sh", "-c", "echo ready; exec sleep 600"], () => {
        if (++ready === AT_ONCE) resolve();
      }),
    );
    await allReady;
    const memoryBytes = memoryBelow(process.pid);
    const du = execFileSync("du", ["-sk", join(folder, "work")], { encoding: "utf8" });
    const diskBytes = 1024 * Number(/^\d+/.exec(du)![0]);
    end.abort();
    await Promise.all(held);
    await Promise.all(roots.map((root) => root.drop()));
    const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    print(`a clean root, made with a file and removed: ${madeMs.toFixed(1)} ms of the processor`);
    print(`the same with one command run in it: ${enteredMs.toFixed(1)} ms`);
    print(`${AT_ONCE} at once, a process in each: ${mib(diskBytes)} on the disk, ${mib(memoryBytes)} of memory`);
    return { madeMs, enteredMs, diskBytes, memoryBytes };
  } finally {
    rmSync(source, { recursive: true, force: true });
  }
}

function baseLayer(layers: string): LayerInfo {
  for (const key of readdirSync(layers)) {
    const info = JSON.parse(readFileSync(join(layers, key, "layer.json"), "utf8")) as LayerInfo;
    if (info.kind === "base" && info.architecture === nativeArchitecture()) return info;
  }
  throw new Error(`${layers}: no base layer of the host's architecture`);
}

/** @returns milliseconds of the processor of one, this process and its ended children together */
async function spent(once: () => Promise<void>): Promise<number> {
  const before = processTimes(process.pid)!.withEnded;
  for (let count = 0; count < ONE_BY_ONE; count++) await once();
  return (processTimes(process.pid)!.withEnded - before) / ONE_BY_ONE;
}

/** Proportional set size of all descendants. @see proc_pid_smaps(5), smaps_rollup */
function memoryBelow(pid: number): number {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const found = /^\d+$/.test(name) ? processTimes(Number(name)) : null;
    if (found !== null) children.set(found.parent, [...(children.get(found.parent) ?? []), Number(name)]);
  }
  let bytes = 0;
  for (const open = [...(children.get(pid) ?? [])]; open.length > 0;) {
    const next = open.pop()!;
    open.push(...(children.get(next) ?? []));
    try {
      bytes += 1024 * Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${next}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
  return bytes;
}
