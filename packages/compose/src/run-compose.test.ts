/**
 * Composes from beginning to end, over an archive in memory. Goal: what comes out depends on the treefile and the lock
 * alone, not on width, day, interruptions or what was kept; what was made before is not made again; failures are told
 * and leave the rest whole.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { checkFileTree, fileEntry, MemoryBlob } from "@stratos/formats";
import { ScriptError } from "./ports.ts";
import { parseLock, formatLock, EMPTY_LOCK } from "./gather/lock.ts";
import { BASE, makeWorld, packageOf, sha256, textIn, type TestWorld } from "./testing/test-compose.ts";

const TREEFILE = "name: demo\nversion: '3'\npackages: [tool]\noutputs: {root: {format: tar}}\n";
const TOOL = packageOf(
  "tool",
  { Depends: "libtool" },
  [
    { path: "./usr/bin/" },
    { path: "./usr/bin/tool", text: "tool 1" },
    { path: "./etc/" },
    { path: "./etc/tool", text: "conf" },
  ],
  { conffiles: "/etc/tool\n" },
);
const LIBTOOL = packageOf("libtool", {}, [{ path: "./usr/lib/" }, { path: "./usr/lib/libtool.so", text: "libtool 1" }]);

async function world(...packages: Parameters<TestWorld["publish"]>[0][number][]): Promise<TestWorld> {
  const made = makeWorld();
  await made.publish([...BASE, LIBTOOL, TOOL, ...packages]);
  return made;
}

const statuses = (result: { steps: readonly { id: string; status: string }[] }): string[] =>
  result.steps.map(({ id, status }) => `${id} ${status}`);

test("a compose makes a root of its packages, configured in stages, and says what it was made of", async () => {
  const one = await world();
  const { info, lock, steps } = await one.compose(TREEFILE);
  assert.deepEqual(statuses({ steps }), [
    "init done",
    "gather default/riscv64 done",
    "build default/riscv64 done",
    "output default/riscv64 root done",
    "cleanup done",
  ]);
  const locked = lock.images["default/riscv64"]!;
  assert.deepEqual(
    locked.packages.map(({ name, stage }) => `${name} ${stage}`),
    [
      "base-files essential",
      "dpkg essential",
      "dash essential",
      "libbase essential",
      "apt base",
      "libtool image",
      "tool image",
    ],
  );
  const tree = one.trees.get("root")!;
  assert.equal(checkFileTree(tree), undefined);
  assert.equal(textIn(tree, "usr/bin/tool"), "tool 1");
  assert.equal(textIn(tree, "var/lib/dpkg/status").match(/^Status: install ok installed$/gm)!.length, 7);
  assert.match(textIn(tree, "var/lib/dpkg/info/tool.list"), /^\/\.\n\/usr\n\/usr\/bin\n\/usr\/bin\/tool\n/);
  assert.match(textIn(tree, "var/lib/dpkg/status"), /Package: tool[\s\S]*Conffiles:\n \/etc\/tool [0-9a-f]{32}\n/);
  assert.match(
    textIn(tree, "var/lib/apt/extended_states"),
    /^Package: libtool\nArchitecture: riscv64\nAuto-Installed: 1\n\n$/,
  );
  const paths = [...tree.entries()].map(({ path }) => path);
  for (const gone of [
    "var/log/dpkg.log",
    "var/lib/dpkg/status-old",
    "usr/sbin/policy-rc.d",
    "var/lib/dpkg/stratos-configure",
  ])
    assert.ok(!paths.includes(gone), gone);
  assert.equal(textIn(tree, "etc/machine-id"), "");
  assert.ok([...tree.entries()].every(({ mtime }) => mtime <= locked.dateSeconds));
  assert.deepEqual(
    info.images.map(({ artifacts, packages }) => [artifacts[0]!.path, packages]),
    [["demo-default-riscv64.tar", 7]],
  );
  assert.equal(
    Buffer.from(one.outputs.get("SHA256SUMS")!).toString(),
    `${sha256(one.outputs.get("demo-default-riscv64.tar")!)}  demo-default-riscv64.tar\n`,
  );
  const spdx = JSON.parse(Buffer.from(one.outputs.get("demo-default-riscv64.spdx.json")!).toString()) as {
    spdxVersion: string;
    packages: { name: string; primaryPackagePurpose?: string; checksums?: { checksumValue: string }[] }[];
  };
  assert.equal(spdx.spdxVersion, "SPDX-2.3");
  // As the schema of SPDX 2.3 spells it; documents of tags and values have a dash there.
  assert.equal(spdx.packages[0]!.primaryPackagePurpose, "OPERATING_SYSTEM");
  assert.equal(
    spdx.packages.find(({ name }) => name === "tool")!.checksums![0]!.checksumValue,
    locked.packages.at(-1)!.sha256,
  );
});

test("sequential or side by side, from empty or kept stores, today or later: the same bytes", async () => {
  const text =
    `${TREEFILE}variants: {a: {}, b: {packages: [-tool, libtool]}, c: {inherit: ` + `b, hostname: "\${variant}"}}\n`;
  const first = await world(),
    second = await world();
  const made = await first.compose(text, { jobs: 1 });
  second.packages.now += 3600 * 24 * 5;
  const later = await second.compose(text, { jobs: 8, lock: made.lock, lockMode: "locked" });
  assert.deepEqual(
    later.steps.filter(({ status }) => status !== "done"),
    [],
  );
  assert.deepEqual([...first.outputs.keys()].sort(), [...second.outputs.keys()].sort());
  for (const [path, bytes] of first.outputs)
    assert.ok(Buffer.from(bytes).equals(Buffer.from(second.outputs.get(path)!)), path);
  assert.notDeepEqual(first.outputs.get("demo-a-riscv64.tar"), first.outputs.get("demo-b-riscv64.tar"));
  // Variants of the same packages share the work: three stages of two, and one more.
  assert.ok(first.runner.jobs.length <= 4, String(first.runner.jobs.length));
  const jobs = first.runner.jobs.length;
  const again = await first.compose(text, { lock: made.lock });
  assert.equal(first.runner.jobs.length, jobs, "nothing is configured again");
  assert.deepEqual(again.info, made.info);
});

test(
  "a package that has changed makes its own stage anew, and none before it; the " + "result is that of a full compose",
  async () => {
    const one = await world();
    const { lock } = await one.compose(TREEFILE);
    assert.equal(one.runner.jobs.length, 3);
    const changed = packageOf("tool", { Depends: "libtool", Version: "1.0-2" }, [
      { path: "./usr/bin/" },
      { path: "./usr/bin/tool", text: "tool 2" },
    ]);
    const publish = (to: TestWorld): Promise<void> =>
      to.publish([...BASE, LIBTOOL, changed], "Fri, 15 Jan 2027 07:00:00 UTC");
    await publish(one);
    const kept = await one.compose(TREEFILE, { lock });
    assert.deepEqual(kept.lock, lock, "the lock holds");
    const updated = await one.compose(TREEFILE, { lock, lockMode: "update" });
    assert.equal(one.runner.jobs.length, 4);
    assert.equal(textIn(one.trees.get("root")!, "usr/bin/tool"), "tool 2");
    const other = makeWorld();
    await publish(other);
    const full = await other.compose(TREEFILE);
    assert.deepEqual(full.info.images[0]!.artifacts, updated.info.images[0]!.artifacts);
  },
);

test("a base told by priority has all packages of it, but for those that are excluded", async () => {
  const one = await world(
    packageOf("pager", { Priority: "important", Depends: "libpager" }),
    packageOf("libpager"),
    packageOf("doc", { Priority: "standard" }),
    packageOf("mail", { Priority: "standard" }),
  );
  const names = async (base: string): Promise<string[]> =>
    (await one.compose(`name: demo\nbase: ${base}\nexclude: [mail]\noutputs: {root: {format: tar}}\n`)).lock.images[
      "default/riscv64"
    ]!.packages.map(({ name, isAutomatic }) => (isAutomatic ? `${name} auto` : name)).sort();
  const minbase = await names("minbase");
  assert.ok(!minbase.some((name) => /pager|doc|mail|tool/.test(name)));
  assert.deepEqual(await names("important"), [...minbase, "libpager auto", "pager"].sort());
  assert.deepEqual(await names("standard"), [...minbase, "doc", "libpager auto", "pager"].sort());
});

test("an archive that is signed again with nothing new for the image makes no new one", async () => {
  const one = await world();
  const { lock, info } = await one.compose(TREEFILE);
  const jobs = one.runner.jobs.length;
  await one.publish([...BASE, LIBTOOL, TOOL, packageOf("other")], "Fri, 15 Jan 2027 07:30:00 UTC");
  const again = await one.compose(TREEFILE, { lock, lockMode: "update" });
  assert.deepEqual([again.lock, again.info, one.runner.jobs.length], [lock, info, jobs]);
  const fresh = await one.compose(TREEFILE);
  assert.notEqual(
    fresh.lock.images["default/riscv64"]!.dateSeconds,
    lock.images["default/riscv64"]!.dateSeconds,
    "the archive was signed later",
  );
});

test("packages that only scripts need are there while they run, and not in the image", async () => {
  const maker = (version: string) =>
    packageOf("maker", { Depends: "libtool, libmaker", Version: version }, [
      { path: "./usr/bin/" },
      { path: "./usr/bin/maker", text: `maker ${version}` },
      { path: "./usr/share/" },
      { path: "./usr/share/maker/" },
    ]);
  const libmaker = packageOf("libmaker", {}, [
    { path: "./usr/lib/" },
    { path: "./usr/lib/libmaker.so", text: "libmaker" },
  ]);
  const one = await world(maker("1"), libmaker);
  let seen: string[] = [];
  one.runner.effects = (job) => {
    if (job.script.startsWith("var/lib/dpkg/")) return undefined;
    seen = [...job.tree.entries()].map(({ path }) => path);
    assert.equal(textIn(job.tree, "etc/hostname"), "made\n");
    const file = (path: string, text: string) =>
      fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(text), sha256) });
    return {
      removed: ["usr/bin/maker", "etc/tool"],
      changed: [
        file("usr/bin/made", `by ${textIn(job.tree, "usr/bin/maker")}`),
        file("usr/share/maker/left", "left"),
        fileEntry("usr/bin/same", "hardLink", { target: "usr/bin/tool" }),
        fileEntry("usr/bin/made-too", "hardLink", { target: "usr/bin/made" }),
      ],
    };
  };
  const text = `${TREEFILE}hostname: made\nscripts: [maker]\nbuild: {packages: [maker]}\n`;
  const { lock, info } = await one.compose(text);
  const locked = lock.images["default/riscv64"]!;
  assert.deepEqual(
    locked.build!.map(({ name, stage }) => `${name} ${stage}`),
    ["libmaker build", "maker build"],
  );
  assert.ok(!locked.packages.some(({ name }) => name.endsWith("maker")));
  assert.ok(seen.includes("usr/bin/maker") && seen.includes("usr/lib/libmaker.so"));
  const tree = one.trees.get("root")!,
    paths = [...tree.entries()].map(({ path }) => path);
  assert.equal(checkFileTree(tree), undefined);
  assert.deepEqual(
    paths.filter((path) => /mak|left|made|same|etc\/tool$/.test(path)),
    ["usr/bin/made", "usr/bin/made-too", "usr/bin/same", "usr/share/maker", "usr/share/maker/left"],
  );
  assert.deepEqual(
    [...tree.entries()].filter(({ kind }) => kind === "hardLink").map(({ path, target }) => `${path} ${target}`),
    ["usr/bin/made-too usr/bin/made", "usr/bin/tool usr/bin/same"],
  );
  assert.equal(textIn(tree, "usr/bin/made"), "by maker 1");
  assert.ok(!textIn(tree, "var/lib/dpkg/status").includes("maker"));
  assert.equal(info.images[0]!.packages, locked.packages.length);
  const written = (name: string): string =>
    Buffer.from(one.outputs.get(`demo-default-riscv64.${name}.json`)!).toString();
  assert.ok(
    !written("spdx").includes("libmaker") && written("provenance").includes("libmaker"),
    "the image has it not, and was made with it",
  );

  const jobs = one.runner.jobs.length;
  await one.compose(text, { lock, lockMode: "locked" });
  assert.equal(one.runner.jobs.length, jobs, "all is kept");
  await one.publish([...BASE, LIBTOOL, TOOL, maker("2"), libmaker], "Fri, 15 Jan 2027 08:00:00 UTC");
  await one.compose(text, { lock, lockMode: "update" });
  assert.equal(textIn(one.trees.get("root")!, "usr/bin/made"), "by maker 2");
  assert.ok(Buffer.from(formatLock(parseLock(formatLock(lock), "l"))).equals(Buffer.from(formatLock(lock))));

  one.runner.effects = (job) =>
    job.script.startsWith("var/lib/dpkg/")
      ? undefined
      : {
          removed: [],
          changed: [fileEntry("var/lib/dpkg/status", "file", { content: new MemoryBlob(Buffer.from(""), sha256) })],
        };
  const { steps } = await one.compose(text.replace("hostname: made", "hostname: other"), { lock });
  assert.match(steps.find(({ id }) => id.startsWith("build"))!.reason, /build\.packages/);
  assert.match((await one.compose(`${text}base: none\n`)).steps[1]!.reason, /without a base/);
});

test("an interrupted compose goes on where it was", async () => {
  const one = await world();
  let failing = true;
  one.runner.before = async () => {
    if (failing && one.runner.jobs.length === 3) throw new Error("power cut");
  };
  const broken = await one.compose(TREEFILE);
  assert.deepEqual(statuses(broken).slice(2), [
    "build default/riscv64 failed",
    "output default/riscv64 root canceled",
    "cleanup done",
  ]);
  assert.equal(broken.info.status, "failed");
  failing = false;
  await one.compose(TREEFILE, { lock: broken.lock });
  assert.equal(one.runner.jobs.length, 4, "the two stages before are kept");
  const whole = await world();
  await whole.compose(TREEFILE);
  assert.deepEqual(one.outputs.get("demo-default-riscv64.tar"), whole.outputs.get("demo-default-riscv64.tar"));
});

test("a store that has lost or damaged something is made sound", async () => {
  const one = await world();
  const { lock } = await one.compose(TREEFILE);
  const before = Buffer.from(one.outputs.get("demo-default-riscv64.tar")!);
  one.outputs.clear();
  for (const [path, bytes] of one.files) {
    if (path.startsWith("layers/")) one.files.set(path, bytes.subarray(0, bytes.length - 100));
    if (path.startsWith("trees/") && path.endsWith(".json")) one.files.set(path, bytes.subarray(0, 10));
  }
  await one.compose(TREEFILE, { lock });
  assert.ok(before.equals(Buffer.from(one.outputs.get("demo-default-riscv64.tar")!)));
  for (const part of ["layers/", "trees/"]) {
    for (const [path, bytes] of one.files) {
      if (!path.startsWith(part) || path.endsWith(".json")) continue;
      const flipped = Uint8Array.from(bytes);
      flipped[Math.floor(bytes.length / 3)]! ^= 1;
      one.files.set(path, flipped);
    }
    const other = makeWorld();
    for (const [path, bytes] of one.files) other.files.set(path, bytes);
    for (const [path, bytes] of one.packages.files) other.packages.files.set(path, bytes);
    const { steps } = await other.compose(TREEFILE, { lock, lockMode: "locked" });
    assert.deepEqual(
      steps.filter(({ status }) => status !== "done"),
      [],
    );
    assert.ok(before.equals(Buffer.from(other.outputs.get("demo-default-riscv64.tar")!)), part);
  }
  assert.ok(before.equals(Buffer.from(one.outputs.get("demo-default-riscv64.tar")!)));
});

test("a phase whose time is over ends the compose as failed, by its name", async () => {
  const one = await world();
  let ended = false;
  one.runner.before = (job) =>
    new Promise((_, reject) =>
      job.signal.addEventListener("abort", () => {
        ended = true;
        reject(new Error("killed"));
      }),
    );
  const { steps, info } = await one.compose(`${TREEFILE}phases: {build: {timeout: 0.05}}\n`);
  assert.ok(ended);
  assert.equal(steps.find(({ status }) => status === "failed")!.id, "build default/riscv64");
  assert.match(steps.find(({ status }) => status === "failed")!.reason, /its time of 0.05 s is over/);
  assert.equal(info.status, "failed");
});

test("phases and outputs are left out by option, by setting and by condition", async () => {
  const one = await world();
  const text =
    `${TREEFILE.replace(
      "root:",
      "other: {format: tar, filename: other.tar, when: " + 'variant == "none"}, root:',
    )}phases: ` + "{cleanup: {}}\n";
  const { steps } = await one.compose(text, { skipPhases: ["output */riscv64 root"] });
  assert.deepEqual(statuses({ steps }).slice(3), [
    "output default/riscv64 other skipped",
    "output default/riscv64 root skipped",
    "cleanup done",
  ]);
  assert.match(steps[3]!.reason, /not variant == "none"/);
  const none = await one.compose(`${TREEFILE}phases: {build: {when: "custom.build"}}\n`);
  assert.deepEqual(statuses(none).slice(2), [
    "build default/riscv64 skipped",
    "output default/riscv64 root skipped",
    "cleanup done",
  ]);
  const strict = await one.compose(`${TREEFILE}phases: {build: {on-skip: fail, "skip": true}}\n`);
  assert.deepEqual(statuses(strict).slice(2), [
    "build default/riscv64 skipped",
    "output default/riscv64 root failed",
    "cleanup done",
  ]);
  await assert.rejects(one.compose(TREEFILE, { skipPhases: ["bulid"] }), /there is no phase bulid to leave out/);
});

