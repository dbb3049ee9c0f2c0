/**
 * Packages of a system in a folder, through the command line. Goal: after each change the folder's own dpkg is content
 * and files are where they belong; what fails or is interrupted leaves the folder as it was; every change can be taken
 * back, to the last file. Method: a root made of this host's dpkg, and a repository of our own whose packages do what
 * real ones do.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { crashOperation, crashRounds, offerCrashSamples } from "./packages/crash-rounds.ts";
import { rootManifest } from "./packages/root-manifest.ts";
import {
  hostArchitecture,
  makeSmallRoot,
  readInRoot,
  rootCommands,
  SampleArchive,
  script,
  smallRootObstacle,
} from "./support/sample-archive.ts";
import { extendedTest, sampleCount } from "@stratos/base/testing";
import { stratos } from "./support/stratos.ts";

const obstacle = smallRootObstacle();
const options = { skip: obstacle ?? false };
const folder = mkdtempSync(join(tmpdir(), "stratos-pkg-root-"));
const root = join(folder, "root");
const env = { STRATOS_HOME: join(folder, "home"), TMPDIR: folder };
const { pkg, good } = rootCommands(root, env);
let archive: SampleArchive;

before(async () => {
  if (obstacle !== undefined) return;
  archive = new SampleArchive(join(folder, "archive"), hostArchitecture());
  await archive.open();
  await archive.offer(
    { name: "lib-sample", version: "1.0", files: { "usr/share/lib-sample/version": "1.0\n" } },
    {
      name: "sample",
      version: "1.0",
      fields: "Depends: lib-sample (>= 1.0)\nRecommends: sample-doc\n",
      files: { "etc/sample.conf": "colour = blue\n", "usr/share/sample/version": "1.0\n" },
      control: {
        conffiles: "/etc/sample.conf\n",
        preinst: script('echo "preinst $*" >> /var/lib/sample.log'),
        postinst: script('test -e /usr/share/lib-sample/version\necho "postinst $*" >> /var/lib/sample.log'),
        postrm: script('[ "$1" != purge ] || rm -f /var/lib/sample.log'),
      },
    },
    { name: "sample-doc", version: "1.0" },
    {
      name: "watcher",
      version: "1.0",
      control: {
        triggers: "interest-noawait /usr/share/sample\n",
        postinst: script('[ "$1" != triggered ] || echo "triggered $2" >> /var/lib/watcher.log'),
      },
    },
  );
  makeSmallRoot(root, archive.source);
});

after(async () => {
  await archive?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the root's own dpkg finds wrong. */
function audit(): string {
  const { stdout, stderr } = spawnSync("dpkg", ["--root", root, "--audit"], { encoding: "utf8" });
  return stdout + stderr;
}

test(
  "packages come with what they need, configured and triggered; they go with their configuration; each change " +
    "can be taken back",
  options,
  async () => {
    const empty = rootManifest(root);
    await good("update");
    await good("install", "sample", "watcher");
    assert.equal(readInRoot(root, "var/lib/sample.log"), "preinst install\npostinst configure \n");
    assert.deepEqual(
      [readInRoot(root, "etc/sample.conf"), readInRoot(root, "usr/share/lib-sample/version"), audit()],
      ["colour = blue\n", "1.0\n", ""],
    );
    assert.match(readInRoot(root, "var/lib/apt/extended_states"), /Package: lib-sample\n.*\nAuto-Installed: 1\n/);
    assert.equal(await good("list", "--names"), "lib-sample\nsample\nsample-doc\nwatcher\n");
    const installed = rootManifest(root);
    await good("purge", "sample", "--autoremove");
    assert.equal(await good("list", "--names"), "watcher\n");
    assert.deepEqual(
      [readInRoot(root, "etc/sample.conf"), readInRoot(root, "var/lib/sample.log"), audit()],
      ["", "", ""],
    );
    const history = JSON.parse(await good("history", "--json")) as { id: number; command: string; removed: string[] }[];
    assert.deepEqual(
      history.map((one) => one.command),
      ["pkg install sample watcher", "pkg purge sample"],
    );
    assert.deepEqual(history[1]!.removed.sort(), ["lib-sample 1.0", "sample 1.0", "sample-doc 1.0"]);
    await good("rollback");
    assert.equal(rootManifest(root), installed);
    await good("rollback", String(history[0]!.id));
    assert.equal(rootManifest(root), empty);
    assert.match((await pkg("rollback")).stderr, /there is no change to take back/);
  },
);

