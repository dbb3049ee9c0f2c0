/**
 * Goal: programs that ask much of a file system do their work on a mounted volume, their own checks included, and what
 * a killed server leaves is whole. Method: real mounts; what the same programs do elsewhere, or their own verification,
 * is the judge.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest, sampleCount, sampleOf } from "@stratos/base/testing";
import { crashRounds } from "./fuse/crash-rounds.ts";
import { manyFiles } from "./fuse/many-files.ts";
import { stressTogether } from "./fuse/stressors.ts";
import { writeProject, writeTree } from "./fuse/tree-of-files.ts";
import { MountedVolume } from "./support/mounted-volume.ts";

let volume: MountedVolume;
before(async () => {
  volume = await MountedVolume.create("2G");
  await volume.mount("allow_other");
});
after(() => volume?.remove());

const GIT =
  "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b " +
  "GIT_CONFIG_NOSYSTEM=1 HOME=$PWD;";

extendedTest("a C project builds, and make sees which parts are old", async () => {
  writeProject(join(volume.mountPoint, "project"), 24);
  const built = await volume.sh(
    // The kernel's time for files goes on in steps, whose length is the host's matter; tmpfs shows it.
    'cd project; make -s -j4; ./program; make; until touch "$1"; test "$1" -nt build/unit3.o; do :; done; echo ' +
      "'/* */' >> src/unit3.c; make | grep -c 'gcc -O0'; ./program; rm \"$1\"",
    `/dev/shm/stratos-tick-${process.pid}`,
  );
  const [first, upToDate, rebuilt, again] = built.trimEnd().split("\n");
  assert.match(upToDate!, /up to date/);
  assert.equal(rebuilt, "1");
  assert.equal(again, first);
  assert.match(first!, /^\d+$/);
});

test("git clones a repository, finds it whole, and nothing changed", async () => {
  const source = join(volume.folder, "source");
  writeProject(source, 150);
  const made = await volume.try(
    [
      "sh",
      "-euc",
      `${GIT} git init -qb main .; git add .; git commit -qm one; git checkout -qb other; git mv src/unit1.c ` +
        "moved.c; rm src/unit2.c; git commit -qam two; git gc -q",
    ],
    { cwd: source },
  );
  assert.equal(made.status, 0, made.stderr);
  const said = await volume.sh(
    `${GIT} git clone -q file://${source} clone; cd clone; git fsck --full --strict; git status --porcelain; git ` +
      "checkout -q main; ls src | wc -l; git switch -q other; git status --porcelain; git repack -adq; git fsck " +
      "--full; git rev-parse HEAD HEAD~1",
  );
  const judge = await volume.try(["git", "rev-parse", "other", "main"], { cwd: source });
  assert.equal(said, `152\n${judge.stdout}`);
});

test("sqlite3 with a write-ahead log and several writers keeps its promises", async () => {
  const script = `
    sqlite3 base.db 'pragma journal_mode=wal; pragma synchronous=full; create table t (who int, n int, text);'
    for who in 1 2 3; do
      (for n in $(seq 60); do echo "pragma busy_timeout=120000; pragma synchronous=full; insert into t values ($who, \
$n, hex(randomblob(700)));"; done | sqlite3 base.db > /dev/null) &
    done
    wait
    sqlite3 base.db 'select count(*), count(distinct who * 1000 + n) from t; pragma integrity_check;
      pragma wal_checkpoint(truncate); pragma mmap_size=100000000; select sum(length(text)) from t; vacuum; pragma \
integrity_check;'`;
  assert.equal(await volume.sh(script), "wal\n180|180\nok\n0|0|0\n100000000\n252000\nok\n");
});

test("dbench's office of four gets every answer that it expects", async () => {
  const said = await volume.sh("mkdir dbench; dbench -D dbench -t 3 4; rm -r dbench");
  assert.match(said, /^Throughput [\d.]+ MB\/sec {2}4 clients {2}4 procs/m);
  // Its processes then begin without waiting for each other: the host's semaphores are none of the volume's.
  assert.doesNotMatch(said.replace("failed to create barrier semaphore", ""), /ERROR|failed/i);
});

