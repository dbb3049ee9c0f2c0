/**
 * Composing from the command line. Goal: the sample trees are sound; the minimal one becomes an image that runs in
 * Stratos, its scripts having run inside Stratos; made again from its provenance, by the native runner, it is the same;
 * a second compose makes nothing again. What is downloaded stays in the tests' cache.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { ensureJudge } from "./support/judge.ts";
import { launcher, repository, run, start, type Result, type RunInput } from "./support/stratos.ts";
import { TEST_HOME } from "./support/test-image.ts";

const SAMPLES = ["minimal.yaml", "server.yaml", "development.yaml", "container.yaml", "bootc.toml", "edge.yaml"].map(
  (name) => join(repository, "images", name),
);
const TIMEOUT_MS = 20 * 60_000;
/** What a treefile without architectures is composed for. */
const NATIVE = { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? "riscv64";
let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "stratos-compose-test-"));
  mkdirSync(join(TEST_HOME, "downloads"), { recursive: true });
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A home of its own, so that nothing is kept from before, with the downloads of all tests. */
function newHome(name: string): string {
  const home = join(folder, name);
  mkdirSync(home);
  symlinkSync(join(TEST_HOME, "downloads"), join(home, "downloads"));
  return home;
}

function compose(home: string, args: readonly string[], input: RunInput = {}): Promise<Result> {
  return run([...launcher, "compose", ...args], {
    timeoutMs: TIMEOUT_MS,
    ...input,
    env: { STRATOS_HOME: home, ...input.env },
  });
}

test("the sample trees are sound, and each image's merged tree reads back equal", async () => {
  const home = newHome("samples");
  const { status, stdout, stderr } = await compose(home, ["validate", "--json", ...SAMPLES]);
  assert.equal(status, 0, stderr);
  const { images } = JSON.parse(stdout) as { images: { file: string; variant: string; architecture: string }[] };
  assert.deepEqual([...new Set(images.map(({ architecture }) => architecture))].sort(), ["amd64", "riscv64"]);
  for (const { file, variant } of images.filter(
    ({ file, architecture }) => architecture === "riscv64" && /(minimal|bootc)\./.test(file),
  )) {
    const first = await compose(home, ["export", file, "--variant", variant, "--arch", "riscv64"]);
    assert.equal(first.status, 0, first.stderr);
    const again = join(folder, "again.yaml");
    writeFileSync(again, Buffer.from(first.stdout, "latin1"));
    assert.equal((await compose(home, ["export", again])).stdout, first.stdout);
  }
});

