/**
 * Every format that a compose writes. Goal: composed on another day, in another folder and time zone, in other company
 * and order, from an empty store, each is the same to the last byte; and a package or an index that is not what was
 * signed is refused by name. The archive is a small one of this test's own.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sampleOf } from "@stratos/base/testing";
import { OUTPUT_FORMATS } from "@stratos/compose";
import { SampleArchive } from "./support/sample-archive.ts";
import { launcher, repository, run, type Result } from "./support/stratos.ts";

const OTHER_DAY = join(repository, "tests/support/other-day.mjs");
/** An OVA is for amd64 and arm64 alone (packages/cli/src/commands/disk-output.test.ts). */
const FORMATS = [
  "stratos",
  ...sampleOf(
    OUTPUT_FORMATS.filter((format) => format !== "ova" && format !== "stratos"),
    4,
  ),
];
const DISKS: readonly string[] = ["raw", "qcow2", "vmdk", "vhd", "vhd-fixed"];
let folder = "",
  treefile = "";
let archive: SampleArchive;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratos-formats-test-"));
  archive = new SampleArchive(join(folder, "archive"), "riscv64");
  await archive.open();
  await archive.offer(
    {
      name: "tool",
      version: "1.0",
      fields: "Depends: library\n",
      files: { "usr/bin/tool": "tool\n", "usr/share/doc/tool/news": "news\n".repeat(5000), "etc/tool.conf": "a=1\n" },
      control: { conffiles: "/etc/tool.conf\n" },
    },
    { name: "library", version: "2.0-1", files: { "usr/lib/library": "library\n" } },
    // What disks and media boot is only there to be laid out here; conformance/boot.ts boots real ones.
    {
      name: "kernel",
      version: "6.1",
      files: {
        "boot/vmlinuz-6.1-test": "kernel\n".repeat(1000),
        "boot/initrd.img-6.1-test": "initrd\n".repeat(1000),
        "usr/lib/modules/6.1-test/modules.dep": "",
        "usr/bin/busybox": "#!/bin/true\n",
        "usr/lib/systemd/boot/efi/systemd-bootriscv64.efi": "MZ".repeat(500),
      },
    },
  );
  treefile = join(folder, "formats.yaml");
  const outputs = FORMATS.map(
    (format) =>
      `  ${format}: {format: ${format}` +
      `${
        format === "stratos"
          ? ", image: formats"
          : DISKS.includes(format)
            ? `, size: 256M, bootloader: systemd-boot${format === "vhd-fixed" ? ", filename: fixed.vhd" : ""}`
            : format === "iso"
              ? ", bootloader: systemd-boot"
              : ""
      }}`,
  );
  writeFileSync(
    treefile,
    `name: formats\nversion: "1"\narchitectures: [riscv64]\nbase: none\nmirror: ${archive.url}\nsuite: own\n` +
      `repositories: {own: {uri: "${archive.url}", suite: own, keyring: archive/repository/archive-key.gpg}}\n` +
      `packages: [tool, kernel]\nfiles: {/etc/motd: {content: "hello\\n"}}\noutputs:\n${outputs.join("\n")}\n`,
  );
});
after(async () => {
  await archive.close();
  rmSync(folder, { recursive: true, force: true });
});

function compose(
  home: string,
  output: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Result> {
  mkdirSync(join(folder, home), { recursive: true });
  return run([...launcher, "compose", "run", treefile, "-o", join(folder, output), ...args], {
    env: { STRATOS_HOME: join(folder, home), ...env },
  });
}

/** All below a folder: names, kinds, modes, contents, targets, device numbers, times. */
function contents(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string, isOfTree: boolean): void => {
    for (const name of readdirSync(join(root, path)).sort()) {
      const at = path === "" ? name : `${path}/${name}`,
        stat = lstatSync(join(root, at));
      const what = stat.isSymbolicLink()
        ? readlinkSync(join(root, at))
        : stat.isFile()
          ? createHash("sha256")
              .update(readFileSync(join(root, at)))
              .digest("hex")
          : String(stat.rdev);
      // Times of files that a compose writes are those of the day; those of a root are the image's.
      found.set(at, `${stat.mode.toString(8)} ${what}${isOfTree ? ` ${stat.mtimeMs}` : ""}`);
      if (stat.isDirectory()) visit(at, isOfTree || at.startsWith("formats-default-riscv64"));
    }
  };
  visit("", false);
  return found;
}

