/**
 * Clean roots on Linux. Goal: a root is its layers and what was brought; nothing that runs in it reaches the host, goes
 * beyond its bounds unnamed, or is left when it has ended, also by SIGKILL. The layer is a shell of this host with its
 * libraries.
 */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { DEFAULT_LIMITS, type BuildLimits, type CleanRoot, type LayerInfo, type RootExit } from "@stratos/builder";
import { fileEntry, fileTreeOf, MemoryBlob, type FileEntry, type FileTree } from "@stratos/formats";
import { namespaceObstacle } from "../testing/namespaces.ts";
import { LinuxCarrier } from "./linux-carrier.ts";
import { buildObstacle } from "./namespaces.ts";

const obstacle = buildObstacle() ?? namespaceObstacle();
const options = { skip: obstacle ?? false };
const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "amd64";
const BASE = "0".repeat(32),
  UPPER = "1".repeat(32);
const folder = mkdtempSync(join(tmpdir(), "stratos-builder-test-"));
after(() => rmSync(folder, { recursive: true }));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const file = (path: string, content: string | Uint8Array, fields: Partial<FileEntry> = {}): FileEntry =>
  fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(content as string), sha256), ...fields });
const info = (key: string): LayerInfo => ({
  key,
  kind: "base",
  suite: "test",
  architecture: ARCHITECTURE,
  packages: [],
});

function shellTree(): FileTree {
  const entries = new Map<string, FileEntry>([["", fileEntry("", "directory")]]);
  const put = (entry: FileEntry): void => {
    for (let slash = entry.path.indexOf("/"); slash > 0; slash = entry.path.indexOf("/", slash + 1)) {
      const path = entry.path.slice(0, slash);
      if (!entries.has(path)) entries.set(path, fileEntry(path, "directory"));
    }
    entries.set(entry.path, entry);
  };
  for (const program of [
    "sh",
    "env",
    "setpriv",
    "cat",
    "sleep",
    "ln",
    "mkdir",
    "mount",
    "id",
    "head",
    "hostname",
    "chmod",
    "cp",
    "ls",
    "dd",
    "tail",
    "mkfifo",
    "stat",
  ]) {
    const path = execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();
    for (const library of spawnSync("ldd", [path], { encoding: "utf8" }).stdout.matchAll(/(\/\S+) \(/g))
      put(file(library[1]!.slice(1), readFileSync(library[1]!), { mode: 0o755 }));
    put(file(program === "sh" ? "bin/sh" : `usr/bin/${program}`, readFileSync(realpathSync(path)), { mode: 0o755 }));
  }
  put(file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"));
  put(file("etc/group", "root:x:0:\n"));
  put(file("hidden", "of the base"));
  put(file("usr/bin/suid", readFileSync(realpathSync("/usr/bin/id")), { mode: 0o4755 }));
  for (const path of ["proc", "dev", "sys", "tmp"])
    put(fileEntry(path, "directory", { mode: path === "tmp" ? 0o1777 : 0o755 }));
  return fileTreeOf(entries.values());
}

/** Processes in whose namespace something is mounted there. */
function holdersOf(place: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes(place);
    } catch {
      return false; // It has ended.
    }
  });
}

const carrier = new LinuxCarrier(folder);
async function layers(): Promise<string[]> {
  if (!(await carrier.has(BASE))) await carrier.write(info(BASE), { tree: shellTree(), removed: [] });
  if (!(await carrier.has(UPPER)))
    await carrier.write(info(UPPER), {
      tree: fileTreeOf([fileEntry("", "directory"), file("added", "of the upper layer")]),
      removed: ["hidden"],
    });
  return [BASE, UPPER];
}

async function root(limits: Partial<BuildLimits> = {}, signal = new AbortController().signal): Promise<CleanRoot> {
  const made = await carrier.clone(await layers(), {
    architecture: ARCHITECTURE,
    hostname: "inside",
    epochSeconds: 0,
    user: { name: "builder", id: 1000 },
    buildFolder: "/build/here",
    limits: { ...DEFAULT_LIMITS, ...limits },
    signal,
  });
  const source = join(folder, "source");
  mkdirSync(join(source, ".git"), { recursive: true });
  writeFileSync(join(source, "file"), "brought");
  writeFileSync(join(source, ".git/config"), "stays");
  await made.bring([
    { from: source, name: "tree" },
    { from: join(source, "file"), name: "single" },
  ]);
  return made;
}

/** Of files alone: nothing runs to make it. */
async function plainRoot(
  layersOf: readonly string[],
  files: readonly string[],
  hostname = "inside",
): Promise<CleanRoot> {
  const made = await carrier.clone(layersOf, {
    ...{ architecture: ARCHITECTURE, hostname, epochSeconds: 0, limits: DEFAULT_LIMITS },
    ...{ user: { name: "builder", id: 1000 }, buildFolder: "/build/here", signal: new AbortController().signal },
  });
  try {
    await made.bring(files.map((from) => ({ from, name: "single" })));
    return made;
  } catch (error) {
    await made.drop();
    throw error;
  }
}