test("what is wrong with a treefile is told with its place, and the status is 1", async () => {
  const file = join(folder, "bad.yaml");
  writeFileSync(file, "name: x\npackges: [a]\n");
  assert.deepEqual(await compose(newHome("bad"), ["run", file]), {
    stdout: "",
    stderr: `stratos: ${file}:2:1: packges: unknown key; did you mean packages?\n`,
    status: 1,
  });
  const warned = await compose(newHome("warned"), ["validate", file, "--unknown-keys", "warn"]);
  assert.deepEqual(warned, {
    stdout: `${file}: valid: default/${NATIVE}\n`,
    stderr: `stratos: warning: ${file}:2:1: packges: unknown key; did you mean packages?\n`,
    status: 0,
  });
  writeFileSync(
    file,
    "name: x\nfiles:\n  /etc/motd: {source: absent}\n" +
      "outputs: {a: {format: tar, filename: r.tar}, b: {format: tar, filename: r.tar}}\n",
  );
  const absent = `stratos: ${file}:3:15: files."/etc/motd".source: there is no file absent beside the treefile\n`;
  for (const verb of ["plan", "run"])
    assert.deepEqual(
      await compose(newHome(`absent-${verb}`), [verb, file]),
      { stdout: "", stderr: absent, status: 1 },
      verb,
    );
  // All that is wrong at once.
  const { stderr: both, status: invalid } = await compose(newHome("absent-validate"), ["validate", file]);
  assert.ok(both.startsWith(absent) && both.split("\n").length === 3, both);
  assert.equal(invalid, 1);
  writeFileSync(file, readFileSync(file, "utf8").replace("source: absent", "source: .") + "overlay: [bad.yaml]\n");
  const { stderr: kinds } = await compose(newHome("other-kinds"), ["validate", file]);
  assert.match(kinds, /:3:15: files\."\/etc\/motd"\.source: \. is a folder, where a file is expected\n/);
  assert.match(kinds, /:5:1: overlay: bad\.yaml is a file, where a folder is expected\n/);
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace("{source: .}", "{content: here}").replace("overlay: [bad.yaml]\n", ""),
  );
  for (const verb of ["validate", "plan", "run"]) {
    const { stderr, status } = await compose(newHome(`twice-${verb}`), [verb, file]);
    assert.equal(status, 1);
    assert.ok(
      stderr.includes(
        `bad.yaml:4:46: outputs.b: would be r.tar of default/${NATIVE}, as outputs.a of default/${NATIVE} is; ` +
          "give one a filename of its own",
      ),
      `${verb}: ${stderr}`,
    );
  }
  writeFileSync(
    file,
    "name: x\nvariants:\n  a: {phases: {build: {after: [b/build]}}}\n  b: {phases: {build: {after: [a/build]}}}\n" +
      "architectures: [riscv64]\n",
  );
  for (const verb of ["validate", "plan"]) {
    const { stderr, status } = await compose(newHome(`circle-${verb}`), [verb, file]);
    assert.deepEqual(
      [Buffer.from(stderr, "latin1").toString("utf8"), status],
      [
        `stratos: ${file}:3:24: variants.a.phases.build.after: phases wait for each other in a circle: build ` +
          "a/riscv64 → build b/riscv64 → build a/riscv64\n",
        1,
      ],
    );
  }
});

test(
  "the minimal sample is composed inside Stratos, and runs there",
  {
    timeout: 2 * TIMEOUT_MS,
  },
  async () => {
    const tree = join(folder, "tree.yaml");
    writeFileSync(
      tree,
      `include: [${SAMPLES[0]!}]\narchitectures: ["-*", riscv64]\nhostname: composed\nusers: {op: {uid: 1234}}\n` +
        "outputs:\n  root: {compression: none}\n  image: {format: stratos, image: composed}\n",
    );
    const home = newHome("stratos");
    const first = await compose(home, ["run", tree, "--runner", "stratos", "-o", join(folder, "one"), "--json"]);
    assert.equal(first.status, 0, first.stderr);
    const info = JSON.parse(first.stdout) as {
      status: string;
      images: { packages: number; artifacts: { path: string; sha256: string }[] }[];
    };
    assert.equal(info.status, "finished");
    const digest = info.images[0]!.artifacts[0]!.sha256;
    assert.deepEqual(readdirSync(join(folder, "one")).sort(), [
      "SHA256SUMS",
      "composeinfo.json",
      "minimal-default-riscv64.provenance.json",
      "minimal-default-riscv64.spdx.json",
      "minimal-default-riscv64.tar",
    ]);
    assert.equal(readFileSync(join(folder, "one", "SHA256SUMS"), "utf8"), `${digest}  minimal-default-riscv64.tar\n`);

    const inside = await run(
      [
        ...launcher,
        "run",
        "-i",
        "composed",
        "--",
        "sh",
        "-c",
        "cat /etc/hostname; id op; dpkg --audit; dpkg-query -f '${db:Status-Status}\\n' -W | sort | uniq -c",
      ],
      { env: { STRATOS_HOME: home }, timeoutMs: TIMEOUT_MS },
    );
    assert.equal(inside.stderr, "");
    assert.equal(
      inside.stdout.replace(/ +/g, " "),
      `composed\nuid=1234(op) gid=1234(op) groups=1234(op)\n ${info.images[0]!.packages} installed\n`,
    );

    if (!isExtended) return;
    const again = await compose(home, ["run", tree, "--runner", "stratos", "-o", join(folder, "one"), "--locked"]);
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stdout, new RegExp(`^${digest}  minimal-default-riscv64\\.tar`));
    assert.match(again.stderr, /stage essential, \d+ packages, kept/);
  },
);

