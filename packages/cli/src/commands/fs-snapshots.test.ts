/** Goal: snapshots and schedules as a person uses them. Method: the command line, on volumes in real files. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isDue, keptSnapshots } from "@stratos/volumes";
import { testFolder } from "../testing/test-folder.ts";
import { runCommand } from "../testing/run-command.ts";

let folder: string, volume: string;
const works = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await runCommand("fs", ...args);
  assert.equal(`${stderr}${status}`, "0", args.join(" "));
  return stdout;
};
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await works(...args, "--json")) as T;
const fails = async (message: string, ...args: string[]): Promise<void> =>
  assert.equal((await runCommand("fs", ...args)).stderr, `stratos: ${message}\n`);
const put = async (path: string, content: string): Promise<void> => {
  writeFileSync(join(folder, "content"), content);
  await works("cp", join(folder, "content"), `${volume}:${path}`);
};

before(async () => {
  folder = testFolder("stratos-snapshots");
  volume = join(folder, "v");
  await works("format", volume, "-s", "64M");
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("a snapshot keeps what was there; rolling back brings it, and says before what is lost", async () => {
  await put("/a", "one");
  await put("/big", "x".repeat(1_000_000));
  assert.equal(await works("snapshot", "create", volume, "first", "--label", "before the change"), "first\n");
  await put("/a", "two");
  await put("/new", "new");
  await works("rm", `${volume}:/big`);
  assert.equal(await works("cat", `${volume}@first:/a`), "one");
  assert.equal(await works("snapshot", "diff", volume, "first"), "M /a\n- /big\n+ /new\n");
  const [space] = await json<{ exclusiveBytes: number }[]>("snapshot", "stats", volume, "first");
  assert.ok(space!.exclusiveBytes > 1_000_000 && space!.exclusiveBytes < 1_100_000);
  await fails(`${volume}@first:/x: read-only`, "mkdir", `${volume}@first:/x`);
  await fails(`${volume}@first: file already exists`, "snapshot", "create", volume, "first");
  await fails(
    "a/b: a snapshot's name has 1 to 255 bytes without '/', ':' and '@'",
    "snapshot",
    "create",
    volume,
    "a/b",
  );
  await fails(`${volume}@root: these are the live files, not a snapshot`, "snapshot", "delete", volume, "root");
  assert.equal(
    await works("snapshot", "rollback", volume, "first", "--dry-run"),
    "these changes since first would be lost:\nM /a\n- /big\n+ /new\n",
  );
  assert.equal(await works("cat", `${volume}:/a`), "two");
  await works("snapshot", "rollback", volume, "first", "--save", "second");
  assert.equal(await works("cat", `${volume}:/a`), "one");
  assert.equal(await works("cat", `${volume}@second:/new`), "new");
  await fails(
    `${volume}@none: no such snapshot; \`stratos fs snapshot list\` shows them`,
    "snapshot",
    "rollback",
    volume,
    "none",
  );
});

test("snapshots form a tree, whose links survive the deletion of one in the middle", async () => {
  await works("snapshot", "create", volume, "third", "--writable");
  type Entry = {
    name: string;
    parent: string | null;
    children: string[];
    writable: boolean;
    label: string;
    live: boolean;
    createdAt: string;
  };
  const tree = async (): Promise<string[]> =>
    (await json<Entry[]>("snapshot", "list", volume)).map(
      ({ name, parent, writable }) => `${name}<${parent ?? ""}${writable ? "+" : ""}`,
    );
  assert.deepEqual(await tree(), ["root<third+", "first<", "second<first", "third<first+"]);
  await works("mkdir", `${volume}@third:/only-there`);
  await works("snapshot", "create", volume, "fourth", "--of", "third");
  assert.equal(await works("ls", `${volume}@fourth`), "a\nbig\nonly-there\n");
  const lines = (await works("snapshot", "list", volume))
    .replace(/ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d.*$/gm, "")
    .split("\n");
  assert.deepEqual(lines.slice(1, -1), ["first", "  second", "  third", "    (live)", "    fourth"]);
  await works("cp", join(folder, "content"), `${volume}@third:/only-there/more`);
  const { freedBytes } = await json<{ freedBytes: number }>("snapshot", "delete", volume, "third", "--dry-run");
  assert.ok(freedBytes > 0);
  await works("snapshot", "delete", volume, "third");
  assert.deepEqual(await tree(), ["root<first+", "first<", "second<first", "fourth<first"]);
  await works("snapshot", "delete", volume, "first", "second", "fourth");
  assert.deepEqual(await tree(), ["root<+"]);
  assert.equal(await works("check", volume), `${volume}: clean\n`);
  assert.equal((await json<{ droppedBytes: number }>("stats", volume)).droppedBytes, 0);
});

test("the schedule takes what is due, once, and leaves other snapshots alone", async () => {
  await fails(
    `${volume}: has no snapshot schedule; \`stratos fs schedule set\` gives it one`,
    "schedule",
    "run",
    volume,
  );
  await works("schedule", "set", volume, "--hourly", "24", "--daily", "7");
  assert.deepEqual(await json("schedule", "show", volume), { hourly: 24, daily: 7, weekly: 0, monthly: 0 });
  await works("snapshot", "create", volume, "mine");
  assert.match(await works("schedule", "run", volume, "--dry-run"), /auto-\d{8}T\d{6}Z would be taken\n$/);
  assert.equal(await works("snapshot", "list", volume, "--names"), "mine\n");
  assert.match(await works("schedule", "run", volume), /auto-\d{8}T\d{6}Z taken\n$/);
  // An hour may begin between the two.
  const [again] = await json<{ created: string | null; deleted: string[] }[]>("schedule", "run", volume);
  assert.deepEqual(again!.deleted, []);
  assert.match(await works("snapshot", "list", volume, "--names"), /^mine\nauto-/);
  await works("schedule", "clear", volume);
  assert.equal(await works("schedule", "show", volume), `${volume}: no schedule\n`);
});

test("a year of hourly runs leaves what the rules keep", () => {
  const schedule = { hourly: 24, daily: 7, weekly: 4, monthly: 6 };
  let snapshots: { name: string; seconds: number }[] = [];
  const start = Date.UTC(2026, 0, 1, 0, 20) / 1000;
  let now = start;
  for (; now < start + 365 * 86_400; now += 1800) {
    if (isDue(schedule, snapshots, now)) snapshots.push({ name: String(now), seconds: now });
    const kept = keptSnapshots(schedule, snapshots);
    snapshots = snapshots.filter(({ name }) => kept.has(name));
  }
  const ages = snapshots.map(({ seconds }) => (now - seconds) / 3600).sort((a, b) => a - b);
  assert.ok(ages.length >= 24 + 6 + 3 + 4 && ages.length <= 24 + 7 + 4 + 6, `${ages.length} snapshots`);
  assert.equal(ages.filter((age) => age <= 24).length, 24);
  assert.ok(
    ages.some((age) => age > 6 * 24 && age <= 7 * 24),
    "one of a week ago",
  );
  assert.ok(ages.at(-1)! > 150 * 24 && ages.at(-1)! < 190 * 24, `the oldest is ${ages.at(-1)! / 24} days old`);
  assert.equal(
    isDue({ hourly: 0, daily: 1, weekly: 0, monthly: 0 }, [{ name: "x", seconds: 86_400 * 5 }], 86_400 * 5 + 80_000),
    false,
  );
  assert.equal(
    isDue({ hourly: 0, daily: 1, weekly: 0, monthly: 0 }, [{ name: "x", seconds: 86_400 * 5 }], 86_400 * 6 + 1),
    true,
  );
});

test("snapshots travel between volumes, whole and as differences, through files and compressed", async () => {
  const target = join(folder, "target");
  await works("format", target, "-s", "64M");
  await put("/travels", "first ".repeat(10_000));
  await works("snapshot", "create", volume, "t1");
  await put("/travels", "second ".repeat(10_000));
  await put("/small", "small");
  await works("snapshot", "create", volume, "t2");
  await works("send", volume, "t1", "-o", join(folder, "full"));
  await works("send", volume, "t2", "--from", "t1", "-z", "-o", join(folder, "delta"));
  assert.ok(statSync(join(folder, "delta")).size < 3000);
  const refused = async (why: string, ...args: string[]): Promise<void> =>
    fails(`${target}: the stream is refused: ${why}`, "receive", target, ...args);
  await refused("it holds the differences from a snapshot that this volume does not have", "-i", join(folder, "delta"));
  truncateSync(join(folder, "delta"), statSync(join(folder, "delta")).size - 1);
  assert.equal(await works("receive", target, "-i", join(folder, "full")), "t1\n");
  assert.match(
    (await runCommand("fs", "receive", target, "-i", join(folder, "delta"))).stderr,
    /cannot be unpacked|nothing of it was kept/,
  );
  assert.equal(await works("snapshot", "list", target, "--names"), "t1\n", "what was refused leaves no snapshot");
  await works("send", volume, "t2", "--from", "t1", "-z", "-o", join(folder, "delta"));
  assert.deepEqual(await json("receive", target, "--status"), []);
  assert.equal(await works("receive", target, "copy", "-i", join(folder, "delta")), "copy\n");
  assert.equal(await works("cat", `${target}@copy:/travels`), "second ".repeat(10_000));
  assert.equal(await works("cat", `${target}@t1:/travels`), "first ".repeat(10_000));
  await refused("this volume has that snapshot already", "-i", join(folder, "full"));
  await fails(
    `${volume}@root: these are the live files, not a snapshot`,
    "send",
    volume,
    "root",
    "-o",
    join(folder, "x"),
  );
  assert.equal(await works("snapshot", "rollback", target, "copy"), "");
  assert.equal(await works("cat", `${target}:/small`), "small");
  assert.equal(await works("check", target), `${target}: clean\n`);
});

test("a transfer that broke is listed, goes on, and is taken away by cleanup", async () => {
  const source = join(folder, "breaks");
  const target = join(folder, "receives");
  for (const each of [source, target]) await works("format", each, "-s", "64M");
  writeFileSync(join(folder, "large"), randomBytes(6 << 20));
  await works("cp", join(folder, "large"), `${source}:/large`);
  await works("snapshot", "create", source, "s");
  await works("send", source, "s", "-o", join(folder, "whole"));
  writeFileSync(join(folder, "torn"), readFileSync(join(folder, "whole")).subarray(0, 5 << 20));
  const breaks = async (): Promise<string> => {
    await fails(
      `${target}: the stream is refused: the stream ends before its end: the transfer can be resumed`,
      "receive",
      target,
      "-i",
      join(folder, "torn"),
    );
    assert.match(await works("snapshot", "list", target), /^s +\S+ \S+ +incomplete/m);
    const half =
      `${target}@s: its transfer was not finished: go on with it (\`fs receive --status\` says how), or delete what ` +
      "it left (`fs snapshot cleanup`)";
    await fails(half, "snapshot", "rollback", target, "s");
    await fails(half, "send", target, "s", "-o", join(folder, "half"));
    const [waiting] = await json<{ name: string; resume: string }[]>("receive", target, "--status");
    assert.equal(waiting!.name, "s");
    return waiting!.resume;
  };
  const token = await breaks();
  assert.deepEqual((await json<{ snapshots: string[] }>("snapshot", "cleanup", target, "--dry-run")).snapshots, ["s"]);
  assert.match(await works("snapshot", "cleanup", target), /^deleted s, /);
  assert.equal(await works("snapshot", "cleanup", target), `${target}: nothing is incomplete\n`);
  assert.equal(await works("snapshot", "list", target, "--names"), "");
  await works("send", source, "s", "--resume", token, "-o", join(folder, "rest"));
  await fails(
    `${target}: the stream is refused: it goes on with a transfer that this volume does not know`,
    "receive",
    target,
    "-i",
    join(folder, "rest"),
  );
  assert.equal(await breaks(), token);
  assert.equal(await works("receive", target, "-i", join(folder, "rest")), "s\n");
  await works("cp", `${target}@s:/large`, join(folder, "back"));
  assert.ok(readFileSync(join(folder, "back")).equals(readFileSync(join(folder, "large"))));
  assert.equal(await works("check", target), `${target}: clean\n`);
});

test("the audit log tells what was done, and that it was tampered with", async () => {
  const logged = join(folder, "logged");
  await works("format", logged, "-s", "16M");
  await fails(`${logged}: has no audit log; \`stratos fs audit enable\` begins one`, "audit", "verify", logged);
  await works("audit", "enable", logged);
  await works("mkdir", `${logged}:/secret-folder`);
  const head = (await works("audit", "head", logged)).trim();
  await works("rm", "-r", `${logged}:/secret-folder`);
  assert.match(
    await works("audit", "show", logged),
    /create subvolume 1 inode 1 "secret-folder" -> inode 2 mode 40755\n.* rmdir subvolume 1 inode 1 "secret-folder"\n/,
  );
  assert.equal((await works("audit", "show", logged, "--last", "1", "--json")).includes('"operation":"rmdir"'), true);
  assert.match(await works("audit", "verify", logged, "--head", head), /: intact, \d+ records in \d+ blocks\n$/);
  const other = await runCommand(
    "fs",
    "audit",
    "verify",
    logged,
    "--head",
    head.replace(/:../, (two) => (two === ":00" ? ":ff" : ":00")),
  );
  assert.equal(other.status, 1);
  assert.match(other.stdout, /known head/);
  assert.match(await works("audit", "retention", logged), /: keeps all of its audit log; blocks 0 to \d+ are there\n$/);
  for (let round = 0; round < 6; round++) await works("mkdir", `${logged}:/later${round}`);
  assert.match(
    await works("audit", "retention", logged, "--size", "16K", "--days", "400"),
    /: keeps 16K and 400 days; blocks [1-9]\d* to \d+ are there\n$/,
  );
  const later = (await works("audit", "head", logged)).trim();
  await works("mkdir", `${logged}:/last`);
  assert.match(await works("audit", "verify", logged, "--head", later), /: intact, /);
  assert.match(await works("audit", "show", logged), /trimAudit/);
  assert.match((await runCommand("fs", "audit", "verify", logged, "--head", head)).stdout, /can no longer be proved/);
  assert.equal((await json<{ firstBlock: number }>("audit", "verify", logged)).firstBlock > 0, true);
  await fails(
    "--forever: is the opposite of --size and --days",
    "audit",
    "retention",
    logged,
    "--forever",
    "--days",
    "3",
  );
  await fails("--head: 'x' is no head; `stratos fs audit head` prints one", "audit", "verify", logged, "--head", "x");
});

test("what a killed transaction left is removed, what a running one works on is not", async () => {
  for (const name of [".transaction-4194305-x-base", ".transaction-4194305-x", `.transaction-${process.pid}-y`])
    await works("snapshot", "create", volume, name);
  await works("txn", "clean", volume);
  const names = (await works("snapshot", "list", volume, "--names")).split("\n");
  assert.deepEqual(
    names.filter((name) => name.startsWith(".transaction")),
    [`.transaction-${process.pid}-y`],
  );
  await works("snapshot", "delete", volume, `.transaction-${process.pid}-y`);
});
