/**
 * Goal: a volume that is mounted on Linux behaves as any other file system, keeps what was synced, and ends cleanly.
 * Method: the programs that people run on one, on a real mount; Linux' own tmpfs is the judge of single calls.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest, sampleOf } from "@stratos/base/testing";
import { launcher, repository, run, start } from "./support/stratos.ts";
import { MountedVolume } from "./support/mounted-volume.ts";
import { Heard, until, untilGone } from "./support/until.ts";

let volume: MountedVolume;
before(async () => {
  volume = await MountedVolume.create();
});
after(() => volume?.remove());

test("what was written is there after unmounting and mounting again, and the volume is whole", async () => {
  await volume.mount();
  await volume.sh(
    "mkdir -p a/b; seq 100000 > a/b/numbers; ln -s b/numbers a/link; ln a/b/numbers second; setfattr -n " +
      "user.colour -v blue second; setfattr -n trusted.mark second; chmod 640 second; " +
      "touch -d '2001-02-03 04:05:06.789' a",
  );
  await volume.unmount();
  assert.equal(volume.serverPid(), 0, "umount returns when the server has let go");
  volume.check();
  await volume.mount("allow_other");
  assert.equal(
    await volume.sh(
      "md5sum < a/link; stat -c '%h %a' a/b/numbers; getfattr --only-values -n user.colour a/link; stat -c %y a",
    ),
    `${(await run(["sh", "-c", "seq 100000 | md5sum"])).stdout}2 640\nblue2001-02-03 04:05:06.789000000 +0000\n`,
  );
  const listed = "getfattr -m - second";
  assert.match(await volume.sh(listed), /trusted.mark\nuser.colour/);
  const byAnother = await volume.sh(`setpriv --reuid 65534 --clear-groups ${listed}`);
  assert.doesNotMatch(byAnother, /trusted/, "names that are administrators' are told to root alone");
  assert.match(byAnother, /user.colour/);
});

test("random calls end as on tmpfs, errnos included", async () => {
  const program = join(volume.folder, "differential");
  const built = await run(["gcc", "-O1", "-o", program, join(repository, "tests/fuse/differential.c")]);
  assert.equal(built.status, 0, built.stderr);
  const judge = mkdtempSync("/dev/shm/stratos-judge-");
  try {
    for (const seed of ["11", "12", "52", "41816"]) {
      const ours = join(volume.mountPoint, `calls${seed}`),
        theirs = join(judge, `calls${seed}`);
      for (const folder of [ours, theirs]) mkdirSync(folder);
      const [own, judged] = [await run([program, ours, seed, "6000"]), await run([program, theirs, seed, "6000"])];
      assert.equal(judged.status, 0, judged.stderr);
      assert.equal(own.status, 0, own.stderr);
      const [left, right] = [own.stdout.split("\n"), judged.stdout.split("\n")];
      const at = left.findIndex((line, index) => line !== right[index]);
      assert.equal(left[at], right[at], `seed ${seed}, line ${at + 1}`);
      assert.equal(left.length, right.length);
    }
  } finally {
    rmSync(judge, { recursive: true });
  }
});

test("a snapshot is a folder that is made and removed, and keeps what was there", async () => {
  await volume.sh("mkdir live; echo one > live/file; mkdir .snapshots/first; echo two > live/file; rm -r a");
  assert.equal(
    await volume.sh("cat .snapshots/first/live/file live/file; ls .snapshots; ls -A | grep -c '^[.]' || true"),
    "one\ntwo\nfirst\n0\n",
  );
  assert.match(
    (await volume.try(["sh", "-c", "echo x > .snapshots/first/live/file"], { cwd: volume.mountPoint })).stderr,
    /Read-only file system/,
  );
  assert.match((await volume.try(["mkdir", ".snapshots/first"], { cwd: volume.mountPoint })).stderr, /File exists/);
  const status = JSON.parse(readFileSync(join(volume.mountPoint, ".aegisfs"), "utf8")) as {
    health: string;
    subvolumes: { name: string }[];
  };
  assert.equal(status.health, "ok");
  assert.deepEqual(
    status.subvolumes.map(({ name }) => name),
    ["root", "first"],
  );
  await volume.unmount();
  await volume.mount("snapshot=first");
  assert.equal(await volume.sh("cat live/file"), "one\n");
  assert.match((await volume.try(["touch", "new"], { cwd: volume.mountPoint })).stderr, /Read-only file system/);
  await volume.unmount();
  await volume.mount();
  await volume.sh("rmdir .snapshots/first; ! test -e .snapshots/first");
});

extendedTest("a volume with a schedule takes its snapshots while it is mounted", async () => {
  await volume.unmount();
  await volume.stratos(["fs", "schedule", "set", "--hourly", "2", volume.volume]);
  await volume.mount();
  const seen = await volume.sh(
    "echo kept > by-schedule; for n in $(seq 600); do ls .snapshots | grep '^auto-' && break; sleep 0.1; done; " +
      "rm by-schedule",
  );
  assert.match(seen, /^auto-\d{8}T\d{6}Z\n$/);
  await volume.sh("rmdir .snapshots/auto-*");
  await volume.unmount();
  await volume.stratos(["fs", "schedule", "clear", volume.volume]);
  await volume.mount();
});

if (process.getuid?.() === 0) {
  test("a mount of root's lets other users in as far as their rights go, and a private one does not", async () => {
    const script =
      "setpriv --reuid 4321 --regid 4321 --clear-groups sh -c 'cat open; cat secret 2>&1; ls closed 2>&1; echo x " +
      "2>&1 > open; touch theirs/own && stat -c %u theirs/own'";
    await volume.sh(
      "echo seen > open; echo hidden > secret; chmod 600 secret; mkdir -m 700 closed; mkdir -m 777 theirs",
    );
    const said = (await volume.try(["sh", "-c", `chmod 755 ..; ${script}`], { cwd: volume.mountPoint })).stdout;
    assert.match(
      said,
      /^seen\ncat: secret: Permission denied\nls: cannot open directory 'closed': Permission denied\n/,
    );
    assert.match(said, /4321\n$/);
    await volume.unmount();
    await volume.mount("private");
    const closed = await volume.try([
      "setpriv",
      "--reuid",
      "4321",
      "--regid",
      "4321",
      "--clear-groups",
      "ls",
      volume.mountPoint,
    ]);
    assert.match(closed.stderr, /Permission denied/);
    assert.equal(await volume.sh("cat secret; rm -r open secret closed theirs"), "hidden\n");
    await volume.unmount();
    await volume.mount();
  });
}

if (process.getuid?.() === 0) {
  const changes = [
    "dd if=/dev/zero of=program bs=4096 count=1 conv=notrunc status=none",
    "dd if=/dev/zero of=program bs=4096 count=1 conv=notrunc oflag=direct status=none",
    "fallocate -l 20000 program",
    "fallocate -p -o 0 -l 4096 program",
    "truncate -s 100 program",
  ];
  test("a change of a program by another user takes its set-user-ID bit away, at once", async () => {
    for (const change of changes) {
      // `stat` with nothing but the mode asks what the kernel goes by when it starts programs.
      const modes = await volume.sh(
        `rm -f program; cp /bin/true program; chmod 6777 program; stat -c %a program; ${change}; stat -c %a program
        setpriv --reuid 4321 --regid 4321 --clear-groups ${change}; stat -c %a program`,
      );
      assert.deepEqual(modes.trim().split("\n"), ["6777", "6777", "777"], change);
    }
    await volume.sh("rm program");
  });
}

test("a large file is copied by sharing its blocks", async () => {
  const seen = await volume.sh(
    "head -c 200M /dev/urandom > long; sync long; before=$(stat -f -c %f .); cp --reflink=auto long copy; sync " +
      "copy; echo $((before - $(stat -f -c %f .))); cmp long copy && echo same; cp --reflink=always long other " +
      "2>&1 | sed 's/.*: //'; rm -f long copy other",
  );
  const [taken, same, why] = seen.split("\n");
  // Of 51,200: the extents' checksums are the copy's own, and what it may still write is set aside.
  assert.ok(Number(taken) < 256, `${taken} blocks more`);
  assert.equal(same, "same");
  assert.match(why!, /not supported/, "Linux hands FICLONE to no server of FUSE");
});

test("chattr and lsattr change and show compression and projects", async () => {
  const seen = await volume.sh(`
    mkdir packed; lsattr -d packed; chattr +c packed; lsattr -d packed
    before=$(stat -f -c %f .); yes text | head -c 300000 > packed/text; sync packed/text; echo $((before - $(stat -f \
-c %f .))); lsattr packed
    chattr -c packed/text; lsattr packed/text; chattr +i packed/text 2>&1 | sed 's/.*: //'
    chattr -p 77 packed; lsattr -dp packed; mkdir packed/below; lsattr -dp packed/below; ln packed/text moved; mv \
moved packed/moved 2>&1 || true; rm -rf packed moved`);
  const lines = seen
    .trimEnd()
    .split("\n")
    .map((line) => line.trim());
  assert.match(lines[0]!, /^-{22} packed$/);
  assert.match(lines[1]!, /^-+c-+ packed$/);
  assert.ok(Number(lines[2]) < 40, `${lines[2]} blocks for 300,000 bytes of one word`);
  assert.match(lines[3]!, /^-+c-+ packed\/text$/);
  assert.match(lines[4]!, /^-{22} packed\/text$/);
  assert.match(lines[5]!, /^Operation not supported/);
  assert.match(lines[6]!, /^77 [-c]+P-* packed$/);
  assert.match(lines[7]!, /^77 [-c]+P-* packed\/below$/);
});

test("a file that is read from end to end comes in large pieces", async () => {
  await volume.sh("head -c 8M /dev/urandom > long");
  await volume.unmount();
  await volume.mount();
  // Where sysfs cannot be written, as in many containers, the kernel's own 128 KiB hold.
  const pieces =
    (
      await volume.try(["sh", "-c", "test -w /sys/class/bdi/$(mountpoint -d .)/read_ahead_kb"], {
        cwd: volume.mountPoint,
      })
    ).status === 0
      ? 16
      : 64;
  await volume.sh("cat long > /dev/null");
  const { requests } = JSON.parse(readFileSync(join(volume.mountPoint, ".aegisfs"), "utf8")) as {
    requests: { READ: number };
  };
  assert.ok(requests.READ <= pieces * 1.5, `${requests.READ} requests`);
  await volume.sh("rm long");
});

for (const options of sampleOf(["writeback", "writethrough", "rw"], 3)) {
  test(`quotas bind users, and root not: ${options}`, async () => {
    await volume.unmount();
    await volume.stratos(["fs", "quota", "on", volume.volume]);
    await volume.stratos(["fs", "quota", "set", volume.volume, "--user", "4321", "--size", "1M", "--inodes", "5"]);
    await volume.mount(options);
    const said = await volume.sh(
      `
      mkdir -m 777 everybody; cd everybody
      as() { setpriv --reuid 4321 --regid 4321 --clear-groups "$@"; }
      as dd if=/dev/zero of=big bs=64k count=64 conv=fsync status=none 2>&1 || echo full
      test $(stat -c %b big) -le 2048
      as rm big
      case $1 in *writeback*) ;; *) as perl -e 'open my $f, ">", "whole"; $n = 0; $n += $w while $w = syswrite $f, \
"x" x 65536; print "$!: ", $n == -s $f ? "as long as written" : "longer", "\n"' ;; esac
      as rm -f whole
      for n in 1 2 3 4 5 6; do as touch file$n 2>&1 || echo no more; done
      dd if=/dev/zero of=roots bs=64k count=64 conv=fsync status=none; for n in 1 2 3 4 5 6; do touch root$n; done
      chown 4321 roots
      cd ..; rm -r everybody`,
      options,
    );
    assert.match(said, /Disk quota exceeded/);
    // Where a write goes through, it is told itself, and the file is as long as what was written.
    if (options !== "writeback") assert.match(said, /^Disk quota exceeded: as long as written$/m);
    assert.match(said, /^full$/m);
    assert.match(said, /^no more$/m);
    assert.doesNotMatch(said, /roots/);
    await volume.unmount();
    volume.check();
    await volume.stratos(["fs", "quota", "off", volume.volume]);
    await volume.mount("allow_other");
  });
}

if (process.getuid?.() === 0) {
  test(
    "mount(8) mounts by its helper, as fstab(5) has it, and makes the " + "mount read-only and writable again",
    async () => {
      const lineOfMount = (): string =>
        readFileSync("/proc/self/mountinfo", "utf8")
          .split("\n")
          .find((line) => line.includes(` ${volume.mountPoint} `)) ?? "";
      const typeOfMount = (): string | undefined => / - (\S+) /.exec(lineOfMount())?.[1];
      const ownType = typeOfMount();
      await volume.unmount();
      const helper = "/sbin/mount.aegisfs";
      const kept = existsSync(helper) ? readFileSync(helper) : null;
      rmSync(helper, { force: true });
      assert.match((await volume.stratos(["fs", "install-helper"])).stdout, /mount -t aegisfs/);
      const table = join(volume.folder, "fstab");
      writeFileSync(
        table,
        `${volume.volume} ${volume.mountPoint} aegisfs defaults,nodiratime,nosuid,noauto,x-note=1 0 0\n`,
      );
      const mount8 = async (...args: string[]): Promise<void> => {
        const { status, stderr } = await volume.try(["mount", "--fstab", table, ...args]);
        assert.equal(`${stderr}${status}`, "0");
      };
      try {
        await mount8(volume.mountPoint);
        assert.match(lineOfMount(), /nosuid.* fuse(?:blk)?\.aegisfs /);
        assert.equal(typeOfMount(), ownType, "sync(2) reaches it as it reaches a mount of ours");
        assert.equal(
          await volume.sh(
            "mkdir quiet; touch quiet/a; touch -d @981173106 quiet; ls quiet; stat -c %X quiet; rm -r quiet; echo " +
              "kept > kept",
          ),
          "a\n981173106\n",
          "folders' access times stand still",
        );
        await mount8("-o", "remount,ro", volume.mountPoint);
        assert.match((await volume.try(["touch", "kept"], { cwd: volume.mountPoint })).stderr, /Read-only file system/);
        await mount8("-o", "remount,rw", volume.mountPoint);
        assert.equal(await volume.sh("cat kept; rm kept"), "kept\n");
      } finally {
        await volume.stratos(["fs", "install-helper", "--remove"]);
        assert.ok(!existsSync(helper));
        if (kept !== null) writeFileSync(helper, kept, { mode: 0o755 });
      }
      await volume.unmount();
      await volume.mount();
    },
  );
}

test("a rollback of what is mounted shows the old files at once, to who has looked at the new ones", async () => {
  const seen = await volume.sh(`
    mkdir state; echo old > state/kept; echo old > state/removed; echo same > state/same; mkdir .snapshots/good; exec \
4< state/same
    echo newer > state/kept; rm state/removed; echo new > state/added; cat state/*; ls state; exec 3< state/kept
    exec 5>> state/added; echo unwritten >&5
    ln -s good .snapshots/.rollback; cat state/kept state/removed; ls state; test ! -e state/added; cat <&3 2> \
/dev/null || echo stale; cat <&4; ls -A .snapshots; stat -c %s state/kept
    echo goes-on > state/added; rmdir .snapshots/good; cat state/added`);
  assert.equal(
    seen,
    "new\nnewer\nsame\nadded\nkept\nsame\nold\nold\nkept\nremoved\nsame\nstale\nsame\ngood\n4\ngoes-on\n",
  );
  assert.match(
    (await volume.try(["ln", "-s", "nothing", ".snapshots/.rollback"], { cwd: volume.mountPoint })).stderr,
    /No such file/,
  );
});

extendedTest("the commands of snapshots work on a volume that is mounted", async () => {
  const snapshot = async (...args: string[]): Promise<string> =>
    (await volume.stratos(["fs", "snapshot", args[0]!, volume.volume, ...args.slice(1)])).stdout;
  await volume.sh("mkdir ordered; echo first > ordered/file");
  assert.equal(await snapshot("create", "by-command"), "by-command\n");
  await volume.sh("echo second > ordered/file; cat ordered/file");
  assert.match(
    (await volume.try([...launcher, "fs", "snapshot", "create", volume.volume, "by-command"])).stderr,
    /by-command: file already exists/,
  );
  await snapshot("create", "--label", "for people", "other");
  assert.match(await snapshot("list"), /other .*for people/);
  await snapshot("rollback", "by-command", "--save", "before");
  assert.equal(await volume.sh("cat ordered/file .snapshots/before/ordered/file"), "first\nsecond\n");
  await snapshot("delete", "by-command", "before", "other");
  assert.match(
    (await volume.try([...launcher, "fs", "snapshot", "rollback", volume.volume, "before"])).stderr,
    /before: no such snapshot/,
  );
  assert.equal(await volume.sh("ls .snapshots; rm -r ordered"), "");
});

test(
  "what a program has written and not closed is there for all who look: " + "holes, copies, links, snapshots",
  async () => {
    const seen = await volume.sh(`
    truncate -s 1M sparse; exec 3<> sparse 4>> log
    perl -e 'open my $f, "+<&=", 3; sysseek $f, 524288, 0; syswrite $f, "x" x 4096; print sysseek($f, 0, 3) + 0, " ", \
sysseek($f, 524288, 4) + 0, "\n"; sysseek $f, 65536, 0; syswrite $f, "y" x 4096; truncate $f, 2097152'
    cp --sparse=auto sparse copy; cmp sparse copy && stat -c %s copy
    printf one >&4; mkdir .snapshots/open; printf two >&4; cat .snapshots/open/log; echo; cat log; echo; cmp \
.snapshots/open/sparse sparse && echo same
    cp --reflink=auto log again; cat again; echo; rmdir .snapshots/open; rm sparse copy log again`);
    assert.equal(seen, "524288 528384\n2097152\none\nonetwo\nsame\nonetwo\n");
  },
);

extendedTest("what comes later is not stamped earlier, by the kernel or by the server", async () => {
  const said = await volume.sh(
    "mkdir order; for n in $(seq 60); do f=order/$n; echo $n > $f; mkdir $f.made; ln $f $f.linked; mkdir $f.last; " +
      "perl -e 'select undef, undef, undef, .007'; echo $(stat -c %.Z $f.made $f.linked $f.last); done; rm -r order",
  );
  const lines = said.trim().split("\n");
  assert.equal(lines.length, 60);
  for (const line of lines) assert.deepEqual(line.split(" ").sort(), line.split(" "));
});

test("no file is changed before its birth", async () => {
  const said = await volume.sh(
    "mkdir born; for n in $(seq 30); do echo $n > born/file$n; perl -e 'select undef, undef, undef, 0.013'; " +
      "done; TZ=UTC stat -c '%w %y %z' born/*; rm -r born",
  );
  const lines = said
    .trim()
    .split("\n")
    .map((line) => line.split(/ \+0000 ?/));
  assert.equal(lines.length, 30);
  for (const [birth, modified, changed] of lines)
    assert.ok(birth! <= modified! && birth! <= changed!, `${birth} ${modified} ${changed}`);
});

test(
  "times of files that were written stay when the kernel forgets them, and " + "follow those of other file systems",
  async () => {
    const judge = mkdtempSync("/dev/shm/stratos-judge-");
    const script = `
    mkdir times; for n in $(seq 40); do echo $n > times/file$n; done; cp -p times/file1 \
times/copy; touch -d '2001-02-03 04:05:06.000000789' times/file2; echo more >> times/file3; truncate -s 1 times/file4
    until touch "$1"; test "$1" -nt times/file4; do :; done
    truncate -s 0 times/file5; ln times/file6 times/link; mv times/file7 times/moved; chmod 600 times/file8
    dd if=/dev/zero of=times/file9 bs=4k count=3 conv=notrunc oflag=direct status=none
    stat -c '%n %y %z' times/* > "$1"`;
    try {
      const list = join(judge, "list");
      await volume.sh(script, list);
      const fresh = readFileSync(list, "utf8");
      await volume.unmount();
      await volume.mount("allow_other");
      assert.equal(await volume.sh("stat -c '%n %y %z' times/*"), fresh);
      assert.equal(
        await volume.sh(
          "stat -c %y times/file2; test times/file1 -ot times/file5; test times/file5 -nt times/file6; test ! " +
            "times/file6 -nt times/file7; rm -r times",
        ),
        "2001-02-03 04:05:06.000000789 +0000\n",
      );
    } finally {
      rmSync(judge, { recursive: true });
    }
  },
);

test("what no longer fits is told by close or fsync, or a write that follows, and the rest is whole", async () => {
  const small = await MountedVolume.create("64M");
  try {
    for (const options of ["rw", "writethrough"]) {
      await small.mount(options);
      const said = await small.sh(
        "head -c 4M /dev/urandom > first; md5sum first; dd if=/dev/zero of=second bs=1M count=80 status=none " +
          "2>&1 || echo no room; dd if=/dev/urandom of=third bs=64k count=3 conv=fsync status=none 2>&1 || echo no " +
          "room; rm second third; dd if=/dev/urandom of=fourth bs=1M count=4 conv=fsync status=none; md5sum first; " +
          "rm first fourth; timeout 60 dd if=/dev/zero of=endless bs=1M count=16384 2>&1 || rm endless",
      );
      assert.match(said, /error writing 'endless': No space left on device/);
      const lines = said.trimEnd().split("\n");
      assert.ok(
        lines.some((line) => line.includes("No space left on device")),
        said,
      );
      assert.ok(lines.filter((line) => line === "no room").length >= 1, said);
      assert.equal(
        lines[0],
        lines.findLast((line) => line.endsWith("  first")),
      );
      await small.unmount();
      small.check();
    }
  } finally {
    await small.remove();
  }
});

test("a second writer is refused, and so is what cannot be mounted", async () => {
  const other = join(volume.folder, "other");
  mkdirSync(other);
  const attempt = (...args: string[]): Promise<{ status: number; stderr: string }> =>
    volume.try([...launcher, "fs", ...args]);
  const told = async (status: number, words: RegExp, ...args: string[]): Promise<void> => {
    const result = await attempt(...args);
    assert.match(result.stderr, words);
    assert.equal(result.status, status);
  };
  await told(
    1,
    /^stratos: .*volume.aegisfs: in use by process \d+ \(stratos fs mount \S+ \S+\)\n$/,
    "mount",
    volume.volume,
    other,
  );
  await told(1, /^stratos: .*mount: .* is mounted there already\n$/, "mount", volume.volume, volume.mountPoint);
  await told(1, /^stratos: nowhere: no such file or directory\n$/, "mount", volume.volume, "nowhere");
  writeFileSync(join(volume.folder, "text"), "x".repeat(100_000));
  await told(
    1,
    /^stratos: .*text: is a file of 100000 bytes, and no AegisFS volume/,
    "mount",
    join(volume.folder, "text"),
    other,
  );
  await told(2, /'compress': no such mount option/, "mount", "-o", "compress", volume.volume, other);
  await told(1, /^stratos: .*other: nothing is mounted there\n$/, "umount", other);
  const list = JSON.parse((await volume.stratos(["fs", "mount", "--json"])).stdout) as {
    volume: string;
    dir: string;
  }[];
  assert.ok(list.some((entry) => entry.volume === volume.volume && entry.dir === volume.mountPoint));
});

test(
  "SIGTERM unmounts and keeps everything; in use, the place is given back and " + "the mount ends with its last file",
  async () => {
    await volume.sh("echo before > kept");
    const pid = volume.serverPid();
    process.kill(pid, "SIGTERM");
    await untilGone(pid);
    assert.ok(!existsSync(join(volume.mountPoint, "kept")));
    await volume.mount();
    const holder = start(["sh", "-c", "exec 3>> kept; echo ready; read go; echo after >&3"], {
      cwd: volume.mountPoint,
    });
    const ended = once(holder, "close");
    await new Heard(holder.stdout!).includes("ready");
    const second = volume.serverPid();
    process.kill(second, "SIGTERM");
    const isBusy = (): boolean => volume.log().includes("busy: the mount ends when its last file is closed");
    await until("it says that the mount is busy", isBusy);
    holder.stdin!.end("go\n");
    await ended;
    await untilGone(second);
    volume.check();
    await volume.mount();
    assert.equal(await volume.sh("cat kept"), "before\nafter\n");
  },
);

test("access control lists are kept, inherited and followed by the mode, as on tmpfs", async () => {
  await volume.unmount();
  await volume.mount("allow_other");
  const judge = mkdtempSync("/dev/shm/stratos-judge-");
  const script = `
    umask 027; mkdir lists; cd lists; touch plain; mkdir shared; setfacl -m \
u:1000:rwx,g:2000:r,d:u:1000:rwx,d:m::rwx,d:o::- shared
    touch shared/file; mkdir shared/folder; touch shared/folder/deep; chmod 640 shared/file; chmod 750 shared
    setfacl -m u:1001:r plain; chmod 604 plain; list() { getfacl -cn . plain shared shared/file shared/folder \
shared/folder/deep; }; list; stat -c '%n %a' plain shared shared/file shared/folder shared/folder/deep
    setfacl -b plain; setfacl -k shared; list; setfacl -m u:1000:r,m::- plain
    cat plain; setpriv --reuid=1000 --regid=1000 --clear-groups sh -c 'cat plain; echo x > shared/by-user; ls shared'`;
  try {
    const own = await volume.try(["sh", "-c", script], { cwd: volume.mountPoint });
    const judged = await volume.try(["sh", "-c", script], { cwd: judge });
    assert.equal(own.stdout, judged.stdout);
    assert.equal(own.stderr, judged.stderr);
    assert.match(own.stdout, /user:1000:rwx/);
  } finally {
    rmSync(judge, { recursive: true });
  }
});

extendedTest("a volume of two devices, encrypted and compressed, mounts with its key, and not without", async () => {
  const place = join(volume.folder, "sealed");
  mkdirSync(place);
  const [first, second, key] = ["sealed-a", "sealed-b", "key"].map((name) => join(volume.folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(key, "correct horse\n");
  const made = await volume.try(
    [...launcher, "fs", "format", first, second, "--size", "64M", "--encrypt", "--compress", "zstd", "--copies", "2"],
    { env: { STRATOS_PASSPHRASE_FILE: key } },
  );
  assert.equal(made.status, 0, made.stderr);
  const without = await volume.try([...launcher, "fs", "mount", `${first},${second}`, place]);
  assert.match(without.stderr, /passphrase/);
  assert.equal(without.status, 1);
  await volume.stratos(["fs", "mount", "-o", `device=${second},keyfile=${key}`, first, place]);
  const used = await volume.try(
    ["sh", "-euc", "seq 300000 > numbers; sync numbers; cp numbers again; cmp numbers again; md5sum < again"],
    { cwd: place },
  );
  await volume.stratos(["fs", "umount", place]);
  assert.equal(used.stderr, "");
  assert.equal(used.stdout, (await run(["sh", "-c", "seq 300000 | md5sum"])).stdout);
});

test("who is not root mounts through fusermount3", async () => {
  const folder = mkdtempSync("/tmp/stratos-user-");
  // Everybody's, as udev makes it where that runs.
  const { mode } = statSync("/dev/fuse");
  try {
    chmodSync("/dev/fuse", 0o666);
    chownSync(folder, 65534, 65534);
    const script = `
      mkdir mount; stratos fs format volume --size 64M; stratos fs mount volume mount; echo mine > mount/file; stat \
-c '%u %a' mount/file
      stratos fs mount --json | grep -c "$PWD/mount"; cp /bin/true mount/program; mount/program && echo runs; stratos \
fs umount mount; ls mount; stratos fs cat volume:/file`;
    const result = await volume.try(
      [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "sh",
        "-euc",
        `stratos() { ${process.execPath} ${join(repository, "stratos.mjs")} "$@"; }; ${script}`,
      ],
      { cwd: folder, env: { STRATOS_HOME: join(folder, "home"), HOME: folder } },
    );
    assert.equal(result.stderr, "");
    assert.equal(result.stdout, "65534 644\n1\nruns\nmine\n");
  } finally {
    chmodSync("/dev/fuse", mode & 0o777);
    await run(["umount", "-l", join(folder, "mount")]);
    rmSync(folder, { recursive: true, force: true });
  }
});
