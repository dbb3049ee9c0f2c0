/**
 * Building from the command line. Goal: a source becomes the same packages each time, from wherever it comes; what goes
 * wrong is told by stage and kind; hostile sources stay inside; nothing is left of builds that are killed; settings
 * count by their places. Sources are made here, and need no more than the base, which is made once from the mirror and
 * stays in the tests' cache.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { BuildResult } from "@stratos/builder";
import { buildObstacle } from "@stratos/tools-node/builder";
import { packSource, writeSource } from "./builder/sample-source.ts";
import { extendedTest, sampleOf } from "@stratos/base/testing";
import { launcher, run, start, type Result, type RunInput } from "./support/stratos.ts";
import { TEST_HOME } from "./support/test-image.ts";
import { until } from "./support/until.ts";

const options = { skip: buildObstacle() ?? false };
const TIMEOUT_MS = 600_000;
let folder = "";
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratos-builder-test-"));
  mkdirSync(TEST_HOME, { recursive: true });
  if (options.skip === false) await builder(["root", "make"]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function builder(args: readonly string[], input: RunInput = {}): Promise<Result> {
  return run([...launcher, "builder", ...args], {
    timeoutMs: TIMEOUT_MS,
    cwd: folder,
    ...input,
    env: { STRATOS_HOME: TEST_HOME, XDG_CONFIG_HOME: join(folder, "config"), ...input.env },
  });
}

async function build(
  source: string,
  name: string,
  args: readonly string[] = [],
): Promise<{ result: BuildResult; stderr: string; status: number; output: string }> {
  const output = join(folder, name),
    { stdout, stderr, status } = await builder(["build", source, "-o", output, "--json", ...args]);
  assert.notEqual(stdout, "", stderr);
  return { result: JSON.parse(stdout) as BuildResult, stderr, status, output };
}

function hashes({ artefacts }: BuildResult): Record<string, string> {
  return Object.fromEntries(
    artefacts.filter(({ name }) => name.endsWith(".deb")).map(({ name, sha256 }) => [name, sha256]),
  );
}

/** Mounts of roots, and folders of work, that somebody has left. */
function remains(): string[] {
  const work = join(TEST_HOME, "builder/work");
  return [
    ...readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(work)),
    ...(existsSync(work) ? readdirSync(work) : []),
  ];
}

test("a folder and its .dsc give the same packages, each time, and the record says of what", options, async () => {
  const tree = writeSource(folder),
    dsc = packSource(folder, tree);
  const first = await build(tree, "first"),
    second = await build(dsc, "second");
  assert.equal(first.status, 0, first.stderr);
  assert.equal(second.status, 0, second.stderr);
  assert.deepEqual(Object.keys(hashes(first.result)).length, 1);
  assert.deepEqual(hashes(first.result), hashes(second.result));
  assert.deepEqual(
    first.result.stages.map(({ name }) => name),
    ["Fetch", "Install-Deps", "Unpack", "Build", "Check", "Post"],
  );
  assert.ok(first.result.stages.find(({ name }) => name === "Build")!.cpuMs > 0);
  const names = readdirSync(second.output).map((name) => name.replace(/_(amd64|arm64|riscv64)\./, "_ARCH."));
  assert.deepEqual(names.sort(), [
    "provenance.json",
    "sample_1.0_ARCH.build",
    "sample_1.0_ARCH.buildinfo",
    "sample_1.0_ARCH.changes",
    "sample_1.0_ARCH.deb",
  ]);
  const { subject, predicate } = JSON.parse(readFileSync(join(second.output, "provenance.json"), "utf8")) as {
    subject: { name: string; digest: { sha256: string } }[];
    predicate: { buildDefinition: { resolvedDependencies: { name: string }[] } };
  };
  for (const { name, sha256 } of second.result.artefacts)
    assert.equal(subject.find((one) => one.name === name)?.digest.sha256, sha256);
  assert.ok(predicate.buildDefinition.resolvedDependencies.some(({ name }) => name.startsWith("dpkg-dev=")));
  assert.deepEqual(remains(), []);
});

