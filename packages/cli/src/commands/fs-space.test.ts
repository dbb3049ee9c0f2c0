/**
 * Goal: how content is kept, from the command line: compression, deduplication, defragmentation, tiers. Method: volumes
 * in real files, and what `df` says of them.
 */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { testFolder } from "../testing/test-folder.ts";
import { runCommand } from "../testing/run-command.ts";

let folder: string, volume: string, source: string;
const works = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await runCommand("fs", ...args);
  assert.equal(`${stderr}${status}`, "0", args.join(" "));
  return stdout;
};
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await works(...args, "--json")) as T;
const fails = async (message: RegExp, ...args: string[]): Promise<void> => {
  const { status, stderr } = await runCommand("fs", ...args);
  assert.ok(status === 1 || status === 2, `status ${status}`);
  assert.match(stderr, message);
};

before(() => {
  folder = testFolder("stratos-fs-space");
  volume = join(folder, "v");
  source = join(folder, "source");
  writeFileSync(source, Buffer.from("one line of many that are much alike\n".repeat(60_000)));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("a folder's properties hold for what comes into it, and defrag applies them to what is there", async () => {
  await works("format", volume, "--size", "64M");
  await works("cp", source, `${volume}:/plain`);
  await works("mkdir", `${volume}:/packed`);
  await works("property", `${volume}:/packed`, "--compress", "zstd:3", "--dedupe", "on");
  await works("cp", source, `${volume}:/packed/file`);
  const [shown] = await json<{ compression: string; dedupe: string; tier: string; own: { tier: string } }[]>(
    "property",
    `${volume}:/packed/file`,
  );
  assert.deepEqual(
    [shown!.compression, shown!.dedupe, shown!.tier, shown!.own.tier],
    ["zstd:3", "on", "any", "inherit"],
  );
  const [packed] = await json<{ bytes: number; storedBytes: number }[]>("defrag", `${volume}:/packed/file`, "-n");
  assert.ok(packed!.storedBytes * 5 < packed!.bytes, JSON.stringify(packed));
  const [plain] = await json<{ bytes: number; storedBytes: number }[]>("defrag", `${volume}:/plain`, "-n");
  assert.equal(plain!.storedBytes, plain!.bytes);
  await works("property", `${volume}:/plain`, "--compress", "lz4:9");
  const [after] = await json<{ bytes: number; storedBytes: number; runs: number }[]>("defrag", `${volume}:/plain`);
  assert.ok(after!.storedBytes * 5 < after!.bytes, JSON.stringify(after));
  assert.equal(await works("cat", `${volume}:/plain`), await works("cat", `${volume}:/packed/file`));
  assert.match(await works("check", volume), /clean/);
  for (const codec of ["rar", "none:1", "lz4:13", "zstd:20"])
    await fails(/expected none, lz4, zstd/, "property", `${volume}:/plain`, "--compress", codec);
  await fails(/is no file; --recursive/, "defrag", `${volume}:/packed`);
});

test("dedupe shows what it would share, then shares it", async () => {
  await works("format", volume, "--force", "--size", "64M");
  for (const name of ["a", "b", "c"]) await works("cp", source, `${volume}:/${name}`);
  const plan = await json<{ duplicateBytes: number; freedBytes: number }>("dedupe", volume, "-n");
  assert.ok(plan.duplicateBytes > 4_000_000 && plan.freedBytes === 0, JSON.stringify(plan));
  const result = await json<{ freedBytes: number }>("dedupe", volume);
  assert.ok(result.freedBytes > 4_000_000, JSON.stringify(result));
  assert.match(await works("check", volume), /clean/);
  assert.equal(await works("cat", `${volume}:/c`), await works("cat", `${volume}:/a`));
});

test("files are pinned to tiers and moved there", async () => {
  const [fast, slow] = [join(folder, "fast"), join(folder, "slow")];
  await works("format", fast, "--size", "32M");
  await fails(/no fast and slow devices/, "tier", "migrate", fast);
  writeFileSync(slow, Buffer.alloc(64 << 20));
  await works("device", "add", fast, slow, "--slow");
  const both = `${fast},${slow}`;
  const [space] = await json<{ usedBytes: number }[]>("df", both);
  assert.ok(space!.usedBytes < 1_000_000, `${space!.usedBytes} bytes of an empty volume on two devices are in use`);
  await fails(/an AegisFS volume \(\d{1,2} blocks of 4 KiB in use\)/, "format", fast, slow);
  for (const name of ["hot", "cold"]) await works("cp", source, `${both}:/${name}`);
  await works("tier", "pin", `${both}:/cold`, "slow");
  const plan = await json<{ files: number; toSlowBytes: number }>("tier", "migrate", both, "-n");
  assert.equal(plan.files, 1);
  assert.ok(plan.toSlowBytes > 2_000_000);
  await works("tier", "migrate", both);
  const { files } = await json<{ files: { path: string; tier: string; fastBytes: number; slowBytes: number }[] }>(
    "tier",
    "status",
    both,
  );
  assert.deepEqual(
    files.map(({ path, tier, fastBytes, slowBytes }) => [path, tier, fastBytes > 0, slowBytes > 0]).sort(),
    [
      ["/cold", "slow", false, true],
      ["/hot", "inherit", true, false],
    ],
  );
  assert.match(await works("tier", "status", both), /^fast: .*\nslow: .*\n\nHEAT/);
  assert.match(await works("check", both), /clean/);
});

test("a volume grows and shrinks by so much", async () => {
  const own = join(folder, "by-so-much");
  await works("format", own, "-s", "64M");
  const size = async (): Promise<number> => (await json<{ sizeBytes: number }[]>("df", own))[0]!.sizeBytes / 2 ** 20;
  await works("resize", own, "+32M");
  assert.equal(await size(), 96);
  assert.match(await works("resize", own, "-16M", "--dry-run"), /would change from 96M to 80M/);
  await works("resize", own, "-16M");
  assert.equal(await size(), 80);
  for (const wrong of ["--bogus", "+x"])
    assert.notEqual((await runCommand("fs", "resize", own, wrong)).status, 0, wrong);
  for (const [wrong, why] of [
    ["1M", "it cannot have 1M, since it needs at least 4M"],
    ["0", "it cannot have 0, since it needs at least 4M"],
    ["-78M", "it cannot shrink by 78M, since it needs at least 4M"],
    ["-90M", "it cannot shrink by 90M, since it needs at least 4M"],
  ] as const) {
    const { status, stderr } = await runCommand("fs", "resize", own, wrong);
    assert.deepEqual([status, stderr], [1, `stratos: ${own}: has 80M: ${why}\n`]);
  }
});
