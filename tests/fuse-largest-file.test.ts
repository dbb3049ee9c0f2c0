/**
 * Goal: on a mount of 64 MiB, files of up to 2^63 − 1 bytes are what they are on the kernel's own file systems. Method:
 * the same random calls at far offsets beside Linux' tmpfs, whose files end at the same place, and the programs that
 * people use on such files.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { repository, run } from "./support/stratos.ts";
import { MountedVolume } from "./support/mounted-volume.ts";

const SEEDS = ["1", "2"];
const CALLS = "3000";

let volume: MountedVolume;
before(async () => {
  volume = await MountedVolume.create("64M");
});
after(() => volume?.remove());

extendedTest("random calls at far offsets end as on tmpfs, errnos included", async () => {
  const program = join(volume.folder, "far-offsets");
  const built = await run(["gcc", "-O1", "-o", program, join(repository, "tests/fuse/far-offsets.c")]);
  assert.equal(built.status, 0, built.stderr);
  const judge = mkdtempSync("/dev/shm/stratos-judge-");
  try {
    for (const options of ["writethrough", "writeback"]) {
      await volume.mount(options);
      for (const seed of SEEDS) {
        const ours = join(volume.mountPoint, `${options}${seed}`),
          theirs = join(judge, `${options}${seed}`);
        for (const folder of [ours, theirs]) mkdirSync(folder);
        const [own, judged] = [await run([program, ours, seed, CALLS]), await run([program, theirs, seed, CALLS])];
        assert.equal(judged.status, 0, judged.stderr);
        assert.equal(own.status, 0, own.stderr);
        const [left, right] = [own.stdout.split("\n"), judged.stdout.split("\n")];
        const at = left.findIndex((line, index) => line !== right[index]);
        assert.equal(left[at], right[at], `${options}, seed ${seed}, line ${at + 1}`);
        assert.equal(left.length, right.length);
        rmSync(theirs, { recursive: true });
        rmSync(ours, { recursive: true });
      }
      await volume.unmount();
      volume.check();
    }
  } finally {
    if (volume.serverPid() !== 0) await volume.unmount();
    rmSync(judge, { recursive: true });
  }
});

test("what the kernel's writeback cache still holds is no hole", async () => {
  await volume.mount("writeback");
  await volume.sh(
    "truncate -s 1M sparse; printf content | dd of=sparse bs=1 seek=500000 conv=notrunc status=none; cp " +
      "--sparse=auto sparse copy; cmp sparse copy; rm sparse copy",
  );
  await volume.unmount();
});

extendedTest(
  "truncate, dd, stat, fallocate, cp, cmp and rm work on the largest file, and it is there after the next mount",
  async () => {
    await volume.mount();
    const last = "9223372036854775807";
    assert.equal(
      await volume.sh(`
    truncate -s ${last} f; stat -c '%s %b' f
    printf last | dd of=f bs=1 seek=9223372036854775803 conv=notrunc status=none; tail -c 4 f; echo
    printf middle | dd of=f bs=1 seek=9007199254740990 conv=notrunc status=none
    cp --sparse=always f sparse; cp --reflink=auto f copy; ln f link
    for name in f sparse copy link; do stat -c '%s %b' $name; tail -c 4 $name; dd if=$name bs=1 skip=9007199254740990 \
count=6 status=none; echo; done`),
      `${last} 0\nlast\n${`${last} 24\nlastmiddle\n`.repeat(4)}`,
    );
    assert.match(
      (await volume.try(["fallocate", "-l", last, "sparse"], { cwd: volume.mountPoint })).stderr,
      /No space left on device/,
    );
    assert.match(
      (await volume.try(["sh", "-c", `printf x | dd of=f bs=1 seek=${last} conv=notrunc`], { cwd: volume.mountPoint }))
        .stderr,
      /File too large|Invalid argument/,
    );
    assert.equal(
      await volume.sh(`
    fallocate -p -o 9007199254740988 -l 9214364837600034819 copy; stat -c '%s %b' copy; tail -c 4 copy | od -An -tx1
    truncate -s 9007199254740993 sparse; tail -c 3 sparse; echo; stat -c %s sparse
    mkdir .snapshots/kept; truncate -s 5 f; stat -c %s f .snapshots/kept/f; tail -c 4 .snapshots/kept/f; echo`),
      `${last} 16\n 00 00 00 00\nmid\n9007199254740993\n5\n${last}\nlast\n`,
    );
    await volume.unmount();
    volume.check();
    await volume.mount();
    assert.equal(
      await volume.sh(
        "stat -c %s copy sparse; tail -c 4 .snapshots/kept/link; rm f copy sparse link; rmdir .snapshots/kept",
      ),
      `${last}\n9007199254740993\nlast`,
    );
    await volume.unmount();
    volume.check();
  },
);