extendedTest(
  "a binNMU has a version of its own, says why in its changelog, and its record repeats it",
  options,
  async () => {
    const tree = writeSource(folder, { name: "again", script: "cp debian/changelog $D/usr/share/sample/" });
    const nmu = ["--bin-nmu", "2", "--reason", "Rebuild against a new library.", "--bin-nmu-date", "1769817600"];
    const first = await build(tree, "again-first", nmu),
      second = await build(packSource(folder, tree, "again"), "again-second", [...nmu, "--bin-nmu-of", "1.0"]);
    assert.equal(first.status, 0, first.stderr);
    assert.deepEqual(hashes(first.result), hashes(second.result));
    assert.equal(first.result.binaryVersion, "1.0+b2");
    const name = readdirSync(first.output).find((one) => /^again_1\.0\+b2_.*\.deb$/.test(one))!;
    const show = (...args: string[]): string =>
      spawnSync("dpkg-deb", [...args.slice(0, 1), join(first.output, name), ...args.slice(1)], {
        encoding: "utf8",
        timeout: 60_000,
      }).stdout;
    assert.equal(show("-f", "Version", "Source"), "Version: 1.0+b2\nSource: again (1.0)\n");
    const changelog = spawnSync("tar", ["-xO", "./usr/share/sample/changelog"], {
      input: spawnSync("dpkg-deb", ["--fsys-tarfile", join(first.output, name)], { timeout: 60_000 }).stdout,
      encoding: "utf8",
      timeout: 60_000,
    }).stdout;
    const [head, , , reason, , , , before] = changelog.split("\n");
    assert.equal(head, "again (1.0+b2) trixie; urgency=low, binary-only=yes");
    assert.equal(reason, "  * Rebuild against a new library.");
    assert.equal(before, "again (1.0) unstable; urgency=medium");
    const buildinfo = readdirSync(first.output).find((one) => one.endsWith(".buildinfo"))!;
    const verified = await builder(["verify", join(first.output, buildinfo), "--source", tree]);
    assert.equal(verified.status, 0, verified.stderr);
    for (const [args, words] of [
      [[...nmu, "--bin-nmu-of", "0.9"], /again is version 1\.0; 0\.9 was to be built anew/],
      [["--bin-nmu", "1"], /needs a --reason/],
      [["--reason", "x"], /--bin-nmu: is missing/],
      [[...nmu, "--parts", "all"], /no packages for all architectures/],
    ] as const) {
      const { status, stderr } = await builder(["build", tree, "-o", join(folder, "refused"), ...args]);
      assert.notEqual(status, 0);
      assert.match(stderr, words);
    }
  },
);