extendedTest(
  "an upgrade keeps configuration that was changed here and leaves held packages; a script that fails leaves all " +
    "as it was",
  options,
  async () => {
    await good("install", "--no-recommends", "sample", "watcher");
    writeFileSync(join(root, "etc/sample.conf"), "colour = green\n");
    await archive.offer(
      { name: "lib-sample", version: "2.0", files: { "usr/share/lib-sample/version": "2.0\n" } },
      {
        name: "sample",
        version: "2.0",
        fields: "Depends: lib-sample (>= 2.0)\n",
        files: { "etc/sample.conf": "colour = red\n", "usr/share/sample/version": "2.0\n" },
        control: { conffiles: "/etc/sample.conf\n" },
      },
    );
    assert.match(await good("update"), /^2 packages can be upgraded/);
    await good("hold", "lib-sample");
    assert.match(
      spawnSync("dpkg", ["--root", root, "--get-selections", "lib-sample"], { encoding: "utf8" }).stdout,
      /hold/,
    );
    assert.match(await good("upgrade", "--dry-run"), /Nothing to do\.\nKept back: .*sample/);
    await good("unhold", "lib-sample");
    await good("upgrade");
    assert.deepEqual(
      ["etc/sample.conf", "etc/sample.conf.dpkg-dist", "usr/share/sample/version", "var/lib/watcher.log"].map((path) =>
        readInRoot(root, path),
      ),
      ["colour = green\n", "colour = red\n", "2.0\n", "triggered /usr/share/sample\n"],
    );
    await archive.offer({
      name: "sample",
      version: "3.0",
      control: { postinst: script("echo broken on purpose >&2\nexit 3") },
    });
    await good("update");
    const before = [rootManifest(root), await good("history", "--json")];
    const failed = await pkg("upgrade");
    assert.deepEqual(
      [failed.status, /the folder is as it was: [^]*broken on purpose/.test(failed.stderr)],
      [1, true],
      failed.stderr,
    );
    assert.deepEqual([rootManifest(root), await good("history", "--json")], before);
    await archive.withdraw("sample", "3.0");
  },
);

extendedTest("what apt's users type means what it means to apt, or says what it is called here", options, async () => {
  await archive.offer({ name: "loud", version: "1.0", fields: "Recommends: sample-doc\n" });
  await good("update");
  const comes = async (...args: string[]): Promise<string[]> =>
    (JSON.parse(await good("install", "--json", ...args, "loud")) as { install: { name: string }[] }).install.map(
      ({ name }) => name,
    );
  assert.deepEqual(
    [await comes("-s", "-y"), await comes("--simulate", "--yes", "--no-install-recommends")],
    [["loud", "sample-doc"], ["loud"]],
  );
  assert.equal(await good("list", "--names"), "lib-sample\nsample\nwatcher\n");
  await archive.withdraw("loud", "1.0");
  for (const [word, meant] of [
    ["dist-upgrade", "upgrade --full"],
    ["policy", "show --all-versions"],
  ] as const) {
    const result = await pkg(word);
    assert.deepEqual(
      [result.status, result.stderr],
      [2, `stratos: ${word}: unknown command; here it is \`stratos pkg ${meant}\`\n`],
    );
  }
  await good("download", "-o", folder, "watcher:all", "sample/own", "lib-sample=2.0");
  const other = await pkg("download", "-o", folder, "watcher/other");
  assert.match(other.stderr, /watcher\/other: there is only 1\.0 for all of own/);
});

extendedTest("what makes no sense is refused before anything is done", options, async () => {
  for (const [args, status, why] of [
    [["install", "--image", "x", "sample"], 2, /--image: is for images/],
    [["install", "--to", "x", "sample"], 2, /--to: is for images/],
    [["rollback", "--save", "x"], 2, /--save: is for images/],
  ] as const) {
    const result = await pkg(...args);
    assert.deepEqual([result.status, why.test(result.stderr)], [status, true], result.stderr);
  }
  const own = await stratos(["pkg", "remove", "--root", "/", "dpkg"], { env });
  assert.deepEqual([own.status, /the host's own system/.test(own.stderr)], [1, true], own.stderr);
  const none = await stratos(["pkg", "install", "--root", join(folder, "nowhere"), "sample"], { env });
  assert.deepEqual([none.status, /no such folder/.test(none.stderr)], [1, true], none.stderr);
  const lured = join(folder, "lured");
  makeSmallRoot(lured, archive.source);
  rmSync(join(lured, "var/lib/apt"), { recursive: true });
  symlinkSync(folder, join(lured, "var/lib/apt"));
  const elsewhere = await stratos(["pkg", "install", "--root", lured, "sample"], { env });
  assert.deepEqual(
    [elsewhere.status, /\/var\/lib\/apt is a symbolic link/.test(elsewhere.stderr)],
    [1, true],
    elsewhere.stderr,
  );
  const foreign = await stratos(["pkg", "install", "--image", "x", "--runner", "native", "sample"], { env });
  assert.equal(foreign.status, 2);
});

const ROUNDS = sampleCount(6, 0.17);

extendedTest(
  "killed at random moments, an installation leaves the folder as it was or as it should be, no process and no mount",
  options,
  async () => {
    const crashed = join(folder, "crashed");
    await offerCrashSamples(archive);
    makeSmallRoot(crashed, archive.source);
    const { rounds, failures } = await crashRounds({
      place: { kind: "root", root: crashed },
      operation: crashOperation("install", "root", ""),
      rounds: ROUNDS,
      seed: 1,
      folder,
      env,
    });
    assert.deepEqual([rounds, failures], [ROUNDS, []]);
  },
);