extendedTest("files that are written without a mount are those that are written in one", options, async () => {
  const brought = join(folder, "brought");
  writeFileSync(brought, "brought", { mode: 0o640 });
  const told =
    "cd /; stat -c '%n %F %a %u %g %s' etc etc/* build build/here build/here/single; cat etc/passwd etc/group " +
    "etc/hosts etc/hostname; cat build/here/single; id; echo new >>/build/here/single";
  const seen: string[] = [];
  for (const isFresh of [true, false]) {
    const made = await plainRoot(await layers(), isFresh ? [brought] : []);
    try {
      if (isFresh) assert.ok(!existsSync(join(made.place, "../scratch-0")), "it was mounted");
      else {
        rmSync(join(made.place, "build"), { recursive: true });
        rmSync(join(made.place, "etc"), { recursive: true });
        await made.bring([{ from: brought, name: "single" }]);
        assert.ok(existsSync(join(made.place, "../scratch-0")), "it was not mounted");
      }
      const { status, output } = await script(made, told);
      assert.equal(status, 0, output);
      seen.push(output);
    } finally {
      await made.drop();
    }
  }
  assert.equal(seen[0], seen[1]);
  assert.match(seen[0]!, /^build\/here directory 755 1000 1000 /m);
});

test("links in layers lead nowhere on the host", options, async () => {
  const victim = mkdtempSync(join(tmpdir(), "stratos-builder-victim-"));
  after(() => rmSync(victim, { recursive: true }));
  const single = join(folder, "own-file");
  writeFileSync(single, "brought");
  const inVictim = (name: string): string => join(victim, name);
  const link = (path: string, target: string): FileEntry => fileEntry(path, "symlink", { target });
  for (const [index, entries] of [
    [link("etc/hosts", inVictim("hosts")), link("etc/hostname", inVictim("hostname"))],
    [link("etc/passwd", inVictim("passwd"))],
    [link("etc/group", inVictim("group"))],
    [link("build", victim)],
    [fileEntry("build", "directory"), link("build/here", victim)],
    [
      ...[fileEntry("build", "directory"), fileEntry("build/here", "directory")],
      link("build/here/single", inVictim("single")),
    ],
    [link("etc/resolv.conf", inVictim("resolv.conf"))],
  ].entries()) {
    for (const name of ["hosts", "hostname", "passwd", "group", "single", "resolv.conf"])
      writeFileSync(inVictim(name), "the host's\n");
    const key = index.toString().repeat(32).replace(/^./, "f");
    const parents = entries.some(({ path }) => path.startsWith("etc/")) ? [fileEntry("etc", "directory")] : [];
    await carrier.write(info(key), {
      tree: fileTreeOf([fileEntry("", "directory"), ...parents, ...entries]),
      removed: [],
    });
    const what = entries.map(({ path }) => path).join(" ");
    try {
      const made = await plainRoot([...(await layers()), key], [single]);
      try {
        const { output } = await script(made, "cat /etc/hostname; cat /build/here/single");
        assert.equal(output, "inside\nbrought", what);
      } finally {
        await made.drop();
      }
    } catch (error) {
      assert.match((error as Error).message, /a root cannot be made: .*is a link/, what);
    }
    assert.deepEqual(readdirSync(victim).toSorted(), ["group", "hostname", "hosts", "passwd", "resolv.conf", "single"]);
    for (const name of readdirSync(victim)) {
      assert.equal(readFileSync(inVictim(name), "utf8"), "the host's\n", `${what}: ${name}`);
      assert.equal(statSync(inVictim(name)).uid, process.getuid!(), `${what}: ${name}`);
    }
  }
});

async function script(made: CleanRoot, text: string): Promise<RootExit & { output: string }> {
  const pieces: Uint8Array[] = [];
  const exit = await made.run({
    argv: ["sh", "-c", text],
    environment: { PATH: "/usr/bin:/bin", WORD: "given" },
    folder: "/build/here",
    umask: "0022",
    onOutput: (bytes) => {
      pieces.push(bytes);
    },
  });
  return { ...exit, output: Buffer.concat(pieces).toString() };
}

async function inRoot(text: string, limits: Partial<BuildLimits> = {}): Promise<RootExit & { output: string }> {
  const made = await root(limits);
  try {
    return await script(made, text);
  } finally {
    await made.drop();
  }
}

