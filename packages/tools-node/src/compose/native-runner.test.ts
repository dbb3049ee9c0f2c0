/**
 * Scripts on the host's kernel. Goal: what a script changes comes back exactly, the tree and the host stay untouched,
 * and a script that fails or is stopped leaves no process and no mount. The tree is a shell of this host with its
 * libraries.
 */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { ScriptError, type ScriptJob, type TreeChanges } from "@stratos/compose";
import {
  comparePaths,
  fileEntry,
  fileTreeOf,
  MemoryBlob,
  readBlob,
  type FileEntry,
  type FileTree,
} from "@stratos/formats";
import { namespaceObstacle } from "../testing/namespaces.ts";
import { nativeObstacle, NativeRunner } from "./native-runner.ts";
import { queriedPackages } from "./overlay-inside.ts";

const obstacle = nativeObstacle() ?? namespaceObstacle();
const options = { skip: obstacle ?? false };
// A folder of temporary files of our own: others may compose at the same time.
const temporary = mkdtempSync(join(tmpdir(), "stratos-runner-test-"));
process.env["TMPDIR"] = temporary;
after(() => rmSync(temporary, { recursive: true }));
const EPOCH = 1_700_000_000;
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const file = (path: string, content: string | Uint8Array, fields: Partial<FileEntry> = {}): FileEntry =>
  fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(content as string), sha256), mtime: EPOCH, ...fields });

function treeWith(script: string, programs: readonly string[] = []): FileTree {
  const entries = new Map<string, FileEntry>([["", fileEntry("", "directory")]]);
  const put = (entry: FileEntry): void => {
    for (let slash = entry.path.indexOf("/"); slash > 0; slash = entry.path.indexOf("/", slash + 1)) {
      const folder = entry.path.slice(0, slash);
      if (!entries.has(folder)) entries.set(folder, fileEntry(folder, "directory", { mtime: EPOCH }));
    }
    entries.set(entry.path, entry);
  };
  for (const program of ["sh", "env", "ln", "rm", "chmod", "sleep", "cat", ...programs]) {
    const path = execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();
    for (const library of spawnSync("ldd", [path], { encoding: "utf8" }).stdout.matchAll(/(\/\S+) \(/g))
      put(file(library[1]!.slice(1), readFileSync(library[1]!), { mode: 0o755 }));
    put(file(program === "env" ? "usr/bin/env" : `bin/${program}`, readFileSync(realpathSync(path)), { mode: 0o755 }));
  }
  put(file("script", script, { mode: 0o755 }));
  put(file("old", "old"));
  put(file("gone", "gone"));
  put(file("kept", "kept", { uid: 7, mode: 0o4711 }));
  put(fileEntry("folder/inner", "directory", { mtime: EPOCH }));
  put(fileEntry("dev/null", "character", { deviceMajor: 1, deviceMinor: 3 }));
  return fileTreeOf(entries.values());
}

function job(script: string, fields: Partial<ScriptJob> = {}): ScriptJob & { lines: string[] } {
  const lines: string[] = [];
  return {
    tree: treeWith(script),
    architecture: "amd64",
    script: "script",
    environment: { WORD: "given" },
    hostname: "inside",
    hasNetwork: false,
    isObserved: false,
    epochSeconds: EPOCH,
    signal: new AbortController().signal,
    onLine: (line) => {
      lines.push(line);
    },
    lines,
    ...fields,
  };
}

/** What is left on the host of runs that are over. */
function remains(): string[] {
  return [
    ...readdirSync(temporary),
    ...readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(temporary)),
  ];
}

test("what a script changes comes back, and nothing else", options, async () => {
  const one = job(
    "set -e\ncd /\necho new >file\nln file link\nrm gone\nrm -r folder\nchmod 600 old\n" +
      '[ -c /dev/null ] && [ -d /proc/self ]\necho "$WORD $(cat /proc/sys/kernel/hostname)"\necho late >&2\n',
  );
  const { removed, changed } = await new NativeRunner().run(one);
  assert.deepEqual([...removed].sort(), ["folder", "gone"]);
  const byPath = new Map(changed.map((entry) => [entry.path, entry]));
  assert.deepEqual([...byPath.keys()].sort(), ["", "file", "link", "old"]);
  assert.equal(Buffer.from(readBlob(byPath.get("file")!.content!)).toString(), "new\n");
  assert.deepEqual(
    [byPath.get("link")!.kind, byPath.get("link")!.target, byPath.get("old")!.mode],
    ["hardLink", "file", 0o600],
  );
  assert.deepEqual(one.lines.sort(), ["given inside", "late"]);
  assert.deepEqual(remains(), []);
});

