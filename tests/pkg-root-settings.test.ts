/**
 * Changes of a folder's packages beside dpkg's and apt's rules for less usual cases. Goal: packages that disappear, and
 * what the system's apt.conf and dpkg.cfg say, come out as under apt. Method: a root made of this host's dpkg, and a
 * repository of our own.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, beforeEach } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import {
  hostArchitecture,
  makeSmallRoot,
  readInRoot,
  rootCommands,
  SampleArchive,
  smallRootObstacle,
} from "./support/sample-archive.ts";
import { rootManifest } from "./packages/root-manifest.ts";

const obstacle = smallRootObstacle();
const options = { skip: obstacle ?? false };
const folder = mkdtempSync(join(tmpdir(), "stratos-pkg-settings-"));
const root = join(folder, "root");
const env = { STRATOS_HOME: join(folder, "home"), TMPDIR: folder };
const { pkg, good } = rootCommands(root, env);
let archive: SampleArchive;

const conf = (name: string, version: string, text: string, fields = ""): Parameters<SampleArchive["offer"]>[0] => ({
  name,
  version,
  fields,
  files: { [`etc/${name}.conf`]: text },
  control: { conffiles: `/etc/${name}.conf\n` },
});

before(async () => {
  if (obstacle !== undefined || !isExtended) return;
  archive = new SampleArchive(join(folder, "archive"), hostArchitecture());
  await archive.open();
  await archive.offer(
    { name: "old-name", version: "1.0", fields: "Depends: new-name\n", files: { "usr/share/thing": "old\n" } },
    { name: "new-name", version: "1.0", files: { "usr/share/other": "1\n" } },
    {
      name: "new-name",
      version: "2.0",
      fields: "Replaces: old-name (<< 2)\n",
      files: { "usr/share/other": "2\n", "usr/share/thing": "new\n" },
    },
    { name: "fading", version: "1.0", files: { "usr/share/fading": "1\n" } },
    { name: "heir", version: "1.0", fields: "Replaces: fading\n", files: { "usr/share/fading": "2\n" } },
    conf("edited", "1.0", "one\n"),
    conf("edited", "2.0", "two\n"),
    { name: "wisher", version: "1.0", fields: "Recommends: wished\nSuggests: hinted\n" },
    { name: "wished", version: "1.0" },
    { name: "hinted", version: "1.0" },
  );
});

beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  if (obstacle === undefined) makeSmallRoot(root, archive.source);
});

after(async () => {
  await archive?.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function isAutomatic(name: string): boolean {
  return new RegExp(`^Package: ${name}$`, "m").test(readInRoot(root, "var/lib/apt/extended_states"));
}

extendedTest(
  "a package all of whose files others bring goes; who depends on it inherits that it was asked for",
  options,
  async () => {
    await good("update");
    await good("install", "old-name", "new-name=1.0");
    assert.equal(await good("list", "--names"), "new-name\nold-name\n");
    write(
      "var/lib/apt/extended_states",
      `Package: new-name\nArchitecture: ${hostArchitecture()}\nAuto-Installed: 1\n\n`,
    );
    const before = rootManifest(root);
    const told = await good("upgrade");
    assert.match(told, /^Gone, since others brought all of its files: old-name 1\.0$/m);
    assert.equal(await good("list", "--names"), "new-name\n");
    assert.equal(isAutomatic("new-name"), false);
    assert.equal(spawnSync("dpkg", ["--root", root, "--audit"], { encoding: "utf8" }).stdout, "");
    const history = JSON.parse(await good("history", "--json")) as { removed: string[] }[];
    assert.deepEqual(history.at(-1)!.removed, ["old-name 1.0"]);
    await good("rollback");
    assert.equal(rootManifest(root), before);
    // One that comes in the same change as what takes its files.
    assert.match(
      await good("install", "fading", "heir"),
      /^Gone, since others brought all of its files: fading 1\.0$/m,
    );
    assert.equal(await good("list", "--names"), "heir\nnew-name\nold-name\n");
  },
);

extendedTest(
  "questions about configuration files are answered as apt.conf or dpkg.cfg says, else what was changed stays",
  options,
  async () => {
    for (const [path, text, [now, beside]] of [
      ["etc/apt/apt.conf.d/50own", 'DPkg::Options { "--force-confnew"; };\n', ["two\n", ""]],
      ["etc/dpkg/dpkg.cfg.d/own", "force-confnew\n", ["two\n", ""]],
    ] as const) {
      rmSync(root, { recursive: true });
      makeSmallRoot(root, archive.source);
      await good("update");
      await good("install", "edited=1.0");
      write("etc/edited.conf", "mine\n");
      write(path, text);
      await good("upgrade");
      assert.deepEqual(
        [readInRoot(root, "etc/edited.conf"), readInRoot(root, "etc/edited.conf.dpkg-dist")],
        [now, beside],
        `${path}: ${text}`,
      );
    }
  },
);

extendedTest(
  "apt.conf decides what is recommended, what is needed no more and which release, and is told where it can't",
  options,
  async () => {
    await good("update");
    const comes = async (...args: string[]): Promise<string[]> =>
      (
        JSON.parse(await good("install", "--json", "--dry-run", ...args, "wisher")) as { install: { name: string }[] }
      ).install.map(({ name }) => name);
    assert.deepEqual(await comes(), ["wisher", "wished"].sort().reverse());
    write(
      "etc/apt/apt.conf.d/99own",
      'APT::Install-Recommends "false";\nAPT::AutoRemove::SuggestsImportant "false";\n',
    );
    assert.deepEqual(
      [await comes(), (await comes("--recommends")).length, (await comes("--install-recommends")).length],
      [["wisher"], 2, 2],
    );
    await good("install", "wisher");
    await good("install", "hinted", "wished");
    write(
      "var/lib/apt/extended_states",
      ["hinted", "wished"]
        .map((name) => `Package: ${name}\nArchitecture: ${hostArchitecture()}\nAuto-Installed: 1\n\n`)
        .join(""),
    );
    const unneeded = async (): Promise<string[]> =>
      (JSON.parse(await good("autoremove", "--json", "--dry-run")) as { remove: { name: string }[] }).remove.map(
        ({ name }) => name,
      );
    assert.deepEqual(await unneeded(), ["hinted"]);
    write("etc/apt/apt.conf", 'APT::NeverAutoRemove:: "^hint";\n');
    assert.deepEqual(await unneeded(), []);
    write("etc/apt/apt.conf", 'DPkg::Post-Invoke { "etckeeper"; };\n');
    const told = await pkg("install", "--dry-run", "wished");
    assert.deepEqual(
      [
        told.status,
        /^stratos: apt\.conf of the system: DPkg::Post-Invoke \(.*\): has no effect here$/m.test(told.stderr),
      ],
      [0, true],
      told.stderr,
    );
    write("etc/apt/apt.conf", 'APT::Install-Recommends "false"\n');
    const bad = await pkg("install", "--dry-run", "wished");
    assert.deepEqual(
      [bad.status, /etc\/apt\/apt\.conf: line 1: APT::Install-Recommends does not end with ;/.test(bad.stderr)],
      [1, true],
      bad.stderr,
    );
  },
);