/** What is left on the host of roots that are over. */
function remains(): string[] {
  const groups = ["", "memory", "pids", "cpuacct"]
    .flatMap((name) => (existsSync(`/sys/fs/cgroup/${name}`) ? readdirSync(`/sys/fs/cgroup/${name}`) : []))
    .filter((name) => name.startsWith(`stratos-build-${process.pid}-`));
  return [
    ...(existsSync(join(folder, "work")) ? readdirSync(join(folder, "work")) : []),
    ...readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(folder)),
    ...groups,
  ];
}

test("a root is its layers, the user, and what was brought", options, async () => {
  const { output, status } = await inRoot(
    "cat /added; echo; ls /hidden 2>&1; id -u; hostname; echo $WORD; cat tree/file single; ls -A tree; cat /etc/passwd",
  );
  assert.equal(status, 0);
  assert.match(
    output,
    // wide: one pattern
    /^of the upper layer\n.*hidden.*No such file.*\n1000\ninside\ngiven\nbroughtbroughtfile\nroot:.*\nbuilder:x:1000:1000:/,
  );
  assert.deepEqual(remains(), []);
});

test("what is written stays in the clone, and comes out only as regular files", options, async () => {
  const made = await root();
  try {
    assert.equal(
      (
        await script(
          made,
          "echo made >made; ln -s /etc/shadow link; mkfifo pipe; mkdir folder; chmod 4755 made; cp /usr/bin/suid " +
            "own; chmod 6755 own",
        )
      ).status,
      0,
    );
    assert.equal(statSync(dirname(made.place)).mode & 0o077, 0, "no other user of the host gets at `own`");
    assert.equal((await script(made, "cat made; echo more >>made")).output, "made\n");
    const target = join(folder, "taken");
    assert.deepEqual(await made.take("made", target), { size: 10, sha256: sha256(Buffer.from("made\nmore\n")) });
    assert.equal(readFileSync(target, "utf8"), "made\nmore\n");
    for (const name of ["link", "pipe", "folder", "nothing"])
      assert.equal(await made.take(name, join(folder, "none")), undefined, name);
    assert.equal(existsSync(join(folder, "none")), false);
    assert.equal(await made.read("made", 5), undefined);
  } finally {
    await made.drop();
  }
  assert.equal((await inRoot("ls")).output, "single\ntree\n");
});

test(
  "a build has no network but loopback, no rights by set-user-ID, no mounts, and sees nothing of the host",
  options,
  async () => {
    const { output } = await inRoot(
      `tail -n +3 /proc/net/dev; suid -u; mount -t tmpfs none /tmp 2>&1 && echo mounted; ls ${folder} 2>&1; : ` +
        ">/proc/sysrq-trigger; echo x >/dev/sda; cat /proc/1/root/added; cat /proc/net/route",
    );
    const interfaces = [...output.matchAll(/^\s*(\S+):\s/gm)]
      .map(([, name]) => name)
      .filter((name) => !/^(mount|ls|cat|sh|\/)/.test(name!));
    assert.deepEqual(interfaces, ["lo"]);
    assert.match(output, /^1000$/m);
    assert.doesNotMatch(output, /^mounted$/m);
    assert.match(output, /No such file|cannot access/);
  },
);

extendedTest("each bound ends the build and is named", options, async () => {
  const stopped = async (text: string, limits: Partial<BuildLimits>): Promise<string> => {
    const { stopped: why } = await inRoot(text, limits);
    return why === undefined ? "not stopped" : `${why.kind}: ${why.why}`;
  };
  assert.match(
    await stopped("while :; do echo x; sleep 0.2; done", { timeoutSeconds: 2 }),
    /^timeout: it ran for longer than 2 s/,
  );
  assert.match(await stopped("sleep 60", { silenceSeconds: 2 }), /^timeout: it wrote nothing for 2 s/);
  assert.match(
    await stopped("while :; do echo 0123456789012345678901234567890123456789; done", { logBytes: 1 << 20 }),
    /^killed: it wrote more than 1 MiB of output/,
  );
  assert.match(
    await stopped("exec dd if=/dev/zero of=large bs=1048576 count=64", { spaceBytes: 8 << 20 }),
    /^killed: it wrote (a file of )?more than 8 MiB/,
  );
  if (process.getuid?.() === 0) {
    assert.match(
      await stopped("bomb() { bomb | bomb & sleep 9; }; bomb; exit 1", { processes: 60, timeoutSeconds: 20 }),
      /^killed: it wanted more than 60 processes|^timeout/,
    );
    assert.match(
      await stopped("tail /dev/zero", { memoryBytes: 64 << 20 }),
      /^killed: it wanted more than 64 MiB of memory/,
    );
  }
  assert.deepEqual(remains(), []);
});

test("many small files are a bound's matter, too", options, async () => {
  const { stopped } = await inRoot(
    "i=0; while :; do i=$((i+1)); dd if=/dev/zero of=f$i bs=1048576 count=4 2>/dev/null; done",
    { spaceBytes: 64 << 20, timeoutSeconds: 60 },
  );
  assert.match(stopped?.why ?? "", /more than 64 MiB to the disk/);
});

