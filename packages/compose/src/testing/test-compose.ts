/**
 * A world for tests of composing: an archive of a few packages, a store in memory, a runner that does to a tree what
 * dpkg's configuring does to dpkg's database, and a writer whose archives stay in a map.
 */
import { createHash } from "node:crypto";
import { archiveTree, fileEntry, MemoryBlob, readBlob, type FileEntry, type FileTree } from "@stratos/formats";
import { gathered, makeSigner, publish, testPorts, type TestPackage, type TestPorts } from "@stratos/pkg/testing";
import {
  ScriptError,
  type Artifact,
  type ComposePorts,
  type ComposeStore,
  type Observations,
  type OutputWriter,
  type ScriptJob,
  type ScriptRunner,
  type TreeChanges,
  type HostProgram,
} from "../ports.ts";
import { runCompose, type ComposeEvent, type ComposeRequest, type ComposeResult } from "../run-compose.ts";
import { loadTreefile } from "../treefile/treefile.ts";

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Runs no script: packages count as configured, and the script leaves what scripts leave. */
class FakeRunner implements ScriptRunner {
  readonly id: string = "fake";
  readonly jobs: ScriptJob[] = [];
  /** called before each job; may throw, or wait */
  before: (job: ScriptJob) => Promise<void> = async () => {};
  /** what scripts have seen; undefined: the runner cannot tell */
  observations: Observations | undefined;
  /** what a script does instead of configuring */
  effects: (job: ScriptJob) => TreeChanges | undefined = () => undefined;

  async run(job: ScriptJob): Promise<TreeChanges> {
    this.jobs.push(job);
    await this.before(job);
    const effects = this.effects(job);
    if (effects !== undefined) return effects;
    const entries = new Map([...job.tree.entries()].map((entry) => [entry.path, entry]));
    const text = (path: string): string => {
      const content = entries.get(path)?.content;
      return content == null ? "" : Buffer.from(readBlob(content)).toString("latin1");
    };
    const file = (path: string, content: string, fields: Partial<FileEntry> = {}): FileEntry =>
      fileEntry(path, "file", {
        content: new MemoryBlob(Buffer.from(content, "latin1"), sha256),
        mtime: 4_000_000_000,
        ...fields,
      });
    if (!job.script.startsWith("var/lib/dpkg/"))
      return { removed: [], changed: [file("scripted", text("var/tmp/stratos-compose/0"))] };
    return {
      observations: this.observations,
      removed: [job.script, "usr/sbin/policy-rc.d"],
      changed: [
        file(
          "var/lib/dpkg/status",
          text("var/lib/dpkg/status").replaceAll("install ok unpacked", "install ok installed"),
        ),
        file("var/lib/dpkg/status-old", "old"),
        file("var/log/dpkg.log", `configured at ${this.jobs.length}`),
        file("etc/machine-id", `${this.jobs.length}`),
        file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        file("etc/shadow", "root:*:1:0:99999:7:::\n", { mode: 0o640, gid: 42 }),
        file("etc/group", "root:x:0:\nsudo:x:27:\n"),
        file("etc/gshadow", "root:*::\nsudo:*::\n", { mode: 0o640, gid: 42 }),
      ],
    };
  }
}

export interface TestWorld {
  packages: TestPorts;
  files: Map<string, Uint8Array>;
  /** that the host was to run */
  hostPrograms: HostProgram[];
  /** what plugins were asked, as JSON, and what they say */
  plugins: {
    readonly asked: string[];
    refusal: string | undefined;
    refuses?: (at: { point: string; variant: string }) => string | undefined;
  };
  outputs: Map<string, Uint8Array>;
  runner: FakeRunner;
  /** one for tar archives, to which others may be put */
  writers: OutputWriter[];
  /** trees that were written, by name of their output */
  trees: Map<string, FileTree>;
  events: ComposeEvent[];
  sources: Map<string, Uint8Array>;
  /** folders beside the treefile */
  folders: Map<string, FileTree>;
  publish(packages: readonly TestPackage[], date?: string): Promise<void>;
  compose(treefile: string, request?: Partial<ComposeRequest>): Promise<ComposeResult>;
}

const signer = await makeSigner(1_800_000_000 - 100_000);

export function packageOf(
  name: string,
  fields: Record<string, string> = {},
  files: TestPackage["files"] = [],
  scripts: Record<string, string> = {},
): TestPackage {
  return {
    control: {
      Package: name,
      Version: "1.0-1",
      Architecture: "riscv64",
      Maintainer: "M",
      ...fields,
      Description: `the ${name}`,
    },
    files: [{ path: "./" }, { path: "./usr/" }, ...files],
    scripts,
  };
}