test("phases that wait for each other in a circle are refused before anything runs", async () => {
  const one = await world();
  await assert.rejects(
    one.compose(
      `${TREEFILE}variants:\n  a: {phases: {build: {after: [b/output]}}}\n  b: {phases: {build: {after: ` +
        "[a/output]}}}\n",
    ),
    // wide: one pattern
    /^TreefileError: t\.yaml:\d+:\d+: variants\.a\.phases\.build\.after: phases wait for each other in a circle: build a\/riscv64 → output b\/riscv64 root → build b\/riscv64 → output a\/riscv64 root → build a\/riscv64/,
  );
  assert.equal(one.packages.opened.length, 0);
});

test("the lock file decides: offline, for another request refused, damaged told", async () => {
  const one = await world();
  const { lock } = await one.compose(TREEFILE);
  assert.deepEqual(parseLock(formatLock(lock), "x"), lock);
  one.packages.web.clear();
  const offline = await one.compose(TREEFILE, { lock, lockMode: "locked" });
  assert.equal(offline.info.status, "finished");
  const refused = await one.compose(TREEFILE.replace("[tool]", "[libtool]"), { lock, lockMode: "locked" });
  assert.match(refused.steps[0]!.reason, /the lock file does not fit default\/riscv64 any more/);
  assert.throws(() => parseLock("{", "l.json"), /l\.json: is no JSON/);
  assert.throws(
    () => parseLock(formatLock(EMPTY_LOCK).replace("1", "2"), "l.json"),
    /l\.json: is no lock file of format 1/,
  );
  assert.throws(
    () => parseLock(formatLock(lock).replace(/"sha256": "[0-9a-f]/, '"sha256": "x'), "l.json"),
    /l\.json: the image default\/riscv64 is damaged/,
  );
});

test("a package that is not the one of the lock is refused by name", async () => {
  const one = await world();
  const { lock } = await one.compose(TREEFILE, { skipPhases: ["gather"] }).then(() => one.compose(TREEFILE));
  const other = makeWorld();
  await other.publish([
    ...BASE,
    LIBTOOL,
    packageOf("tool", { Depends: "libtool" }, [{ path: "./evil", text: "evil" }]),
  ]);
  const { steps } = await other.compose(TREEFILE, { lock, lockMode: "locked" });
  assert.equal(steps[1]!.status, "failed");
  assert.match(steps[1]!.reason, /tool_1\.0-1\.deb: .*(SHA-256|larger|ended after)/);
});

test("patterns choose packages, and exclude forbids them", async () => {
  const one = await world(
    packageOf("font-a"),
    packageOf("font-b"),
    packageOf("font-c-doc"),
    packageOf("needy", { Depends: "font-b" }),
  );
  const names = async (text: string): Promise<string[]> =>
    (await one.compose(text)).lock.images["default/riscv64"]!.packages.filter(({ stage }) => stage === "image").map(
      ({ name }) => name,
    );
  assert.deepEqual(await names("name: x\npackages: ['font-*']\nexclude: ['*-doc']\n"), ["font-a", "font-b"]);
  const none = await one.compose("name: x\npackages: ['nothing-*']\n");
  assert.match(none.steps[1]!.reason, /^t\.yaml:2:12: packages\[0\]: no package matches nothing-\*$/);
  const needy = await one.compose("name: x\npackages: [needy]\nexclude: [font-b]\n");
  assert.equal(needy.steps[1]!.status, "failed");
  assert.match(needy.steps[1]!.reason, /^t\.yaml:2:12: packages\[0\]: needy cannot be installed:\n(.*\n)*.*font-b/);
  const inherited = await one.compose(
    "name: x\nvariants:\n  low: {abstract: true, architecture: {risc*: {packages: [font-a, fontb]}}}\n" +
      "  high: {inherit: low, packages: [font-a]}\n",
  );
  assert.match(
    inherited.steps[1]!.reason,
    /^t\.yaml:3:67: variants\.low\.architecture\.risc\*\.packages\[1\]: fontb cannot be installed/,
  );
});

test("files, users, names, scripts and removals make an image one's own", async () => {
  const one = await world(
    packageOf("units", {}, [
      { path: "./usr/lib/" },
      { path: "./usr/lib/systemd/" },
      { path: "./usr/lib/systemd/system/" },
      {
        path: "./usr/lib/systemd/system/web.service",
        text: "[Unit]\n[Install]\nWantedBy=multi-user.target\nAlias=www.service\n",
      },
    ]),
  );
  one.sources.set("motd.txt", Buffer.from("hello\n"));
  const text = `
name: own
packages: [units]
hostname: "\${name}-\${variant}"
files:
  /etc/motd: {source: motd.txt}
  /bin/greet: {content: "#!/bin/sh\\n", mode: "0755"}
  /srv/data: {folder: true, mode: "2775", gid: 27}
  /etc/alias: {link: /srv/data}
users:
  op: {groups: [sudo], comment: Öp, shell: /bin/sh, ssh-keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA op]}
  root: {password: "$y$hash"}
services: {enable: [web]}
scripts: [echo hi]
remove-files: [/usr/share/doc/**]
outputs: {root: {format: tar}}
x-team: core
custom: {edition: pro}
`;
  const { info, steps } = await one.compose(text);
  assert.deepEqual(
    steps.filter(({ status }) => status !== "done"),
    [],
  );
  const tree = one.trees.get("root")!;
  const entry = (path: string) => [...tree.entries()].find((candidate) => candidate.path === path);
  assert.equal(textIn(tree, "etc/hostname"), "own-default\n");
  assert.match(textIn(tree, "etc/hosts"), /127\.0\.1\.1\town-default\n/);
  assert.equal(textIn(tree, "etc/motd"), "hello\n");
  assert.equal(entry("usr/bin/greet")!.mode, 0o755);
  assert.deepEqual(
    [entry("srv/data")!.mode, entry("srv/data")!.gid, entry("etc/alias")!.target],
    [0o2775, 27, "/srv/data"],
  );
  assert.match(textIn(tree, "etc/passwd"), /^op:x:1000:1000:\xc3\x96p:\/home\/op:\/bin\/sh$/m);
  assert.match(textIn(tree, "etc/shadow"), /^root:\$y\$hash:\d+:/m);
  assert.match(textIn(tree, "etc/shadow"), /^op:!:\d+:/m);
  assert.match(textIn(tree, "etc/group"), /^sudo:x:27:op$/m);
  assert.equal(entry("etc/shadow")!.mode, 0o640);
  assert.deepEqual(
    [entry("home/op")!.mode, entry("home/op")!.uid, textIn(tree, "home/op/.profile"), entry("home/op/.profile")!.uid],
    [0o700, 1000, "profile", 1000],
  );
  assert.deepEqual(
    [textIn(tree, "home/op/.ssh/authorized_keys"), entry("home/op/.ssh/authorized_keys")!.mode],
    ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA op\n", 0o600],
  );
  assert.equal(
    entry("etc/systemd/system/multi-user.target.wants/web.service")!.target,
    "/usr/lib/systemd/system/web.service",
  );
  assert.equal(entry("etc/systemd/system/www.service")!.target, "/usr/lib/systemd/system/web.service");
  assert.match(textIn(tree, "scripted"), /echo hi/);
  assert.equal(entry("var/tmp/stratos-compose"), undefined);
  assert.equal(entry("usr/share/doc/base"), undefined);
  assert.deepEqual(info.images[0]!.custom, { edition: "pro", "x-team": "core" });
  for (const [change, reason] of [
    ["users: {x: {groups: [nope]}}", /^t\.yaml:2:9: users\.x: x: there is no group nope$/],
    [
      "packages: [units]\nservices:\n  enable: [wep]",
      /^t\.yaml:4:12: services\.enable\[0\]: there is no unit wep\.service; did you mean web\.service\?$/,
    ],
    [
      "services: {enable: [nope]}",
      // wide: one pattern
      /^t\.yaml:2:21: services\.enable\[0\]: there is no unit nope\.service, and no package or file of the image brings it$/,
    ],
    [
      "files: {/usr/share/doc: {content: x}}",
      /^t\.yaml:2:9: files\."\/usr\/share\/doc": is a folder of the image, with base in it/,
    ],
    ["files: {/etc/passwd/x: {content: x}}", /^t\.yaml:2:9: files\."\/etc\/passwd\/x": \/etc\/passwd is no folder$/],
    ["files: {/a: {source: gone}}", /there is no file gone beside the treefile/],
    ["timezone: Mars/Base", /^t\.yaml:2:1: timezone: the image has no Mars\/Base/],
  ] as const) {
    const failed = await one.compose(`name: own\n${change}\n`);
    assert.match(failed.steps.find(({ status }) => status === "failed")?.reason ?? "", reason);
  }
});

test(
  "what the packages tell is told before anything is fetched: no kernel for a disk, what OSTree does with files, " +
    "who may not be there",
  async () => {
    const one = await world(packageOf("linux-image-riscv64")),
      problem = (text: string): Promise<unknown> =>
        one.compose(text).then(({ steps }) => steps.find(({ status }) => status === "failed")?.reason);
    one.writers.push({ ...one.writers[0]!, format: "qcow2" }, { ...one.writers[0]!, format: "ostree" });
    const advice = (): string[] =>
      one.events.flatMap((event) =>
        event.kind === "advice" ? [`${event.problem.line} ${event.problem.key}: ${event.problem.message}`] : [],
      );
    const fetched = one.packages.opened.length;
    assert.equal(
      await problem("name: x\noutputs:\n  d: {format: qcow2}\n"),
      "t.yaml:3:3: outputs.d: qcow2 needs a kernel, and none of the image's packages is one; take linux-image-riscv64",
    );
    assert.deepEqual(
      one.packages.opened.slice(fetched).filter((url) => url.endsWith(".deb")),
      [],
    );
    await one.compose("name: x\nscripts: [make a kernel]\noutputs:\n  d: {format: qcow2}\n");
    assert.match(
      advice().join("\n"),
      /^4 outputs\.d: qcow2 needs a kernel, and no package of the image is known to be one/,
    );
    one.events.length = 0;
    await one.compose("name: x\noutputs:\n  c: {format: ostree}\n");
    assert.match(advice().join("\n"), /^3 outputs\.c: the commit can be checked out, but .* it holds no kernel/);
    one.events.length = 0;
    await one.compose("name: x\nfiles: {/usr/lib/modules/1/vmlinuz: {content: x}}\noutputs:\n  c: {format: ostree}\n");
    assert.deepEqual(advice(), []);
    one.events.length = 0;
    await one.compose(
      "name: x\npackages: [linux-image-riscv64]\nusers:\n  op:\n    groups: [sudo, wheel]\n" +
        "    ssh-keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA]\nfiles:\n  /usr/local/bin/x: {content: x}\n" +
        "  /var/www/x: {content: x}\n  /run/x: {content: x}\n  /etc/x: {content: x}\noutputs: {c: {format: ostree}}\n",
    );
    assert.deepEqual(
      advice().map((line) => line.slice(0, 48)),
      [
        "5 users.op.groups: whether there will be a group",
        '8 files."/usr/local/bin/x": with OSTree it lies ',
        '9 files."/var/www/x": with OSTree it is copied t',
        '10 files."/run/x": with OSTree it is left out: e',
        "6 users.op.ssh-keys: with OSTree the home is cop",
      ],
    );
  },
);

test("a script that fails is told with its own line", async () => {
  const one = await world();
  one.runner.before = async (job) => {
    if (!job.script.startsWith("var/lib/dpkg/"))
      throw new ScriptError(
        "/var/tmp/stratos-compose/all ended with status 3\n  no such thing\n  scripts[2] ended with status 3",
      );
  };
  const { steps } = await one.compose(
    "name: x\nscripts: [one, two]\nvariants:\n  v:\n    scripts:\n      - three\n      - four\n",
  );
  assert.equal(
    steps.find(({ status }) => status === "failed")!.reason,
    "t.yaml:6:9: variants.v.scripts[0]: the script has failed:\n  no such thing\n  scripts[2] ended with status 3",
  );
});

test("a set without dpkg stays as unpacked, and runs nothing", async () => {
  const one = await world();
  await one.compose("name: tiny\nbase: none\npackages: [libtool]\noutputs: {root: {format: tar}}\n");
  assert.equal(one.runner.jobs.length, 0);
  const paths = [...one.trees.get("root")!.entries()].map(({ path }) => path);
  assert.ok(
    paths.includes("usr/lib/libtool.so") &&
      !paths.includes("usr/sbin/policy-rc.d") &&
      !paths.includes("var/lib/dpkg/stratos-configure"),
  );
});

test("a later stage takes over a file that its package replaces", async () => {
  const one = await world(
    packageOf("newbase", { Replaces: "libbase" }, [
      { path: "./usr/lib/" },
      { path: "./usr/lib/libbase.so", text: "mine" },
    ]),
    packageOf("thief", {}, [{ path: "./usr/lib/" }, { path: "./usr/lib/libbase.so", text: "stolen" }]),
  );
  await one.compose(TREEFILE.replace("[tool]", "[newbase]"));
  const tree = one.trees.get("root")!;
  assert.equal(textIn(tree, "usr/lib/libbase.so"), "mine");
  assert.ok(!textIn(tree, "var/lib/dpkg/info/libbase.list").includes("libbase.so"));
  const { steps } = await one.compose(TREEFILE.replace("[tool]", "[thief]"));
  assert.match(steps[2]!.reason, /thief: \/usr\/lib\/libbase\.so is also in package libbase/);
});

test("a format that nothing writes is refused before anything runs", async () => {
  const one = await world();
  await assert.rejects(
    one.compose("name: x\noutputs: {disk: {format: raw}}\n"),
    /^TreefileError: t\.yaml:2:11: outputs\.disk: nothing here writes raw; tar can be written/,
  );
});

test("an output goes where its variant says, and is named among the sums that it asks for", async () => {
  const one = await world();
  const { info } = await one.compose(
    `${TREEFILE}variants:\n  a: {outputs: {root: {destination: "\${variant}/images", checksum: sha512}}}\n  b: ` +
      "{inherit: a, outputs: {root: {destination: null, checksum: null}}}\n",
  );
  const paths = ["a/images/demo-a-riscv64.tar", "demo-b-riscv64.tar"];
  assert.deepEqual(
    info.images.map(({ artifacts }) => artifacts[0]!.path),
    paths,
  );
  const text = (name: string): string => Buffer.from(one.outputs.get(name)!).toString();
  assert.deepEqual(
    text("SHA256SUMS")
      .split("\n")
      .slice(0, -1)
      .map((line) => line.slice(66))
      .sort(),
    paths,
  );
  assert.equal(
    text("SHA512SUMS"),
    `${createHash("sha512").update(one.outputs.get(paths[0]!)!).digest("hex")}  ${paths[0]!}\n`,
  );
  for (const destination of ["..", "/srv", "a/../b", "a//b", "./a"])
    await assert.rejects(
      one.compose(`name: x\noutputs: {t: {format: tar, destination: "${destination}"}}\n`),
      /outputs\.t\.destination/,
      destination,
    );
});

test("outputs of one name are refused before anything runs", async () => {
  const one = await world();
  await assert.rejects(
    one.compose("name: x\nvariants: {a: {}, b: {}}\noutputs: {t: {format: tar, filename: root.tar}}\n"),
    /t\.yaml:3:11: outputs\.t: would be root\.tar of b\/riscv64, as outputs\.t of a\/riscv64 is/,
  );
  await assert.rejects(
    one.compose("name: x\noutputs: {t: {format: tar, filename: SHA256SUMS}}\n"),
    /t\.yaml:2:11: outputs\.t: would be SHA256SUMS of default\/riscv64, which a compose writes itself/,
  );
});