extendedTest(
  "a source's own tests run on what was built, each in a clean root, and fail the build",
  options,
  async () => {
    const tree = writeSource(folder, { name: "tested" });
    const tests = join(tree, "debian/tests");
    mkdirSync(tests);
    const script = (name: string, text: string): void => writeFileSync(join(tests, name), `#!/bin/sh\n${text}\n`);
    script("installed", "dpkg -s tested | grep -q 'ok installed' && test -w . && touch /tmp/seen $AUTOPKGTEST_TMP/x");
    const bounded = "! test -w /proc/sys/kernel/core_pattern";
    script("alone", `test ! -e /tmp/seen && test "$(id -u)" = 0 && ! dpkg -s tested 2>/dev/null && ${bounded}`);
    script("loud", "echo careless >&2");
    script("later", "exit 77");
    script("shaky", "exit 1");
    const control =
      "Tests: installed\n\nTests: alone\nDepends:\nRestrictions: needs-root\n\n" +
      "Tests: later\nRestrictions: skippable\n\n" +
      "Tests: shaky\nRestrictions: flaky\n\nTests: machine\nRestrictions: isolation-machine\n\n" +
      "Test-Command: echo fine >&2; false | true\nFeatures: test-name=quiet\nRestrictions: allow-stderr\n";
    writeFileSync(join(tests, "control"), control);
    const good = await build(packSource(folder, tree, "tested"), "tested-good", ["--autopkgtest"]);
    assert.equal(good.status, 0, good.stderr);
    assert.deepEqual(
      good.result.autopkgtest!.tests.map(({ name, outcome }) => `${name} ${outcome}`),
      ["installed PASS", "alone PASS", "later SKIP", "shaky FLAKY", "machine SKIP", "quiet PASS"],
    );
    assert.equal(good.result.autopkgtest!.status, 2);
    const summary = readFileSync(
      join(
        good.output,
        readdirSync(good.output).find((one) => one.endsWith(".autopkgtest"))!,
      ),
    );
    assert.match(summary.toString(), /^installed PASS\nalone PASS\nlater SKIP it ended with status 77\n/);

    writeFileSync(join(tests, "control"), `Tests: loud\n\nTests: gone\n\nTests: wanting\nDepends: nobody-has-this\n`);
    const bad = await build(tree, "tested-bad", ["--autopkgtest"]);
    assert.equal(bad.status, 1);
    assert.match(
      bad.stderr,
      /3 of 3 tests failed \(autopkgtest's status 12\): loud: it wrote to standard error; gone: /,
    );
    assert.match(bad.result.autopkgtest!.tests[2]!.why!, /nobody-has-this/);
    const log = readFileSync(
      join(
        bad.output,
        readdirSync(bad.output).find((one) => one.endsWith(".build"))!,
      ),
      "utf8",
    );
    assert.match(log, /-- standard error:\ncareless\n-- loud FAIL/);
    assert.deepEqual(remains(), []);
  },
);

extendedTest("a git repository is built at a reference, and its commit is in the record", options, async () => {
  const tree = writeSource(folder, { name: "versioned", script: "[ ! -e .git ]" });
  const git = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(
      "git",
      ["-C", tree, "-c", "user.name=Test", "-c", "user.email=test@mirror.example", ...args],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    return stdout.trim();
  };
  git("init", "-q");
  git("add", "-A");
  git("commit", "-q", "-m", "first");
  git("tag", "v1");
  writeFileSync(join(tree, "debian/build.sh"), "exit 1\n");
  git("commit", "-q", "-a", "-m", "broken");
  const { result, status, stderr, output } = await build(`${tree}#v1`, "git");
  assert.equal(status, 0, stderr);
  assert.ok(JSON.stringify(result.provenance).includes(git("rev-parse", "v1")));
  assert.ok(existsSync(join(output, "provenance.json")));
  assert.equal((await build(`${tree}#${git("branch", "--show-current")}`, "git-head")).result.failure?.stage, "Build");
  assert.deepEqual(remains(), []);
});

extendedTest(
  "what a build depends on is as sbuild takes it, and what cannot be had is waited for",
  options,
  async () => {
    const refused = await build(writeSource(folder, { fields: "Build-Depends: no-such-thing | make" }), "refused");
    assert.equal(refused.status, 1);
    assert.deepEqual(
      [refused.result.failure?.kind, refused.result.failure?.stage],
      ["dependency-wait", "Install-Deps"],
    );
    assert.match(refused.result.failure!.message, /no-such-thing/);
    const meant = writeSource(folder, {
      fields: "Build-Depends: no-such-thing <!nocheck>, other-thing [hurd-any], make:native",
    });
    assert.equal((await build(meant, "meant", ["--profiles", "nocheck"])).result.status, "built");
    assert.equal((await build(meant, "unmeant")).result.failure?.kind, "dependency-wait");
    const conflict = await build(writeSource(folder, { fields: "Build-Conflicts: dpkg-dev" }), "conflict");
    assert.equal(conflict.result.failure?.kind, "dependency-wait");
  },
);

test("a build that fails says where, leaves its log, and no packages", options, async () => {
  const { result, status, stderr, output } = await build(
    writeSource(folder, { script: "echo about to fail\nexit 7" }),
    "failing",
  );
  assert.equal(status, 1);
  assert.deepEqual([result.failure?.kind, result.failure?.stage, result.artefacts], ["build", "Build", []]);
  assert.match(stderr, /stratos: .*: Build failed \(build\): dpkg-buildpackage ended with status 2/);
  assert.deepEqual(
    readdirSync(output).map((name) => name.replace(/^.*\./, "")),
    ["build"],
  );
  assert.match(readFileSync(join(output, readdirSync(output)[0]!), "utf8"), /about to fail/);
  assert.equal(
    (await builder(["build", join(folder, "nothing.dsc"), "-o", output])).stderr.trim().split("\n").at(-1),
    `stratos: ${join(folder, "nothing.dsc")}: Fetch failed (build): ${join(folder, "nothing.dsc")}: there is no ` +
      "such file",
  );
});

extendedTest(
  "a suite or an architecture that is nowhere is refused at once, as a usage error, and leaves nothing",
  options,
  async () => {
    const tree = writeSource(folder, { name: "words" });
    const suites = [[["--suite", "trixi"], /has no suite trixi; did you mean trixie\?/]] as const;
    const architectures = [
      [["--arch", "riscv46"], /trixie has no architecture riscv46; did you mean riscv64\?/],
      [["--host", "riscv46"], /trixie has no architecture riscv46; did you mean riscv64\?/],
      [["--host", "pdp11"], /trixie has no architecture pdp11; it has amd64, /],
    ] as const;
    for (const [args, why] of [...suites, ...sampleOf(architectures, 3)])
      for (const source of sampleOf([tree, "hello"], 2)) {
        const { result, status, stderr, output } = await build(source, "words/deeper/output", args);
        assert.equal(status, 2, stderr);
        assert.deepEqual([result.failure?.kind, result.failure?.stage, result.stages.length], ["request", "Fetch", 1]);
        assert.match(stderr, why);
        assert.equal(result.source, undefined, "nothing was fetched");
        assert.ok(!existsSync(output) && !existsSync(join(folder, "words/deeper")), "an empty folder is left");
      }
    mkdirSync(join(folder, "mine"));
    await build("hello", "mine", ["--suite", "trixi"]);
    assert.ok(existsSync(join(folder, "mine")), "a folder that was there stays");
  },
);

test("a source that is not what its .dsc says is refused", options, async () => {
  const dsc = packSource(folder, writeSource(folder, { name: "tampered" }), "tampered");
  writeFileSync(join(folder, "tampered_1.0.tar.gz"), "other", { flag: "a" });
  const { result } = await build(dsc, "tampered");
  assert.match(result.failure?.message ?? "", /is not the file that tampered_1.0.dsc lists/);
});

extendedTest("hooks see what is known; one that fails or hangs is a failure of its own kind", options, async () => {
  const tree = writeSource(folder),
    seen = join(folder, "seen"),
    hook = join(folder, "hook.sh");
  writeFileSync(hook, `#!/bin/sh\ncat >${seen}\n`, { mode: 0o755 });
  assert.equal((await build(tree, "hooked", ["--hook", `post-Build=${hook}`])).status, 0);
  const { when, stage, source } = JSON.parse(readFileSync(seen, "utf8")) as Record<string, unknown>;
  assert.deepEqual([when, stage, source], ["post", "Build", { name: "sample", version: "1.0" }]);
  assert.deepEqual((await build(tree, "unhooked", ["--hook", "pre-Check=false"])).result.failure, {
    kind: "hook",
    stage: "Check",
    message: "hook pre-Check (false) ended with status 1",
  });
  const plugin = join(folder, "rules.mjs");
  assert.equal((await run([...launcher, "hub", "plugin", "new", plugin])).status, 0);
  assert.equal((await build(tree, "plugged", ["--plugin", plugin])).status, 0);
  const refused = 'stage: ({ when, stage }) => (when + stage === "postBuild" ? { refuse: "no" } : undefined)';
  writeFileSync(plugin, `export default { contract: 1, ${refused} };\n`);
  assert.deepEqual((await build(tree, "unplugged", ["--plugin", plugin])).result.failure, {
    kind: "hook",
    stage: "Build",
    message: "plugin rules: no",
  });
  mkdirSync(join(folder, "project"));
  writeFileSync(
    join(folder, "project/stratos-builder.yaml"),
    "hooks:\n  - {point: pre-Fetch, command: [sleep, '60'], timeout: 1}\n",
  );
  const slow = await run([...launcher, "builder", "build", tree, "-o", join(folder, "slow"), "--json"], {
    cwd: join(folder, "project"),
    env: { STRATOS_HOME: TEST_HOME },
  });
  assert.match(slow.stderr, /Fetch failed \(hook\): hook pre-Fetch \(sleep 60\) took longer than 1 s/);
});

test("settings count by their places, and say so", options, async () => {
  mkdirSync(join(folder, "config/stratos"), { recursive: true });
  writeFileSync(join(folder, "config/stratos/builder.yaml"), "include: more.yaml\nsuite: sid\nlimits: {timeout: 7}\n");
  writeFileSync(join(folder, "config/stratos/more.yaml"), "suite: bookworm\nprofiles: [nodoc]\n");
  try {
    const { stdout } = await builder(["config", "show", "--origin", "--json", "--jobs", "3"]);
    const { settings } = JSON.parse(stdout) as { settings: Record<string, { value: unknown; origin: string }> };
    assert.deepEqual(settings["suite"], { value: "sid", origin: join(folder, "config/stratos/builder.yaml") });
    assert.deepEqual(settings["profiles"], { value: ["nodoc"], origin: join(folder, "config/stratos/more.yaml") });
    assert.deepEqual(settings["jobs"], { value: 3, origin: "command line" });
    writeFileSync(join(folder, "config/stratos/more.yaml"), "siute: x\n");
    assert.match((await builder(["config", "show"])).stderr, /more\.yaml: there is no setting siute/);
  } finally {
    rmSync(join(folder, "config"), { recursive: true });
  }
});

extendedTest("verify repeats a build, and names member and offset of what differs", options, async () => {
  const first = await build(packSource(folder, writeSource(folder)), "verified");
  const info = join(
    first.output,
    readdirSync(first.output).find((name) => name.endsWith(".buildinfo"))!,
  );
  const same = await builder(["verify", info, "--source", join(folder, "sample_1.0.dsc")]);
  assert.equal(same.status, 0, same.stderr);
  assert.match(same.stdout, /^sample_1\.0_\w+\.deb: same\n$/);
  const other = packSource(join(folder), writeSource(folder, { script: "echo c0ntent >$D/usr/share/sample/file" }));
  const different = await builder(["verify", info, "--source", other]);
  assert.equal(different.status, 1);
  assert.match(
    different.stdout,
    // wide: one pattern
    /sample_1\.0_\w+\.deb: different\n(?:.*\n)*  data\.tar\.xz: \.\/usr\/share\/sample\/file: differs from byte 1 on \("c0ntent\." \/ "content\."\)\n/,
  );
});

extendedTest("a cross build is made by the host's tools, with libraries of what it is for", options, async () => {
  const host = process.arch === "riscv64" ? "arm64" : "riscv64";
  const tree = writeSource(folder, {
    name: "crossed",
    fields: "Build-Depends: zlib1g-dev, zlib1g-dev:native",
    script:
      "echo 'int main(void) { return zlibVersion() == 0; }' | $(dpkg-architecture -qDEB_HOST_GNU_TYPE)-gcc " +
      "-include zlib.h -o $D/usr/share/sample/file -x c - -lz\n" +
      "dpkg --print-foreign-architectures >$D/usr/share/sample/foreign; echo $DEB_BUILD_PROFILES >>" +
      "$D/usr/share/sample/foreign; cat $D/usr/share/sample/foreign",
  });
  const { result, status, stderr, output } = await build(tree, "crossed", ["--host", host]);
  assert.equal(status, 0, stderr);
  const deb = readdirSync(output).find((name) => name === `crossed_1.0_${host}.deb`);
  assert.ok(deb !== undefined, readdirSync(output).join(" "));
  const read = (name: string): Buffer =>
    spawnSync("tar", ["-xO", `./usr/share/sample/${name}`], {
      input: spawnSync("dpkg-deb", ["--fsys-tarfile", join(output, deb)], { timeout: 60_000 }).stdout,
      timeout: 60_000,
    }).stdout;
  assert.equal(read("file").readUInt16LE(18), host === "riscv64" ? 243 : 183, "e_machine");
  assert.equal(read("foreign").toString(), `${host}\ncross nocheck\n`);
  assert.equal(result.hostArchitecture, host);
  const all = await builder(["build", tree, "--host", "all"]);
  assert.match(all.stderr, /host: all is no machine's architecture/);
  const { stderr: refused, status: code } = await builder(["verify", join(output, `crossed_1.0_${host}.buildinfo`)]);
  assert.equal(code, 1);
  assert.match(refused, /cannot be repeated from it/);
});

/** What each of them shows a package of itself, by reprotest's names. */
const SHOWN: Readonly<Record<string, string>> = {
  environment: "env | grep -c '^CAPTURE_ENVIRONMENT=' || :",
  build_path: "pwd",
  kernel: "uname -r",
  aslr: "perl -e 'open F, q(/proc/self/personality); print hex(<F>) & 0x40000'",
  num_cpus: "nproc",
  time: "expr $(date +%s) / 8640000",
  user_group: "id -u; id -g; id -un",
  fileordering: "mkdir ../order; touch ../order/$(seq -s ' ../order/' 40); ls -U ../order",
  domain_host: "uname -n; cat /proc/sys/kernel/domainname",
  home: "echo $HOME",
  locales: "echo $LC_ALL",
  exec_path: "echo $PATH",
  timezone: "date +%z",
  umask: "umask",
};

extendedTest("reprotest varies what it says it does, each by itself", options, async () => {
  const script = Object.entries(SHOWN)
    .map(([name, command]) => `{ ${command}; } >$D/usr/share/sample/${name}`)
    .join("\n");
  const { stdout, stderr, status } = await builder(["reprotest", writeSource(folder, { script }), "--json"]);
  assert.equal(status, 1, stderr);
  const told = JSON.parse(stdout) as {
    varied: string[];
    fixed?: Record<string, string>;
    packages: { differences: { member: string; what: string }[] }[];
  };
  const differing = new Set(
    told.packages.flatMap(({ differences }) =>
      differences.map(({ member }) => /\.\/usr\/share\/sample\/(\w+)$/.exec(member)?.[1] ?? ""),
    ),
  );
  const isSingle = availableParallelism() === 1;
  const expected = told.varied.filter((name) => name !== "num_cpus" || !isSingle);
  assert.deepEqual([...differing].filter((name) => name in SHOWN).sort(), expected.sort(), stdout);
  assert.deepEqual([...told.varied, ...Object.keys(told.fixed ?? {})].sort(), Object.keys(SHOWN).sort());
});

extendedTest("reprotest finds what shows of a build's surroundings, and by which variation", options, async () => {
  const good = await builder(["reprotest", writeSource(folder)]);
  assert.equal(good.status, 0, good.stderr + good.stdout);
  const bad = await builder([
    "reprotest",
    writeSource(folder, { script: "pwd >$D/usr/share/sample/place" }),
    "--vary",
    "build_path,domain_host,umask",
    "--auto-build",
  ]);
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /\.\/usr\/share\/sample\/place: differs from byte \d+/);
  assert.match(bad.stdout, /^caused by: build_path$/m);
});

extendedTest("a disk of the host that is full is no failure of the package", options, async (context) => {
  if (process.getuid?.() !== 0) return context.skip("only root mounts here");
  const output = join(folder, "small"),
    work = join(TEST_HOME, "builder/work");
  mkdirSync(output);
  const chance = "head -c 12M /dev/urandom >$D/usr/share/sample/chance";
  for (const place of [output, work]) {
    const { stdout, stderr, status } = await run(
      [
        ...["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=8m none "$0" && exec "$@"', place],
        ...[...launcher, "builder", "build", writeSource(folder, { script: chance }), "-o", output, "--json"],
      ],
      { timeoutMs: TIMEOUT_MS, cwd: folder, env: { STRATOS_HOME: TEST_HOME, XDG_CONFIG_HOME: join(folder, "config") } },
    );
    assert.notEqual(stdout, "", stderr);
    const { failure } = JSON.parse(stdout) as BuildResult;
    assert.equal(failure?.kind, "infrastructure", JSON.stringify(failure));
    assert.match(failure.message, place === output ? /no space left/i : /the disk of .*builder was full/);
    assert.equal(failure.stage, place === output ? "Post" : "Build");
    assert.equal(status, 1);
  }
});

test("hostile sources stay inside", options, async () => {
  const secret = join(folder, "secret");
  writeFileSync(secret, "of the host");
  const script = [
    `cat ${secret} >&2 && exit 90 || :`,
    "(: </dev/tcp/192.0.2.1/80) 2>/dev/null && exit 91 || :",
    "id -u | grep -qx 0 && exit 92 || :",
    "mount -t tmpfs none /mnt 2>/dev/null && exit 93 || :",
    "(: >/etc/owned) 2>/dev/null && exit 94 || :",
    "cp /bin/id /tmp/own && chmod 4755 /tmp/own",
    "su -c true root 2>/dev/null </dev/null && exit 95 || :",
    "[ -e /proc/1/root/work ] && exit 96 || :",
    "(echo b >/proc/sysrq-trigger) 2>/dev/null && exit 97 || :",
    "kill -9 1 2>/dev/null && exit 98 || :",
  ].join("\n");
  const contained = await build(writeSource(folder, { name: "hostile", script }), "hostile");
  assert.equal(contained.status, 0, contained.stderr);
  const link = await build(
    writeSource(folder, {
      name: "linked",
      script:
        `ln -s ${secret} ../linked_1.0_$(dpkg --print-architecture).buildinfo; dpkg-gencontrol() { ` +
        '/usr/bin/dpkg-gencontrol "$@"; }',
    }),
    "linked",
  );
  assert.ok(
    !readdirSync(link.output).some((name) => readFileSync(join(link.output, name), "latin1").includes("of the host")),
  );
  // What the builder itself reads of a tree.
  const targets = [
    ["control", secret],
    ["changelog", "/dev/zero"],
  ] as const;
  for (const [name, target] of sampleOf(targets, 2)) {
    const tree = writeSource(folder, { name: "outward" });
    rmSync(join(tree, "debian", name));
    symlinkSync(target, join(tree, "debian", name));
    const { failure } = (await build(tree, "outward")).result;
    assert.match(failure?.message ?? "", new RegExp(`debian/${name}: leads out of the source's tree`));
  }
  // Archives whose members lead out: by their names, and through a link.
  const [escape, owned] = [join(folder, "owned"), `owned-${process.pid}`];
  const places = [
    ["absolute", ["-P", "--transform", `s,^outward-1.0/zz-gift,${escape},`]],
    ["upwards", ["-P", "--transform", `s,^outward-1.0/zz-gift,../../../../..${escape},`]],
    ["link", ["-P", "--transform", `s,^outward-1.0/zz-gift,outward-1.0/way/${owned},`]],
  ] as const;
  for (const [place, words] of sampleOf(places, 2)) {
    const tree = writeSource(folder, { name: "outward" });
    // The last of its members.
    writeFileSync(join(tree, "zz-gift"), "of the source");
    if (place === "link") symlinkSync(folder, join(tree, "way"));
    const packed = await build(packSource(folder, tree, "outward", words), `outward-${place}`);
    assert.ok(!existsSync(escape) && !existsSync(join(folder, owned)), place);
    assert.ok(packed.status === 0 || packed.result.failure?.stage === "Unpack", JSON.stringify(packed.result.failure));
  }
  const bomb = await build(
    writeSource(folder, { name: "bomb", script: "bomb() { bomb | bomb & sleep 5; }; bomb; wait; exit 1" }),
    "bomb",
    ["--processes", "200", "--timeout", "60"],
  );
  assert.match(bomb.result.failure?.kind ?? "", /killed|timeout/);
  const loud = await build(writeSource(folder, { name: "loud", script: "yes" }), "loud", ["--log", "4M"]);
  assert.deepEqual(
    [loud.result.failure?.kind, loud.result.failure?.message],
    ["killed", "dpkg-buildpackage: it wrote more than 4 MiB of output"],
  );
  const large = await build(
    writeSource(folder, {
      name: "large",
      script: "head -c 100G /dev/zero >/build/reproducible-path/large || exit 1",
    }),
    "large",
    ["--space", "64M"],
  );
  assert.equal(large.status, 1);
  assert.match(
    `${large.result.failure?.kind}: ${readFileSync(join(large.output, readdirSync(large.output)[0]!), "latin1")}`,
    /more than 64 MiB|File too large|File size limit exceeded/,
  );
  assert.deepEqual(remains(), []);
});

test(
  "a build that is stopped or killed leaves no process, no mount, and nothing for the next to trip over",
  options,
  async () => {
    // No other process of this host sleeps as long.
    const sleeping = `sleep ${1_000_000 + process.pid}`;
    const tree = writeSource(folder, { name: "slow", script: `echo begun; ${sleeping}` });
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const child = start([...launcher, "builder", "build", tree, "-o", join(folder, "slow-out"), "-v"], {
        cwd: folder,
        env: { STRATOS_HOME: TEST_HOME },
      });
      const closed = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
      await new Promise<void>((resolve) => {
        let text = "";
        child.stderr!.on("data", (bytes: Buffer) => {
          if ((text += bytes.toString("latin1")).includes("begun")) resolve();
        });
      });
      const builders = spawnSync("pgrep", ["-f", `builder build ${tree}`], { encoding: "utf8" })
        .stdout.trim()
        .split("\n")
        .map(Number);
      for (const pid of signal === "SIGINT" ? [child.pid!] : builders) process.kill(pid, signal);
      const status = await closed;
      if (signal === "SIGINT") assert.equal(status, 130);
      await until(`${signal} ends it all`, () => spawnSync("pgrep", ["-f", `^${sleeping}`]).status === 1);
      assert.deepEqual(
        readFileSync("/proc/self/mounts", "utf8")
          .split("\n")
          .filter((line) => line.includes("builder/work")),
        [],
      );
    }
    assert.equal((await build(writeSource(folder), "after")).status, 0);
    assert.deepEqual(remains(), []);
  },
);

extendedTest("apt decides as our own resolver does, and what it cannot have is waited for", options, async () => {
  const tree = writeSource(folder, {
    name: "judged",
    fields: "Build-Depends: gettext-base, no-such-thing [hurd-any] | make",
  });
  const names = async (resolver: string): Promise<string[]> => {
    const { stdout, stderr, status } = await builder(["why", tree, "--json", "--resolver", resolver]);
    assert.equal(status, 0, stderr);
    return (JSON.parse(stdout) as { name: string; version: string }[]).map(({ name, version }) => `${name} ${version}`);
  };
  const own = await names("stratos");
  assert.ok(own.some((name) => name.startsWith("gettext-base ")));
  assert.deepEqual((await names("apt")).sort(), own.sort());
  const unmet = await build(writeSource(folder, { name: "unmet", fields: "Build-Depends: no-such-thing" }), "unmet", [
    "--resolver",
    "apt",
  ]);
  assert.deepEqual([unmet.result.failure?.kind, unmet.result.failure?.stage], ["dependency-wait", "Install-Deps"]);
  assert.match(unmet.result.failure!.message, /apt cannot install.*\n.*no-such-thing/);
  assert.deepEqual(remains(), []);
});

extendedTest("a builder that is killed while apt is asked leaves none of its lists", options, async () => {
  const tree = writeSource(folder, { name: "asking", fields: "Build-Depends: gettext-base" });
  const child = start([...launcher, "builder", "build", tree, "-o", join(folder, "asking-out"), "--resolver", "apt"], {
    cwd: folder,
    env: { STRATOS_HOME: TEST_HOME },
  });
  try {
    const work = join(TEST_HOME, "builder/work");
    const hasLists = (): boolean =>
      existsSync(work) && readdirSync(work).some((name) => existsSync(join(work, name, "upper/build/apt/lists")));
    await until("apt is asked", hasLists, 300);
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    for (const pid of spawnSync("pgrep", ["-f", `builder build ${tree}`], { encoding: "utf8" })
      .stdout.trim()
      .split("\n"))
      process.kill(Number(pid), "SIGKILL");
    await closed;
  } finally {
    child.kill("SIGKILL");
  }
  await until("apt has ended", () => spawnSync("pgrep", ["-f", "install stratos-build-depends"]).status === 1);
  assert.equal((await build(writeSource(folder), "after-asking")).status, 0);
  assert.deepEqual(remains(), []);
});

extendedTest("layers are listed, checked and removed", options, async () => {
  const home = join(folder, "home"),
    { stdout } = await builder(["root", "ls", "--json"]);
  const layers = JSON.parse(stdout) as { key: string; kind: string; packages: string[] }[];
  assert.ok(
    layers.some(({ kind, packages }) => kind === "base" && packages.some((one) => one.startsWith("build-essential="))),
  );
  assert.deepEqual(await builder(["root", "rm", "ffff"], { env: { STRATOS_HOME: home } }), {
    stdout: "",
    stderr: "stratos: ffff: there is no such layer; `stratos builder root ls` lists them\n",
    status: 1,
  });
  const base = layers.find(({ kind }) => kind === "base")!;
  assert.match((await builder(["root", "scrub", base.key])).stdout, /: sound\n$/);
  assert.match((await builder(["root", "shell"], { stdin: "id -u; exit 5\n" })).stdout, /^0\n$/);
});

extendedTest("why tells which dependency brings a package", options, async () => {
  const tree = writeSource(folder, { fields: "Build-Depends: gettext-base" });
  assert.match((await builder(["why", tree])).stdout, /^gettext-base \S+: .*Build-Depends: gettext-base/m);
  assert.match((await builder(["why", tree, "dpkg"])).stderr, /stratos: dpkg: is part of the base/);
});
