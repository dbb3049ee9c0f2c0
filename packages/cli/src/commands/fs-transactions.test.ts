/**
 * Goal: what a command does to a volume happens wholly or not at all. Method: the command line in processes of its own,
 * on a mount and on a copy.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { accessSync, constants, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { commandArguments } from "../testing/command-line.ts";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let folder: string, volume: string;
const fs = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [...commandArguments, "fs", ...args], {
    encoding: "utf8",
    env: { ...process.env, STRATOS_HOME: join(folder, "home") },
    timeout: 600_000,
  });
/** Without a process of its own, where none is needed. */
const works = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = args[0] === "txn" ? fs(...args) : await runCommand("fs", ...args);
  assert.equal(`${stderr}${status}`, "0", args.join(" "));
  return stdout;
};

before(async () => {
  folder = testFolder("stratos-transactions");
  volume = join(folder, "v");
  await works("format", volume, "-s", "64M");
  writeFileSync(join(folder, "content"), "hello\n");
  await works("cp", join(folder, "content"), `${volume}:/kept`);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function hasFuse(): boolean {
  try {
    accessSync("/dev/fuse", constants.W_OK);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

for (const flags of hasFuse() ? [[], ["--no-mount"]] : [["--no-mount"]]) {
  test(`txn run ${flags.join("") || "on a mount"}: all of it with status 0, else nothing`, async () => {
    const script =
      "cat kept; mkdir -p sub/deep; echo new > sub/deep/file; ln -s file sub/deep/link; rm kept; echo more >> other";
    const failed = fs("txn", "run", ...flags, volume, "--", "sh", "-c", `${script}; exit 3`);
    assert.deepEqual([failed.status, failed.stdout, failed.stderr], [3, "hello\n", ""]);
    assert.equal(await works("ls", volume), "kept\n");
    assert.equal(await works("txn", "run", ...flags, volume, "sh", "-c", `${script}; chmod 700 sub`), "hello\n");
    assert.equal(await works("ls", "-R", volume), "/:\nother\nsub\n\n/sub:\ndeep\n\n/sub/deep:\nfile\nlink\n");
    assert.match(await works("ls", "-l", volume), /^drwx------ .* sub$/m);
    assert.equal(await works("cat", `${volume}:/sub/deep/link`), "new\n");
    await works("rm", "-r", `${volume}:/sub`, `${volume}:/other`);
    await works("cp", join(folder, "content"), `${volume}:/kept`);
    assert.equal(await works("snapshot", "list", volume, "--names"), "");
    assert.equal(await works("check", volume), `${volume}: clean\n`);
  });

  test(
    `txn run ${flags.join("") || "on a mount"}: a change of the same file beside ` + "it wins, one elsewhere is merged",
    async () => {
      // The lock is free while the command works on a copy; a mount holds it.
      if (flags.length === 0)
        return assert.match(
          fs("txn", "run", volume, process.execPath, ...commandArguments, "fs", "mkdir", `${volume}:/x`).stderr,
          /in use by process/,
        );
      const beside = (...args: string[]): string =>
        `"${process.execPath}" ${commandArguments.join(" ")} fs ${args.join(" ")}`;
      const merged = fs(
        "txn",
        "run",
        ...flags,
        volume,
        "sh",
        "-c",
        `echo mine > mine; ${beside("cp", join(folder, "content"), `${volume}:/theirs`)}`,
      );
      assert.equal(`${merged.stderr}${merged.status}`, "0");
      assert.equal(await works("ls", volume), "kept\nmine\ntheirs\n");
      const refused = fs(
        "txn",
        "run",
        ...flags,
        volume,
        "sh",
        "-c",
        `echo mine > theirs; ${beside("rm", `${volume}:/theirs`)}`,
      );
      assert.equal(refused.status, 1);
      assert.match(refused.stderr, /others changed the same meanwhile/);
      assert.equal(await works("ls", volume), "kept\nmine\n");
    },
  );
}

test("a copy brings extended attributes in, and leaves what the host cannot keep", async () => {
  const place = join(folder, "attributed"),
    tree = join(folder, "tree"),
    back = join(folder, "tree-back");
  mkdirSync(join(tree, "folder"), { recursive: true });
  spawnSync("sh", ["-c", "touch file; setfattr -n user.gone -v 1 folder; setfattr -n user.gone -v 1 file"], {
    cwd: tree,
  });
  const listener = createServer().listen(join(tree, "socket"));
  await once(listener, "listening");
  await works("format", place, "-s", "16M");
  await works("cp", "-a", tree, `${place}:/tree`);
  listener.close();
  const script =
    "cd tree && setfattr -x user.gone folder && setfattr -n user.new -v 2 folder && rm file && touch file && " +
    "setfattr -n user.other -v 3 file";
  await works("txn", "run", "--no-mount", place, "sh", "-c", script);
  assert.equal(await works("ls", `${place}:/tree`), "file\nfolder\nsocket\n");
  await runCommand("fs", "cp", "-a", `${place}:/tree`, back);
  const { stdout } = spawnSync("getfattr", ["-d", "file", "folder"], { cwd: back, encoding: "utf8" });
  assert.equal(stdout, '# file: file\nuser.other="3"\n\n# file: folder\nuser.new="2"\n\n');
});

test("a command that is not there is told, and leaves nothing", async () => {
  const result = fs("txn", "run", volume, "no-such-command");
  assert.deepEqual([result.status, result.stderr], [127, "stratos: no-such-command: not found\n"]);
  const nameless = fs("txn", "run", volume, "");
  assert.deepEqual([nameless.status, nameless.stderr], [2, "stratos: CMD: is empty; a variable that is not set?\n"]);
  assert.equal(await works("snapshot", "list", volume, "--names"), "");
});

if (hasFuse()) {
  extendedTest("the schedule of a mounted volume is run through its mount", async () => {
    await works("schedule", "set", volume, "--daily", "2");
    const place = join(folder, "mounted");
    mkdirSync(place);
    assert.equal(fs("mount", volume, place).stderr, "");
    try {
      // The mount looks at the schedule when it begins; the command has then nothing to do, or is the first.
      const result = fs("schedule", "run", volume);
      assert.match(`${result.stderr}${result.stdout}`, /^(?:\S+: auto-\d{8}T\d{6}Z taken\n)?$/);
      const isTaken = (): boolean => readdirSync(join(place, ".snapshots")).some((name) => name.startsWith("auto-"));
      for (let tries = 0; !isTaken() && tries < 600; tries++) await sleep(100);
      assert.ok(isTaken());
    } finally {
      assert.equal(fs("umount", place).stderr, "");
    }
    assert.match(await works("snapshot", "list", volume, "--names"), /^auto-/);
  });
}

test("filters that the environment names change what commands store and show", () => {
  const veil = fileURLToPath(new URL("../../../aegisfs/examples/veil-filter.mjs", import.meta.url));
  const guard = fileURLToPath(new URL("../../../aegisfs/examples/guard-filter.mjs", import.meta.url));
  const filtered = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [...commandArguments, "fs", ...args], {
      encoding: "utf8",
      env: {
        ...process.env,
        STRATOS_HOME: join(folder, "home"),
        STRATOS_FS_FILTERS: `${guard},${veil}`,
        VEIL_KEY: "k",
      },
    });
  assert.equal(filtered("cp", join(folder, "content"), `${volume}:/veiled`).stderr, "guard: made veiled\n");
  assert.equal(filtered("cat", `${volume}:/veiled`).stdout, "hello\n");
  assert.notEqual(fs("cat", `${volume}:/veiled`).stdout, "hello\n");
  assert.equal(
    filtered("cp", join(folder, "content"), `${volume}:/x.exe`).stderr,
    `stratos: ${volume}:/x.exe: operation not permitted\n`,
  );
});