extendedTest("… and natively, made again from its provenance", { timeout: 2 * TIMEOUT_MS }, async () => {
  ensureJudge();
  const [one, two] = ["one", "two"].map((name) => join(folder, name)) as [string, string];
  const home = newHome("native");
  const rebuilt = await compose(home, ["rebuild", one, "--runner", "native", "-o", two, "--json"]);
  assert.equal(rebuilt.status, 0, rebuilt.stderr);
  const comparisons = JSON.parse(rebuilt.stdout) as { path: string; found: string; isSame: boolean }[];
  assert.deepEqual(
    comparisons.map(({ path, isSame }) => [path, isSame]),
    [
      ["minimal-default-riscv64.tar", true],
      ["composed", true],
    ],
    "both runners give the same bytes",
  );
  assert.deepEqual(await compose(home, ["diff", one, two]), { stdout: "", stderr: "", status: 0 });
});

extendedTest(
  "a compose that is interrupted leaves nothing; what differs between two is told",
  { timeout: TIMEOUT_MS },
  async () => {
    const tree = join(folder, "tree.yaml");
    const home = join(folder, "stratos");
    // Interrupted within a script that does not end: nothing of it is left, and the next compose is whole.
    const endless = join(folder, "endless.yaml");
    writeFileSync(endless, `${readFileSync(tree, "utf8")}scripts: ["while :; do :; done"]\n`);
    const child = start(
      [
        ...launcher,
        "compose",
        "run",
        endless,
        "--runner",
        "stratos",
        "-o",
        join(folder, "endless"),
        "--lock",
        join(folder, "tree.lock.json"),
        "--locked",
      ],
      { env: { STRATOS_HOME: home } },
    );
    const ended = new Promise((resolve) => child.on("close", resolve));
    await new Promise<void>((resolve) =>
      child.stderr!.on("data", (piece: Buffer) => {
        if (piece.toString().includes("stage essential")) setTimeout(resolve, 3000);
      }),
    );
    child.kill("SIGINT");
    assert.equal(await ended, 130);
    assert.deepEqual(readdirSync(join(folder, "endless")), ["composeinfo.json"]);
    assert.equal(
      (JSON.parse(readFileSync(join(folder, "endless", "composeinfo.json"), "utf8")) as { status: string }).status,
      "failed",
    );
    assert.deepEqual(
      readdirSync(join(home, "compose")).filter((name) => name.startsWith("work-")),
      [],
    );

    writeFileSync(tree, readFileSync(tree, "utf8").replace("hostname: composed", "hostname: renamed"));
    assert.equal(
      (
        await compose(home, [
          "run",
          tree,
          "--runner",
          "stratos",
          "-o",
          join(folder, "three"),
          "--sequential",
          "--skip-phase",
          "* image",
        ])
      ).status,
      0,
    );
    const { stdout, status } = await compose(home, [
      "diff",
      "--files",
      join(folder, "one"),
      join(folder, "three"),
      "--json",
    ]);
    assert.equal(status, 1);
    const [difference] = JSON.parse(stdout) as {
      packages: unknown[];
      config: unknown[];
      files: { path: string; what: string[] }[];
    }[];
    assert.deepEqual(difference!.packages, []);
    assert.deepEqual(difference!.config, [{ key: "hostname", before: "composed", after: "renamed" }]);
    assert.deepEqual(
      difference!.files.map(({ path, what }) => [path, what]),
      [
        ["etc/hostname", ["content"]],
        ["etc/hosts", ["content"]],
      ],
    );
  },
);