test("programs that call fsync at the same time share flushes", async () => {
  const seen = (): { flushes: number; requests: { FSYNC?: number } } =>
    JSON.parse(readFileSync(join(volume.mountPoint, ".aegisfs"), "utf8")) as ReturnType<typeof seen>;
  const before = seen();
  await volume.sh(
    "fio --name=v --directory=. --numjobs=16 --thread --rw=write --bs=4k --size=128k --fsync=1 " +
      "--output-format=terse; rm v.*",
  );
  const after = seen();
  const asked = after.requests.FSYNC! - (before.requests.FSYNC ?? 0);
  assert.ok(asked >= 16 * 31, `${asked} calls`);
  // One each without sharing; how many share one is the host's scheduler's to say.
  assert.ok(
    after.flushes - before.flushes < asked * 0.9,
    `${after.flushes - before.flushes} flushes for ${asked} calls`,
  );
});

const FIO = [
  ["synchronous calls", "--ioengine=psync --rw=randrw --bsrange=1k-64k --fsync=64"],
  ["direct, many at once", "--ioengine=libaio --iodepth=16 --direct=1 --rw=randwrite --bs=4k"],
  ["mapped memory", "--ioengine=mmap --rw=randwrite --bs=4k --fsync=256"],
] as const;
for (const [name, options] of sampleOf(FIO, 2)) {
  test(`fio reads back what it wrote: ${name}`, async () => {
    const said = await volume.sh(
      `fio --name=v --filename=fio.data --size=24m ${options} --verify=crc32c --verify_fatal=1 --do_verify=1 ` +
        "--randseed=7 --output-format=terse; rm fio.data",
    );
    assert.equal(said.split(";")[4], "0", said);
  });
}

extendedTest("rsync carries a tree with links, attributes and holes there and back", async () => {
  const source = join(volume.folder, "tree");
  writeTree(source, 700, 42);
  const marked = await volume.try(
    [
      "sh",
      "-euc",
      "setfattr -n user.note -v 'some text' file0 2> /dev/null || setfattr -n user.note -v 'some text' .; mkfifo " +
        "pipe; chown 1000:2000 pipe",
    ],
    { cwd: source },
  );
  assert.equal(marked.status, 0, marked.stderr);
  const back = join(volume.folder, "back");
  const said = await volume.sh(
    'rsync -aHAXS "$1"/ there; rsync -aHAXS there/ "$2"; for to in there "$2"; do rsync -aHAXcn --delete ' +
      '--itemize-changes "$1"/ $to; done; du -s --apparent-size there | cut -f1 > /dev/null',
    source,
    back,
  );
  assert.equal(said, "");
});

extendedTest(
  "thousands of files are made, listed, found after a new mount and removed, and the server's memory stays within " +
    "its bound",
  async () => {
    const small = await MountedVolume.create("256M");
    try {
      await small.mount("allow_other");
      const outcomes = await manyFiles(small, sampleCount(5000, 0.2));
      assert.ok(
        outcomes.every(({ residentMib }) => residentMib < 600),
        JSON.stringify(outcomes),
      );
    } finally {
      await small.remove();
    }
  },
);

extendedTest("the file stressors of stress-ng, all at once, find nothing wrong", async () => {
  const small = await MountedVolume.create("1G");
  try {
    await small.mount("allow_other");
    await stressTogether(small, sampleCount(4, 0.25));
    await small.unmount();
    small.check();
  } finally {
    await small.remove();
  }
});

const ROUNDS = sampleCount(4, 0.25);

test(
  "the server is killed under load, again and again: what was synced is " + "there, and the volume is whole",
  async () => {
    const small = await MountedVolume.create("256M");
    try {
      const { rounds, synced, kept } = await crashRounds(small, { rounds: ROUNDS, seed: 1 });
      assert.equal(rounds, ROUNDS);
      assert.ok(synced > 0 && kept >= synced, `${synced} synced, ${kept} kept`);
    } finally {
      await small.remove();
    }
  },
);

test("after all of that the volume is whole", async () => {
  await volume.unmount();
  volume.check();
});