extendedTest("empty folders of composes that were killed go when they are old, and no others", options, async () => {
  // No process has a number beyond pid_max, which is 4194304 at most.
  const folders = [
    "stratos-compose-4194999-old",
    "stratos-compose-4194998-new",
    "stratos-compose-4194997-full",
    `stratos-compose-${process.pid}-own`,
    "stratos-other",
  ];
  for (const name of folders) mkdirSync(join(temporary, name));
  writeFileSync(join(temporary, folders[2]!, "file"), "x");
  for (const name of folders) if (!name.endsWith("new")) utimesSync(join(temporary, name), 1000, 1000);
  await new NativeRunner().run(job(":\n"));
  assert.deepEqual(readdirSync(temporary).sort(), folders.slice(1).sort());
  for (const name of folders) rmSync(join(temporary, name), { recursive: true, force: true });
});

/**
 * The way out of a chroot that textbooks show, and shorter ones by /proc, mounts and namespaces. Each line that begins
 * with "out" is one that was found.
 */
const ESCAPE = `set -u
cat /proc/self/status | while read -r key value; do [ "$key" != CapBnd: ] || echo "bounding $value"; done
perl -e 'mkdir "/x1"; chroot("/x1") or die "chroot: $!"; chdir ".." for 1..20; chroot "."; print "out by chroot\\n" \
if -e $ENV{SECRET}'
for link in /proc/[0-9]*/root /proc/[0-9]*/cwd/../../../../../../../..; do [ ! -e "$link$SECRET" ] || echo "out by \
$link"; done
nsenter --mount=/proc/self/ns/mnt cat "$SECRET" 2>/dev/null && echo "out by the namespace"
unshare --user --map-root-user --mount sh -c 'umount -l /; nsenter --mount=/proc/self/ns/mnt cat "$SECRET"' \
2>/dev/null && echo "out by a user namespace"
umount -l / 2>/dev/null && { nsenter --mount=/proc/self/ns/mnt cat "$SECRET" 2>/dev/null && echo "out by unmounting"; \
echo "unmounted the root"; }
mknod /disk b 8 0 2>/dev/null && echo "made a disk"
echo looked
`;
const ESCAPE_TOOLS = ["perl", "nsenter", "unshare", "umount", "mknod"];

async function escapes(fields: Partial<ScriptJob>, runner: NativeRunner): Promise<string[]> {
  const secret = join(temporary, "of the host"),
    one = job(ESCAPE, {
      tree: treeWith(ESCAPE, ESCAPE_TOOLS),
      environment: { SECRET: secret, PATH: "/bin:/usr/bin", LC_ALL: "C" },
      ...fields,
    });
  writeFileSync(secret, "out by reading\n");
  await runner.run(one);
  rmSync(secret);
  return one.lines;
}

test(
  "a script finds no way to the host's files, and has of root's capabilities those over files and accounts",
  options,
  async () => {
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT,
    // AUDIT_WRITE, SETFCAP: of these the host's own root may lack some.
    const allowed = 0xa00425fbn,
      found = await escapes({}, new NativeRunner());
    const [first, ...others] = found,
      bounding = BigInt(`0x${/^bounding ([0-9a-f]{16})$/.exec(first!)![1]!}`);
    assert.deepEqual([bounding & ~allowed, bounding & 0xffn, others], [0n, 0xfbn, ["looked"]]);
  },
);

const serving = {
  skip:
    obstacle ??
    (process.getuid?.() === 0 && existsSync("/dev/fuse") ? false : "root with /dev/fuse is needed to serve a tree"),
};