test("every format is the same on another day, in another folder, time zone and order", async () => {
  const one = await compose("home", "one", ["--lock", join(folder, "lock.json")]);
  assert.equal(one.status, 0, one.stderr);
  const two = await compose(
    "elsewhere/deeper/home",
    "elsewhere/two",
    ["--lock", join(folder, "lock.json"), "--locked", "--sequential"],
    {
      NODE_OPTIONS: `--import ${OTHER_DAY}`,
      STRATOS_TEST_DAYS_AHEAD: "400",
      TZ: "Pacific/Kiritimati",
      LC_ALL: "C",
      HOME: join(folder, "elsewhere"),
    },
  );
  assert.equal(two.status, 0, two.stderr);
  const first = contents(join(folder, "one")),
    second = contents(join(folder, "elsewhere/two"));
  assert.deepEqual(
    [...first].filter(([path, what]) => second.get(path) !== what).map(([path]) => path),
    [],
  );
  assert.deepEqual(
    [...second.keys()].filter((path) => !first.has(path)),
    [],
  );
  const info = JSON.parse(readFileSync(join(folder, "one/composeinfo.json"), "utf8")) as {
    images: { artifacts: { format: string }[] }[];
  };
  assert.deepEqual(
    [...new Set(info.images[0]!.artifacts.map(({ format }) => format))].sort(),
    [...FORMATS].sort(),
    "none was left out",
  );
  const digestOf = async (home: string): Promise<string> =>
    (
      await run([...launcher, "image", "export", "formats"], {
        env: { STRATOS_HOME: join(folder, home) },
      })
    ).stdout;
  const image = await digestOf("home");
  assert.ok(image.length > 1000);
  assert.equal(image, await digestOf("elsewhere/deeper/home"));
});

test("the clock of the other day is another", async () => {
  const { stdout } = await run(
    [
      process.execPath,
      "--import",
      OTHER_DAY,
      "-p",
      "[Date.now(), new Date().getTime()].map((time) => Math.round((time - performance.timeOrigin) / 86400000)).join()",
    ],
    { env: { STRATOS_TEST_DAYS_AHEAD: "400" } },
  );
  assert.equal(stdout, "400,400\n");
});

test("a package, and an index, that is not what was signed is refused by name", async () => {
  const pool = join(folder, "archive/repository/pool"),
    debs = readdirSync(pool, { recursive: true, encoding: "utf8" });
  const path = join(
      pool,
      debs.find((name) => name.endsWith("tool_1.0_all.deb"))!,
    ),
    bytes = readFileSync(path);
  const damaged = Uint8Array.from(bytes);
  damaged[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(path, damaged);
  const refused = await compose("damaged", "three", ["--lock", join(folder, "lock.json"), "--locked"]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /gather default\/riscv64: failed: .*tool_1\.0_all\.deb/);
  writeFileSync(path, bytes);

  const release = join(folder, "archive/repository/dists/own/InRelease"),
    text = readFileSync(release, "latin1");
  const changed = text.replace(/^Codename: .*$/m, "Codename: evil");
  assert.notEqual(changed, text);
  writeFileSync(release, changed, "latin1");
  const forged = await compose("forged", "four", ["--lock", join(folder, "none.json")]);
  assert.equal(forged.status, 1);
  assert.match(forged.stderr, /gather default\/riscv64: failed: .*(InRelease|own).*signature/i);
  writeFileSync(release, text, "latin1");
});

test("what a plugin refuses last is not told as made", async () => {
  const plugin = join(folder, "refuses.mjs"),
    own = join(folder, "refused.yaml");
  writeFileSync(
    plugin,
    'export default { contract: 1, image: ({ point }) => (point === "after-outputs" ? { refuse: "not today" } : {}) };',
  );
  writeFileSync(own, readFileSync(treefile, "utf8").replace(/outputs:[^]*$/, "outputs: {t: {format: tar}}\n"));
  const { status, stdout, stderr } = await run(
    [...launcher, "compose", "run", own, "-o", join(folder, "refused"), "--plugin", plugin],
    { env: { STRATOS_HOME: join(folder, "home") } },
  );
  assert.equal(status, 1, stdout);
  assert.match(stderr, /not today/);
  assert.equal(stdout, "");
  assert.ok(
    readdirSync(join(folder, "refused")).some((name) => name.endsWith(".tar")),
    "it stays where it is",
  );
});
