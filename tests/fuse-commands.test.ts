/**
 * Goal: a volume is kept while it is mounted and in use: snapshots, devices, sizes, scrubs, properties, quotas and
 * schedules change by the same commands as otherwise, what the mount's users see is right at each moment, and they go
 * on meanwhile. Method: a real mount; the commands as a user gives them, and the programs' view of the files.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { MountedVolume } from "./support/mounted-volume.ts";
import { launcher, type Result } from "./support/stratos.ts";

let volume: MountedVolume;
before(async () => {
  volume = await MountedVolume.create("128M");
  await volume.mount("allow_other");
});
after(() => volume?.remove());

const fs = async (...args: string[]): Promise<string> => (await volume.stratos(["fs", ...args])).stdout;
const refused = async (words: RegExp, ...args: string[]): Promise<void> => {
  const result = await volume.try([...launcher, "fs", ...args]);
  assert.match(result.stderr, words);
  assert.equal(result.status, 1);
};

test("a snapshot holds what was written a moment before, a rollback shows at once, a deleted one is gone", async () => {
  await volume.sh("mkdir d; echo one > d/file; ls .snapshots");
  assert.equal(await fs("snapshot", "create", volume.volume, "first"), "first\n");
  await volume.sh("echo two > d/file; cat .snapshots/first/d/file | grep -q one; rm -r d; echo new > added");
  await fs("snapshot", "rollback", volume.volume, "first", "--save", "second");
  assert.equal(
    await volume.sh("cat d/file; ls; cat .snapshots/second/added; ls .snapshots"),
    "one\nd\nnew\nfirst\nsecond\n",
  );
  await fs("snapshot", "delete", volume.volume, "first", "second");
  assert.equal(
    await volume.sh(
      "ls .snapshots; ! test -e .snapshots/first; mkdir .snapshots/first; ls .snapshots; rmdir .snapshots/first",
    ),
    "first\n",
  );
  await refused(/no such snapshot/, "snapshot", "delete", volume.volume, "first");
});

test("a volume grows, shrinks, takes a device, has it replaced and gives it back, with its files in use", async () => {
  const [second, third] = ["second", "third"].map((name) => join(volume.folder, name)) as [string, string];
  for (const path of [second, third]) {
    writeFileSync(path, "");
    truncateSync(path, 96 << 20);
  }
  const size = async (): Promise<number> => Number(await volume.sh("stat -f -c %b .")) * 4096;
  await volume.sh("head -c 20M /dev/urandom > data; md5sum data > sum; sync data");
  await fs("resize", volume.volume, "160M");
  assert.equal(await size(), 160 << 20);
  await fs("resize", volume.volume, "96M");
  assert.equal(await size(), 96 << 20);
  // Written to while all of this goes on, and read back.
  const load = volume.sh(
    "for n in $(seq 400); do test -e stop && break; head -c 100000 data > part; cmp -n 100000 part data; echo $n " +
      ">> log; sleep 0.02; done; wc -l < log",
  );
  await fs("device", "add", volume.volume, second);
  assert.equal(await size(), 192 << 20);
  assert.match(await fs("device", "replace", volume.volume, "1", third), /^$/);
  const { devices } = JSON.parse(await fs("health", `${volume.volume},${third}`, "--json")) as {
    devices: { index: number }[];
  };
  assert.deepEqual(
    devices.map(({ index }) => index),
    [0, 2],
  );
  assert.ok(!existsSync(`${second}.lock`) && existsSync(`${third}.lock`));
  await fs("device", "remove", volume.volume, "2");
  assert.equal(await size(), 96 << 20);
  assert.ok(!existsSync(`${third}.lock`));
  await volume.sh("touch stop; md5sum -c sum > /dev/null");
  assert.ok(Number(await load) > 0);
  await volume.sh("rm stop part log");
});

extendedTest(
  "the device that a mount is named after leaves the volume, and commands still find who serves it",
  async () => {
    const other = await MountedVolume.create("64M");
    try {
      await other.mount("allow_other");
      const second = join(other.folder, "second");
      writeFileSync(second, "");
      truncateSync(second, 96 << 20);
      const keep = async (...args: string[]): Promise<string> => (await other.stratos(["fs", ...args])).stdout;
      await other.sh("head -c 9M /dev/urandom > data; md5sum data > sum");
      await keep("device", "add", other.mountPoint, second);
      const removed = await other.stratos(["fs", "device", "remove", other.mountPoint, other.volume]);
      assert.match(removed.stderr, /volume\.aegisfs: the mount is named after it/);
      assert.equal(await keep("snapshot", "create", other.mountPoint, "later"), "later\n");
      await keep("resize", other.mountPoint, "80M");
      assert.match(await keep("check", other.mountPoint), /clean/);
      assert.equal(await other.sh("md5sum -c sum"), "data: OK\n");
    } finally {
      await other.remove();
    }
  },
);

test("a scrub runs beside the mount's users, at the rate that it is given, and stops and goes on", async () => {
  const scrub = spawn(launcher[0]!, [...launcher.slice(1), "fs", "scrub", volume.volume, "--rate", "500K", "--json"], {
    env: { ...process.env, STRATOS_HOME: volume.home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  scrub.stdout.on("data", (chunk: Buffer) => void (said += chunk.toString()));
  const ended = new Promise<number | null>((done) => void scrub.on("exit", done));
  // It has begun when the mount says that a command's turns come: each looks for a name, fifty times a second. Those of
  // the loop itself are a few each time, so that they alone would take as long.
  const asked = async (): Promise<number> =>
    (JSON.parse(await volume.sh("cat .aegisfs")) as { requests: { LOOKUP?: number } }).requests.LOOKUP ?? 0;
  for (const first = await asked(); (await asked()) < first + 100;)
    await volume.sh("md5sum -c sum > /dev/null; echo x > beside; sync beside");
  scrub.kill("SIGINT");
  assert.equal(await ended, 0);
  const { paused, verifiedBytes } = JSON.parse(said) as { paused: boolean; verifiedBytes: number };
  assert.equal(paused, true);
  const whole = JSON.parse(await fs("scrub", volume.volume, "--json")) as {
    paused: boolean;
    verifiedBytes: number;
    damage: unknown[];
  };
  assert.equal(whole.paused, false);
  assert.ok(
    whole.verifiedBytes > verifiedBytes && whole.verifiedBytes > 20e6,
    `${verifiedBytes}, then ${whole.verifiedBytes}`,
  );
  assert.deepEqual(whole.damage, []);
});

test("properties, quotas and schedules hold from then on", async () => {
  await fs("property", `${volume.volume}:/d`, "--compress", "zstd");
  await volume.sh("lsattr -d d | grep -q c; head -c 8M /dev/zero | tr '\\0' x > d/packed; cp d/packed plain");
  assert.match(await fs("defrag", "-r", `${volume.volume}:/`), /\/d\/packed/);
  assert.match(await fs("dedupe", volume.volume), /were duplicates/);
  const { stderr } = await volume.stratos(["fs", "quota", "on", volume.volume]);
  assert.match(stderr, /limits hold from now on; until it is mounted anew, who passes one is told by close and fsync/);
  await fs("quota", "set", volume.volume, "--user", "4321", "--size", "1M");
  assert.match(
    await volume.sh(
      "mkdir -m 777 for-all; setpriv --reuid 4321 --regid 4321 --clear-groups dd if=/dev/zero of=for-all/big " +
        "bs=64k count=64 conv=fsync status=none 2>&1 || true",
    ),
    /Disk quota exceeded/,
  );
  await fs("schedule", "set", volume.volume, "--hourly", "2");
  assert.match(
    await volume.sh("for n in $(seq 600); do ls .snapshots | grep '^auto-' && break; sleep 0.1; done"),
    /^auto-/,
  );
  await fs("schedule", "clear", volume.volume);
});

extendedTest("a mount point, and a path in it, means the volume", async () => {
  const { mountPoint, volume: file } = volume;
  await volume.sh("mkdir -p inside/it; echo 'a b' > 'inside/it/with space'; echo plain > inside/file");
  for (const place of [mountPoint, join(mountPoint, "inside/it"), join(mountPoint, "inside/file")])
    assert.equal(JSON.parse(await fs("df", place, "--json"))[0].sizeBytes, 96 << 20, place);
  assert.equal(
    (JSON.parse(await fs("df", "--json")) as { volume: string; mountPoint: string }[]).find(
      (row) => row.volume === file,
    )?.mountPoint,
    mountPoint,
  );
  assert.equal(await fs("ls", join(mountPoint, "inside/it")), "with space\n");
  assert.equal(await fs("ls", "-F", `${file}:/inside`), "file\nit/\n");
  assert.equal(await fs("cat", join(mountPoint, "inside/file"), `${file}:/inside/file`), "plain\nplain\n");
  await fs("cp", "-r", `${file}:/inside`, join(volume.folder, "copied"));
  assert.equal(await volume.sh('cat "$1"', join(volume.folder, "copied/file")), "plain\n");
  assert.equal(await fs("snapshot", "create", mountPoint, "by-place"), "by-place\n");
  assert.equal(await fs("ls", join(mountPoint, ".snapshots/by-place/inside")), "file\nit\n");
  assert.match(await fs("snapshot", "list", mountPoint), /by-place/);
  await volume.sh("echo more > inside/file");
  assert.equal(await fs("snapshot", "diff", mountPoint, "by-place"), "M /inside/file\n");
  await fs("property", join(mountPoint, "inside"), "--compress", "lz4");
  assert.match(await fs("property", join(mountPoint, "inside")), /^\/inside +lz4/m);
  assert.match(await fs("quota", "show", mountPoint), /user root/);
  for (const command of ["stats", "health", "scrub"]) await fs(command, mountPoint);
  await fs("snapshot", "delete", mountPoint, "by-place");
  await refused(/lies in a mounted volume: mkdir\(1\), rm\(1\)/, "rm", join(mountPoint, "inside/file"));
});

test("a mounted volume is checked, sent, backed up and received into while it is written to", async () => {
  const { mountPoint, folder } = volume;
  const store = join(folder, "store");
  const load = volume.sh(
    "for n in $(seq 4000); do test -e halt && break; echo $n > busy-$((n % 50)); test $((n % 7)) = 0 && sync " +
      "busy-$((n % 50)); sleep 0.02; done; true",
  );
  try {
    for (let round = 0; round < 5; round++)
      assert.match(await fs("check", mountPoint), /: clean \(checked while it is mounted/);
    await volume.sh("mkdir -p inside; echo more > inside/file");
    assert.match(await fs("backup", "run", mountPoint, store), /^backup-\S+: whole/);
    await volume.sh("echo since > inside/since");
    assert.match(await fs("backup", "run", mountPoint, store), /: since backup-/);
    assert.equal(await fs("backup", "verify", store), `${store}: intact\n`);
    await fs("snapshot", "create", mountPoint, "sent");
    await fs("send", join(mountPoint, ".snapshots/sent/inside"), "-z", "-o", join(folder, "stream"));
    const unnamed = await volume.try([...launcher, "fs", "send", mountPoint]);
    assert.equal(unnamed.status, 2);
    assert.match(unnamed.stderr, /^stratos: SNAPSHOT: missing; `stratos fs snapshot list \S+` shows them\n$/);
  } finally {
    await volume.sh("touch halt");
    await load;
  }
  const other = await MountedVolume.create("192M");
  try {
    await other.mount();
    // From standard input, and from a file that its server reads.
    const piped = await volume.try([...launcher, "fs", "receive", other.mountPoint], {
      stdin: readFileSync(join(folder, "stream")),
    });
    assert.deepEqual([piped.stdout, piped.stderr, piped.status], ["sent\n", "", 0]);
    assert.equal(await other.sh("cat .snapshots/sent/inside/file"), "more\n");
    await refused(/the volume has that snapshot|already/, "receive", other.mountPoint, "-i", join(folder, "stream"));
    const torn = await volume.try([...launcher, "fs", "receive", other.mountPoint, "torn"], {
      stdin: readFileSync(join(folder, "stream")).subarray(0, 300),
    });
    assert.equal(torn.status, 1);
    assert.match(await fs("backup", "restore", store, other.mountPoint, "--live"), /^backup-/);
    assert.equal(await other.sh("cat inside/since"), "since\n");
    assert.match(await fs("check", other.mountPoint), /clean/);
    await other.unmount();
    other.check();
  } finally {
    await other.remove();
  }
  await volume.sh("rm -r busy-* halt inside");
});

extendedTest("an encrypted volume that is mounted gets passphrases, and tells its state without one", async () => {
  const secret = await MountedVolume.create("8M");
  const [first, second] = ["first", "second"].map((name) => join(secret.folder, name)) as [string, string];
  writeFileSync(first, "correct horse\n");
  writeFileSync(second, "battery staple\n");
  const run = (env: Record<string, string>, ...args: string[]): Promise<Result> =>
    secret.try([...launcher, "fs", ...args], { env });
  const given = { STRATOS_PASSPHRASE_FILE: first };
  try {
    for (const args of [
      ["format", "--force", "--encrypt", "-s", "64M", secret.volume],
      ["mount", secret.volume, secret.mountPoint],
    ])
      assert.deepEqual({ ...(await run(given, ...args)), stdout: "" }, { stdout: "", stderr: "", status: 0 });
    await secret.sh("echo hidden > file");
    assert.match((await run({}, "df", secret.mountPoint)).stdout, /64M|63/);
    assert.match((await run({}, "snapshot", "create", secret.mountPoint, "s")).stdout, /^s$/m);
    assert.match((await run({}, "snapshot", "list", secret.mountPoint)).stdout, /^s /m);
    assert.equal((await run({}, "ls", secret.mountPoint)).stdout, "file\n");
    const added = await run(given, "key", "add", secret.mountPoint, "--new-file", second);
    assert.deepEqual([added.stderr, added.status], ["", 0]);
    assert.match((await run({}, "key", "list", secret.mountPoint)).stdout, /slot 1/);
    const rotated = await run(given, "key", "rotate", secret.mountPoint, "--reseal");
    assert.deepEqual([rotated.stderr, rotated.status], ["", 0]);
    assert.equal(await secret.sh("echo new > other; cat file other"), "hidden\nnew\n");
    assert.match((await run(given, "check", secret.mountPoint)).stdout, /clean/);
    await secret.unmount();
    assert.equal(
      (await run(given, "cat", `${secret.volume}:/file`, `${secret.volume}:/other`)).stdout,
      "hidden\nnew\n",
    );
    assert.match(
      (await run({ STRATOS_PASSPHRASE_FILE: second }, "ls", secret.volume)).stderr,
      /passphrase is wrong/,
      "a rotation leaves one passphrase",
    );
  } finally {
    await secret.remove();
  }
});

extendedTest(
  "a volume of several devices is mounted by its UUID or one of them, and found by its mount point",
  async () => {
    const several = await MountedVolume.create("32M");
    const second = join(several.folder, "second");
    try {
      writeFileSync(second, "");
      truncateSync(second, 32 << 20);
      const run = async (...args: string[]): Promise<string> => (await several.stratos(["fs", ...args])).stdout;
      await run("device", "add", several.volume, second);
      const [{ uuid }] = JSON.parse(await run("device", "list", "--json")) as [{ uuid: string }];
      for (const name of [`uuid=${uuid}`, second]) {
        await run("mount", name, several.mountPoint);
        await several.sh("echo there > file");
        assert.match(await run("device", "list"), new RegExp(`mounted on ${several.mountPoint}`));
        for (const place of [several.mountPoint, several.volume, second, `UUID=${uuid}`])
          assert.equal(JSON.parse(await run("health", place, "--json")).devices.length, 2);
        assert.equal(await run("snapshot", "create", second, "s"), "s\n");
        await run("snapshot", "delete", `UUID=${uuid}`, "s");
        assert.match(await run("check", second), /clean/);
        await several.unmount();
      }
      // Beside copies of them one name may mean either; all names mean what they name.
      const copies = [join(several.folder, "copied-volume"), join(several.folder, "copied-second")];
      copyFileSync(several.volume, copies[0]!);
      copyFileSync(second, copies[1]!);
      await assert.rejects(several.stratos(["fs", "mount", copies[0]!, several.mountPoint]), /name its devices, A,B,C/);
      await run("mount", copies.join(","), several.mountPoint);
      await several.sh("echo copied > file");
      await several.unmount();
      assert.equal(await run("cat", `${copies.join(",")}:/file`), "copied\n");
      assert.equal(await run("cat", `${several.volume},${second}:/file`), "there\n");
    } finally {
      await several.remove();
    }
  },
);

test("what a killed server leaves is taken away by the next command, whichever it is", async () => {
  const killed = await MountedVolume.create("32M");
  try {
    for (const next of [
      ["df", killed.volume],
      ["snapshot", "create", killed.volume],
    ]) {
      await killed.mount();
      await killed.kill();
      await killed.try(["umount", "-l", killed.mountPoint]);
      assert.ok(existsSync(`${killed.volume}.control`) && existsSync(`${killed.volume}.lock`));
      await killed.stratos(["fs", ...next]);
      assert.ok(!existsSync(`${killed.volume}.control`) && !existsSync(`${killed.volume}.lock`), next[0]);
    }
  } finally {
    await killed.remove();
  }
});

extendedTest("of two backups at once of a mounted volume each is in the list that was told to be made", async () => {
  const backed = await MountedVolume.create("256M");
  try {
    await backed.mount();
    await backed.sh("head -c 60M /dev/urandom > content");
    const store = join(backed.folder, "backups");
    const run = (): Promise<Result> => backed.try([...launcher, "fs", "backup", "run", backed.mountPoint, store]);
    const results = await Promise.all([run(), run()]);
    const [made, refused] = [
      results.filter(({ status }) => status === 0),
      results.filter(({ status }) => status !== 0),
    ];
    const { entries } = JSON.parse((await backed.stratos(["fs", "backup", "list", store, "--json"])).stdout) as {
      entries: { name: string }[];
    };
    assert.deepEqual(
      entries.map(({ name }) => name),
      made.map(({ stdout }) => /^backup-[^:]+/.exec(stdout)![0]),
    );
    for (const { stderr } of refused) assert.match(stderr, /: process \d+ \(.*\) is making a backup of it\n$/);
    assert.equal(made.length, 1, "they ran at the same time");
    assert.equal((await run()).status, 0, "the next one is none of the two");
  } finally {
    await backed.remove();
  }
});

extendedTest("a volume that is mounted read-only is read, and changed by nobody", async () => {
  const shown = await MountedVolume.create("32M");
  try {
    await shown.mount("ro");
    for (let round = 0; round < 2; round++) {
      for (const command of ["df", "check", "health"]) await shown.stratos(["fs", command, shown.mountPoint]);
      for (const command of [["snapshot", "create"], ["check", "--repair"], ["scrub"]]) {
        const result = await shown.try([...launcher, "fs", ...command, shown.volume]);
        assert.match(result.stderr, /is mounted read-only on \S+mount: /, command.join(" "));
      }
    }
  } finally {
    await shown.remove();
  }
});

extendedTest(
  "a transaction of a mounted volume works in the mount: all of it with status 0, else nothing",
  async () => {
    const transaction = (script: string): Promise<Result> =>
      volume.try([...launcher, "fs", "txn", "run", volume.mountPoint, "--", "sh", "-c", script]);
    const snapshots = await volume.sh("mkdir txn; echo old > txn/kept; echo gone > txn/gone; ls .snapshots");
    const script = "cat txn/kept; echo new > txn/kept; rm txn/gone; mkdir txn/sub; pwd > txn/sub/file";
    const failed = await transaction(`${script}; exit 3`);
    assert.deepEqual([failed.status, failed.stdout, failed.stderr], [3, "old\n", ""]);
    assert.equal(await volume.sh("cat txn/kept; ls txn"), "old\ngone\nkept\n");
    const kept = await transaction(script);
    assert.deepEqual([kept.status, kept.stderr], [0, ""]);
    assert.match(
      await volume.sh("cat txn/kept; ls txn; cat txn/sub/file"),
      /^new\nkept\nsub\n\S+\/\.snapshots\/\S+\n$/,
    );
    // What others do in the mount meanwhile is kept, and wins over the same change.
    const beside = (path: string): string => `echo theirs > "${join(volume.mountPoint, path)}"`;
    assert.equal((await transaction(`echo mine > txn/mine; ${beside("txn/theirs")}`)).status, 0);
    assert.equal(await volume.sh("cat txn/mine txn/theirs"), "mine\ntheirs\n");
    const refusal = await transaction(`echo mine > txn/kept; ${beside("txn/kept")}`);
    assert.equal(refusal.status, 1);
    assert.match(refusal.stderr, /^stratos: \S+: others changed the same meanwhile/);
    assert.equal(await volume.sh("cat txn/kept; ls .snapshots; rm -r txn"), `theirs\n${snapshots}`);
    const missing = await volume.try([...launcher, "fs", "txn", "run", volume.volume, "no-such-command"]);
    assert.deepEqual([missing.status, missing.stderr], [127, "stratos: no-such-command: not found\n"]);
  },
);

test("what would lock the mount against itself, and what is for files, is refused in words", async () => {
  writeFileSync(join(volume.mountPoint, "inside"), "");
  symlinkSync(volume.mountPoint, join(volume.folder, "way-in"));
  await refused(
    /lies in the mount of the volume itself/,
    "device",
    "add",
    volume.volume,
    join(volume.folder, "way-in/inside"),
    "--force",
  );
  await refused(
    /in use by process \d+ \(stratos fs mount .*\): it is mounted on \S+mount, where its files are changed/,
    "rm",
    `${volume.volume}:/inside`,
  );
  await refused(/a check without --repair reads it as it is/, "check", volume.volume, "--repair");
});

test("the volume is whole after all of that, and its control socket is gone", async () => {
  await volume.unmount();
  assert.ok(!existsSync(`${volume.volume}.control`));
  volume.check();
});