/** Mounts of each process that this one has started, and those have. */
function mountsOfChildren(): string {
  const parents = new Map<string, string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(pid, / \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))![1]!);
    } catch {
      // It has ended.
    }
  }
  const isOurs = (pid: string | undefined): boolean =>
    pid !== undefined && (pid === String(process.pid) || isOurs(parents.get(pid)));
  return [...parents.keys()]
    .filter((pid) => pid !== String(process.pid) && isOurs(pid))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/mountinfo`, "utf8");
      } catch {
        return "";
      }
    })
    .join("");
}

extendedTest(
  "a volume of the host is not kept in use while a script runs, which would be so as long as it does",
  { skip: obstacle ?? (process.getuid?.() === 0 ? false : "only root mounts a volume") },
  async () => {
    const volume = join(temporary, "volume of the host");
    mkdirSync(volume);
    execFileSync("mount", ["-t", "tmpfs", "of-the-host", volume]);
    try {
      for (const [runner, isObserved] of [
        [new NativeRunner(), false],
        ...(serving.skip === false ? ([[new NativeRunner(temporary), true]] as const) : []),
      ] as const) {
        let seen = "";
        const one = job("echo started\nsleep 1\n", { isObserved });
        await runner.run({ ...one, onLine: () => void (seen = mountsOfChildren()) });
        assert.match(seen, / \/proc /, "the script was seen while it ran");
        assert.doesNotMatch(seen, /of-the-host/);
      }
    } finally {
      execFileSync("umount", [volume]);
      rmSync(volume, { recursive: true });
    }
  },
);

extendedTest("nor does one over a served tree", serving, async () => {
  assert.deepEqual((await escapes({ isObserved: true }, new NativeRunner(temporary))).slice(1), ["looked"]);
});

test("over a served tree a script changes the same, and what it sees is known", serving, async () => {
  const script =
    "set -e\ncd /\necho new >file\nln file link\nrm gone\nrm -r folder\nchmod 600 old\necho more >>kept\n" +
    "rm data/one\nln -s x data/one\ncat data/two\n[ ! -e data/none ]\nset -- many/*\n[ many -ot file ]\n";
  const withMore = (): FileTree =>
    fileTreeOf(
      [
        ...treeWith(script).entries(),
        ...["data", "many", "unseen"].map((path) => fileEntry(path, "directory", { mtime: EPOCH, mode: 0o750 })),
        file("data/one", "1"),
        file("data/two", "2".repeat(300_000)),
        file("many/a", "a"),
        file("unseen/b", "b"),
      ]
        .sort((left, right) => comparePaths(left.path, right.path))
        .values(),
    );
  const handed = job(script, { tree: withMore() }),
    served = job(script, { tree: withMore(), isObserved: true });
  const expected = await new NativeRunner().run(handed),
    found = await new NativeRunner(temporary).run(served);
  const words = ({ removed, changed }: TreeChanges): string[] =>
    [
      ...removed,
      ...changed
        .filter(({ path, kind }) => path !== "" && kind !== "directory")
        .map(({ path, kind, mode, uid, gid, target, content }) =>
          [path, kind, mode, uid, gid, target, content?.digest].join(" "),
        ),
    ].sort();
  // Of a file that became a link the one runner says that it changed, the other that it went and came.
  assert.deepEqual(
    words(found).filter((line) => line !== "data/one"),
    words(expected),
  );
  assert.deepEqual(served.lines, handed.lines);
  const { observations } = found;
  assert.ok(observations !== undefined && expected.observations === undefined);
  const isIn = (list: readonly string[], ...paths: string[]): boolean[] => paths.map((path) => list.includes(path));
  assert.deepEqual(
    isIn(
      observations.names,
      "script",
      "gone",
      "data",
      "data/none",
      "many",
      "many/a",
      "unseen",
      "unseen/b",
      "bin/sleep",
    ),
    [true, true, true, true, true, false, false, false, false],
  );
  assert.deepEqual(isIn(observations.listings, "many", "data", "folder"), [true, false, true]);
  assert.deepEqual(isIn(observations.attributes, "many", "bin"), [true, false]);
  assert.deepEqual(isIn(observations.contents, "data/two", "script", "kept", "data/one", "bin/sleep"), [
    true,
    true,
    true,
    false,
    false,
  ]);
  assert.deepEqual(remains(), []);
});

extendedTest("what ldconfig alone has looked at is known apart", serving, async () => {
  const linker = "#!/bin/sh\ncat /libs/a.so /libs/b.so /libs/c.so\n[ ! -e /libs/d.so ]\nexit 7\n";
  const script =
    "set -e\ncat /libs/c.so\nstatus=0\n/usr/sbin/ldconfig || status=$?\necho status $status\ncat /libs/b.so\n";
  const more = [
    fileEntry("libs", "directory"),
    file("libs/a.so", "a\n"),
    file("libs/b.so", "b\n"),
    file("libs/c.so", "c\n"),
    fileEntry("usr/sbin", "directory"),
    file("usr/sbin/ldconfig", linker, { mode: 0o755 }),
  ];
  const given = [...treeWith(script).entries()],
    tree = fileTreeOf(
      [...given, ...more.filter(({ path }) => !given.some((entry) => entry.path === path))]
        .sort((left, right) => comparePaths(left.path, right.path))
        .values(),
    );
  const one = job(script, { tree, isObserved: true });
  const { changed, observations } = await new NativeRunner(temporary).run(one);
  assert.deepEqual(one.lines, ["c", "a", "b", "c", "status 7", "b"]);
  assert.deepEqual(
    changed.filter(({ path }) => path !== ""),
    [],
  );
  assert.deepEqual(observations!.libraries, ["libs/a.so"]);
  for (const path of ["libs/b.so", "libs/c.so", "libs/d.so", "usr/sbin/ldconfig"])
    assert.ok(observations!.names.includes(path), path);
  assert.ok(
    !observations!.names.includes("libs/a.so") && !observations!.names.some((path) => path.includes("stratos")),
  );
  assert.deepEqual(remains(), []);
});

extendedTest("a file with several names is changed under all of them, over a served tree too", serving, async () => {
  const script = "echo more >>/one\n";
  const tree = fileTreeOf(
    [...treeWith(script).entries(), file("one", "1"), fileEntry("two", "hardLink", { target: "one" })]
      .sort((left, right) => comparePaths(left.path, right.path))
      .values(),
  );
  const { changed, observations } = await new NativeRunner(temporary).run(job(script, { tree, isObserved: true }));
  assert.deepEqual(changed.map(({ path, target }) => `${path} ${target}`).sort(), ["one ", "two one"]);
  assert.equal(observations, undefined, "an overlay would have parted the names, so the tree was handed over");
});

extendedTest(
  "over a folder of the host nothing is copied: a script changes the same, and the folder stays",
  serving,
  async () => {
    const script =
      "set -e\ncd /\ncat brought/word >&2\necho new >file\nln file link\nrm gone\nrm -r folder\nchmod 600 old\n" +
      "echo more >>kept\nrm -r brought\n";
    const place = join(mkdtempSync(join(tmpdir(), "with blank-")), "root");
    const brought = fileTreeOf([fileEntry("brought", "directory", { mtime: EPOCH }), file("brought/word", "a word\n")]);
    const own = [...treeWith(script).entries()].filter(({ path }) => !path.startsWith("dev"));
    for (const { path, kind, mode, uid, content } of own) {
      if (kind === "directory") mkdirSync(join(place, path), { recursive: true });
      else writeFileSync(join(place, path), readBlob(content!));
      chownSync(join(place, path), uid, 0);
      chmodSync(join(place, path), mode);
    }
    const before = execFileSync("find", [place, "-printf", "%P %m %s %T@ %i\n"], { encoding: "utf8" });
    const unread = (entry: FileEntry): FileEntry =>
      entry.content === null
        ? entry
        : {
            ...entry,
            content: {
              ...entry.content,
              sizeBytes: entry.content.sizeBytes,
              read: () => assert.fail(`${entry.path} is read`),
            },
          };
    const one = job(script, {
      tree: fileTreeOf([...own.map(unread), ...brought.entries()]),
      place: { folder: place, brought },
    });
    const { removed, changed } = await new NativeRunner().run(one);
    assert.deepEqual([...removed].sort(), ["brought", "folder", "gone"]);
    const texts = changed
      .filter(({ kind }) => kind !== "directory")
      .map(({ path, kind, mode, target, content }) =>
        [path, kind, (mode & 0o7777).toString(8), target, content === null ? "" : Buffer.from(readBlob(content))].join(
          " ",
        ),
      );
    assert.deepEqual(texts.sort(), [
      "file file 644  new\n",
      "kept file 4711  keptmore\n",
      "link hardLink 644 file ",
      "old file 600  old",
    ]);
    assert.deepEqual(one.lines, ["a word"]);
    assert.equal(execFileSync("find", [place, "-printf", "%P %m %s %T@ %i\n"], { encoding: "utf8" }), before);
    rmSync(dirname(place), { recursive: true });
    assert.deepEqual(remains(), []);
  },
);

extendedTest("over a served tree, too, a script that fails or is stopped leaves nothing", serving, async () => {
  await assert.rejects(
    new NativeRunner(temporary).run(job("echo why\nexit 3\n", { isObserved: true })),
    (error) => error instanceof ScriptError && /\/script ended with status 3\n {2}why$/.test(error.message),
  );
  const controller = new AbortController();
  const one = job("echo ready\nsleep 600 &\nsleep 600\n", {
    isObserved: true,
    signal: controller.signal,
    onLine: () => controller.abort(new Error("enough")),
  });
  await assert.rejects(new NativeRunner(temporary).run(one), /enough/);
  assert.deepEqual(remains(), []);
});

test("what dpkg-query was asked for is known by names of packages", () => {
  const notes = (...questions: string[][]): string =>
    questions.map((words) => `${words.map((word) => `${word}\0`).join("")}\n\0`).join("");
  assert.deepEqual(
    queriedPackages(notes(["-W", "-f", "${Version}", "bash"], ["-L", "libc6:amd64"], ["--status", "x", "y"])),
    ["bash", "libc6", "x", "y"],
  );
  for (const question of [["-W"], ["-l"], ["-S", "/bin/sh"], ["-W", "lib*"], ["--list", "bash"]])
    assert.deepEqual(queriedPackages(notes(question)), ["*"], question.join(" "));
  assert.deepEqual(queriedPackages(""), []);
});

test("a script that fails is told with its status and its last words", options, async () => {
  await assert.rejects(
    new NativeRunner().run(job("echo why\nexit 3\n")),
    (error) => error instanceof ScriptError && /\/script ended with status 3\n {2}why$/.test(error.message),
  );
  assert.deepEqual(remains(), []);
});

extendedTest("a line without an end, and more changes than there is room for, fill no memory", options, async () => {
  const long = file("long", "x".repeat(1 << 20));
  const withLong = (one: ReturnType<typeof job>): ScriptJob => ({
    ...one,
    tree: fileTreeOf([...one.tree.entries(), long]),
  });
  const one = job("i=0; while [ $i -lt 40 ]; do i=$((i+1)); cat /long; done; echo\n");
  await new NativeRunner().run(withLong(one));
  assert.deepEqual([one.lines.length, one.lines.join("").length], [3, 40 << 20]);
  await assert.rejects(
    new NativeRunner(undefined, { roomBytes: 5 << 19 }).run(withLong(job("cat /long /long /long >/new\n"))),
    (error) =>
      error instanceof ScriptError && /what it has written is more than memory holds: over 2 MiB/.test(error.message),
  );
  assert.equal(
    (
      await new NativeRunner(undefined, { roomBytes: 3 << 20 }).run(withLong(job("cat /long /long >/new\n")))
    ).changed.find(({ path }) => path === "new")?.content?.sizeBytes,
    2 << 20,
  );
  assert.deepEqual(remains(), []);
});

test("a script that is stopped leaves no process and no mount", options, async () => {
  const controller = new AbortController();
  const mark = `6${process.pid}`;
  const isRunning = (): boolean =>
    readdirSync("/proc").some((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`sleep\0${mark}`);
      } catch {
        return false;
      }
    });
  const one = job(`echo ready\nsleep ${mark} &\nsleep ${mark}\n`, {
    signal: controller.signal,
    onLine: () => setTimeout(() => controller.abort(new Error("enough")), 50),
  });
  await assert.rejects(new NativeRunner().run(one), /enough/);
  for (let tries = 0; isRunning() && tries < 3000; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(!isRunning());
  assert.deepEqual(remains(), []);
});

test("scripts have no network, unless they are to have it", options, async () => {
  const one = job("cat /proc/net/dev\n");
  await new NativeRunner().run(one);
  const links = one.lines.map((line) => /^\s*(\S+):/.exec(line)?.[1]).filter((name) => name !== undefined);
  assert.ok(!links.some((name) => /^(eth|en|wl|ens|veth)/.test(name)), links.join());
});