/** dpkg and a shell, so that packages are configured; apt, which the variant needs. */
export const BASE: readonly TestPackage[] = [
  packageOf("base-files", { Essential: "yes", Priority: "required", Depends: "libbase" }, [
    { path: "./etc/" },
    { path: "./etc/skel/" },
    { path: "./etc/skel/.profile", text: "profile" },
    { path: "./usr/share/" },
    { path: "./usr/share/doc/" },
    { path: "./usr/share/doc/base", text: "doc" },
  ]),
  packageOf("libbase", {}, [{ path: "./usr/lib/" }, { path: "./usr/lib/libbase.so", text: "libbase 1" }]),
  packageOf("dpkg", { Essential: "yes", Priority: "required" }, [
    { path: "./usr/bin/" },
    { path: "./usr/bin/dpkg", text: "dpkg" },
  ]),
  packageOf("dash", { Essential: "yes", Priority: "required" }, [
    { path: "./usr/bin/" },
    { path: "./usr/bin/sh", text: "sh", fields: { mode: 0o755 } },
  ]),
  packageOf("apt", { Priority: "important" }, [{ path: "./usr/bin/" }, { path: "./usr/bin/apt", text: "apt" }]),
];

export function makeWorld(): TestWorld {
  const packages = testPorts();
  const files = new Map<string, Uint8Array>(),
    outputs = new Map<string, Uint8Array>(),
    trees = new Map<string, FileTree>(),
    sources = new Map<string, Uint8Array>(),
    folders = new Map<string, FileTree>();
  const runner = new FakeRunner();
  const events: ComposeEvent[] = [];
  const writer: OutputWriter = {
    format: "tar",
    filename: () => "${name}-${variant}-${architecture}.tar",
    async write({ name, tree }, path): Promise<Artifact[]> {
      trees.set(name, tree);
      const bytes = archive(tree);
      outputs.set(path, bytes);
      return [{ path, sizeBytes: bytes.length, sha256: sha256(bytes), mediaType: "application/x-tar", isFile: true }];
    },
    has: async ({ path, sha256: digest }) => {
      const bytes = outputs.get(path);
      return bytes !== undefined && sha256(bytes) === digest;
    },
  };
  const writers = [writer];
  const hostPrograms: HostProgram[] = [];
  const plugins: TestWorld["plugins"] = { asked: [], refusal: undefined };
  const ports: ComposePorts = {
    packages,
    store: memoryStore(files),
    runner: () => runner,
    outputs: writers,
    publish: async (path, text) => {
      const bytes = Buffer.from(text);
      outputs.set(path, bytes);
      return { path, sizeBytes: bytes.length, sha256: sha256(bytes), mediaType: "application/json", isFile: true };
    },
    checksum: async (path, algorithm) => createHash(algorithm).update(outputs.get(path)!).digest("hex"),
    readSource: async (path) => sources.get(path),
    readFolder: async (path) => folders.get(path),
    runOnHost: async (program) => {
      hostPrograms.push(program);
      if (program.command[0] === "false") throw new ScriptError("false: ended with status 1");
    },
    askPlugins: async (at) => {
      plugins.asked.push(JSON.stringify(at));
      return plugins.refuses?.(at) ?? plugins.refusal;
    },
    after: (milliseconds, action) => {
      const timer = setTimeout(action, milliseconds);
      return () => clearTimeout(timer);
    },
    nowMs: () => performance.now(),
  };
  return {
    packages,
    files,
    hostPrograms,
    plugins,
    outputs,
    runner,
    trees,
    events,
    sources,
    folders,
    writers,
    publish: (list, date) => publish(packages, list, signer, date === undefined ? {} : { date }),
    async compose(text, request = {}) {
      const treefile = await loadTreefile("t.yaml", async (path) => (path === "t.yaml" ? text : undefined));
      return runCompose(ports, {
        treefile,
        targets: treefile.targets(),
        lockMode: "use",
        archive: { mirror: "http://mirror/debian", keyrings: [signer.publicKey] },
        jobs: 4,
        version: "0",
        onEvent: (event) => {
          events.push(event);
        },
        ...request,
      });
    },
  };
}

function archive(tree: FileTree): Uint8Array {
  const pieces: Buffer[] = [];
  for (const piece of archiveTree(tree)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function memoryStore(files: Map<string, Uint8Array>): ComposeStore {
  return {
    read: async (path) => files.get(path),
    async write(path, pieces) {
      files.set(path, await gathered(pieces));
    },
    async remove(path) {
      files.delete(path);
    },
    fingerprint: () => undefined,
    open(path) {
      if (!files.has(path)) return undefined;
      return {
        get sizeBytes() {
          return files.get(path)!.length;
        },
        read(offset, into) {
          const part = files.get(path)!.subarray(offset, offset + into.length);
          into.set(part);
          return part.length;
        },
      };
    },
  };
}

/** Text of a file of a tree. */
export function textIn(tree: FileTree, path: string): string {
  for (const entry of tree.entries())
    if (entry.path === path && entry.content !== null) return Buffer.from(readBlob(entry.content)).toString("latin1");
  throw new Error(`no file ${path}`);
}