test("who stops a build gets it stopped", options, async () => {
  const controller = new AbortController(),
    made = await root({}, controller.signal);
  setTimeout(() => controller.abort(), 300);
  const exit = await script(made, "sleep 60");
  assert.equal(exit.stopped?.kind, "killed");
  await made.drop();
  assert.deepEqual(remains(), []);
});

test(
  "a volume of the host that is unmounted while something runs in a root is in use nowhere",
  { skip: obstacle ?? (process.getuid?.() === 0 ? false : "only root mounts") },
  async () => {
    const place = mkdtempSync(join(tmpdir(), "stratos-builder-volume-"));
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", place]);
    const stopper = new AbortController();
    const made = await root({}, stopper.signal);
    try {
      const begun = Promise.withResolvers<void>();
      const run = made.run({
        argv: ["sh", "-c", "echo begun; sleep 1000"],
        environment: { PATH: "/usr/bin:/bin" },
        folder: "/build/here",
        umask: "0022",
        onOutput: () => begun.resolve(),
      });
      await begun.promise;
      execFileSync("umount", [place]);
      assert.deepEqual(holdersOf(place), []);
      stopper.abort();
      await run;
    } finally {
      spawnSync("umount", [place]);
      rmSync(place, { recursive: true });
      await made.drop();
    }
  },
);

test(
  "a builder that is killed leaves no process and no mount, and its folder goes with the next build",
  options,
  async () => {
    await layers();
    // No other process of this host sleeps as long.
    const sleeping = `sleep ${1_000_000 + process.pid}`;
    const isAsleep = (): boolean => spawnSync("pgrep", ["-f", `^${sleeping}`]).status === 0;
    const until = async (is: boolean): Promise<void> => {
      for (let tries = 0; tries < 600 && isAsleep() !== is; tries++)
        await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(isAsleep(), is);
    };
    const program = `import { LinuxCarrier } \
from ${JSON.stringify(new URL("./linux-carrier.ts", import.meta.url).href)};
    const made = await new LinuxCarrier(${JSON.stringify(folder)}).clone(${JSON.stringify([BASE, UPPER])}, { \
architecture: "${ARCHITECTURE}", hostname: "x", epochSeconds: 0, user: { name: "b", id: 1000 }, buildFolder: \
"/build/here", limits: ${JSON.stringify(DEFAULT_LIMITS)}, signal: new AbortController().signal });
    await made.bring([]);
    await made.run({ argv: ["sh", "-c", "echo begun; ${sleeping} & ${sleeping}"], environment: { PATH: \
"/usr/bin:/bin" }, folder: "/build/here", umask: "0022", onOutput: (bytes) => process.stdout.write(bytes) });`;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await until(true);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    await until(false);
    assert.deepEqual(
      readFileSync("/proc/self/mounts", "utf8")
        .split("\n")
        .filter((line) => line.includes(folder)),
      [],
    );
    await carrier.removeForgotten();
    assert.deepEqual(remains(), []);
  },
);

test("scrub names what is not as it was made", options, async () => {
  await layers();
  assert.deepEqual(await carrier.layers.scrub(BASE), []);
  writeFileSync(join(folder, "layers", BASE, "tree/hidden"), "of the BASE");
  assert.deepEqual(await carrier.layers.scrub(BASE), ["hidden"]);
  assert.equal(await carrier.layers.scrub("f".repeat(32)), undefined);
  await carrier.layers.remove(BASE);
  assert.equal(await carrier.has(BASE), false);
});

extendedTest("scrub knows a layer again whose folders are of other sizes, as a copy's are", options, async () => {
  await layers();
  const { mtime, atime } = statSync(join(folder, "layers", BASE, "tree/usr/bin")),
    many = Array.from({ length: 400 }, (_, index) =>
      join(folder, "layers", BASE, "tree/usr/bin", `${index}-${"x".repeat(200)}`),
    );
  for (const path of many) writeFileSync(path, "");
  for (const path of many) rmSync(path);
  utimesSync(join(folder, "layers", BASE, "tree/usr/bin"), atime, mtime);
  assert.deepEqual(await carrier.layers.scrub(BASE), []);
});

test("a layer that cannot be written is none", options, async () => {
  const broken: FileTree = {
    *entries() {
      yield fileEntry("", "directory");
      throw new Error("no more");
    },
  };
  await assert.rejects(carrier.write(info("2".repeat(32)), { tree: broken, removed: [] }));
  assert.equal(await carrier.has("2".repeat(32)), false);
  assert.deepEqual(
    readdirSync(join(folder, "layers")).filter((name) => name.startsWith("2".repeat(32))),
    [],
  );
});
