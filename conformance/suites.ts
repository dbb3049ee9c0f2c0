/**
 * Test suites of programs that Debian ships, against the installed programs in Stratos, and what fails there under
 * qemu-user as well:
 *
 *     npm run conformance:suites -- [acl] [apr] [bash] [busybox] [coreutils] [dbus] [diffutils] [e2fsprogs] [findutils]
 *     [gawk] [git] [glib] [glibc] [gnulib] [grep] [libevent] [liburing] [libuv] [linux] [make] [mksh] [node] [perl]
 *     [posix] [sed] [socat] [strace] [stress-ng] [systemd] [tar] [tcl] [util-linux] [zsh]
 *     [--filter TEXT] [--limit SECONDS] [--timeout SECONDS] [--only-ours] [--worse]
 *     [--record]
 *
 * Sources come from the Debian mirror, with pinned hashes (D-Bus', GLib's and systemd's tests are packages); the
 * scripts that run in the guest are in `guest/`. What fails in Stratos and not under qemu-user runs there once more,
 * with twice the time: a busy host alone makes no row. `--worse` runs those alone that the recorded row says are worse
 * here, and with `--record` takes off it what passes now. The last line is `N passed, N failed`: a test that fails in
 * both places is not counted.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { findMirror } from "@stratos/tools-node/packages";
import { ensureJudge, judge } from "../tests/support/judge.ts";
import { launcher, stratos } from "../tests/support/stratos.ts";
import { TEST_HOME } from "../tests/support/test-image.ts";
import { ensureImage } from "./ensure-image.ts";
import {
  buildAprTests,
  buildGawkTests,
  buildGitHelpers,
  buildGnulibTests,
  buildLibeventTests,
  buildLiburingTests,
  buildLibuvTests,
  buildTarHelpers,
  buildUtilLinuxHelpers,
  wordsOf,
} from "./cross-builds.ts";
import { buildGlibcTests } from "./glibc-tests.ts";
import { buildSelftests, SELFTESTS_PARTS } from "./kernel-selftests.ts";
import { buildStraceTests } from "./strace-tests.ts";
import { recordedRow, recordRows, type Row } from "./results.ts";
import { isWhole, refuseUnknown } from "../tests/support/known-names.ts";

const IMAGE = "suites-8";
const PACKAGES = [
  ...["gcc", "libc6-dev", "make", "perl", "gawk", "bc", "acl", "attr", "locales-all"],
  ...["util-linux-extra", "psmisc", "xz-utils", "zip", "file", "libglib2.0-tests", "systemd-tests"],
  ...["mksh", "zsh", "git", "zlib1g-dev", "bsdextrautils", "busybox", "dosfstools", "e2fsprogs"],
  ...["eject", "fdisk", "iproute2", "iputils-ping", "libcap2-bin", "netcat-openbsd", "openssl"],
  ...["procps", "socat", "strace", "stress-ng", "uuid-runtime", "xxd"],
  ...["bubblewrap", "dbus-tests", "nodejs", "tcl8.6"],
];
const ROOT = join(TEST_HOME, `root-${IMAGE}`);
const CROSS_COMPILER = "riscv64-linux-gnu-gcc";
const ABOUT = {
  title: "Suites of other programs, against the ones that Debian installs",
  command: "npm run conformance:suites -- --record",
};

interface Suite {
  readonly name: string;
  /** Below the mirror, with its hash; null: a package of the image has it. */
  readonly source: string | null;
  readonly sha256: string;
  /** What of the archive is unpacked; all if there is no list. */
  readonly parts?: readonly string[];
  /** Builds what the guest needs into `folder`, whose `source` holds the source, and lists the tests. */
  readonly prepare: (folder: string) => string[];
  /** Exit statuses that are no failure: passed, skipped. */
  readonly good: readonly number[];
}

const COREUTILS = {
  source: "pool/main/c/coreutils/coreutils_9.7.orig.tar.xz",
  sha256: "e8bb26ad0293f9b5a1fc43fb42ba970e312c66ce92c1b0b16713d7500db251bf",
};

const SUITES: readonly Suite[] = [
  {
    // Those of nfs want a server of it.
    name: "acl",
    source: "pool/main/a/acl/acl_2.3.2.orig.tar.xz",
    sha256: "97203a72cae99ab89a067fe2210c1cbf052bc492b479eca7d226d9830883b0bd",
    good: [0],
    prepare: (folder) =>
      readdirSync(join(folder, "source/test"), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".test") && !name.startsWith("nfs/"))
        .map((name) => name.slice(0, -".test".length))
        .sort(),
  },
  {
    // Of `testdso` all but one want modules of its own build.
    name: "apr",
    source: "pool/main/a/apr/apr_1.7.5.orig.tar.bz2",
    sha256: "cd0f5d52b9ab1704c72160c5ee3ed5d3d4ca2df4a7f8ab564e3cb352b67232f2",
    good: [0],
    prepare: buildAprTests,
  },
  {
    name: "bash",
    source: "pool/main/b/bash/bash_5.2.37.orig.tar.xz",
    sha256: "370704c9c859f4060b7df19055e43bb9b5fa09d887699cf6ba87885c5485d36a",
    good: [0],
    prepare: (folder) => {
      const source = join(folder, "source");
      writeFileSync(
        join(source, "config.h"),
        ["UNISTD", "STRING", "STDLIB", "LOCALE"].map((name) => `#define HAVE_${name}_H 1\n`).join(""),
      );
      for (const tool of ["recho", "zecho", "printenv", "xcase"])
        compile(join(source, "support", `${tool}.c`), join(source, "tests", tool), [
          "-static",
          "-DHAVE_CONFIG_H",
          `-I${source}`,
          `-I${join(source, "include")}`,
        ]);
      return readdirSync(join(source, "tests"))
        .filter((name) => name.startsWith("run-") && !["run-all", "run-minimal", "run-gprof"].includes(name))
        .sort();
    },
  },
  {
    // Each applet with its tests. What fails, fails by the same tests under qemu-user: Debian's was built without ar's
    // creation, gzip's levels, tail -2, time's formats and what tar excludes; bunzip2's want a bzip2, and mdev's a
    // busybox without libraries, as they change their root.
    name: "busybox",
    source: "pool/main/b/busybox/busybox_1.37.0.orig.tar.bz2",
    sha256: "3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4",
    good: [0],
    prepare: (folder) => {
      const names = readdirSync(join(folder, "source/testsuite"), { withFileTypes: true })
        .filter((entry) => entry.isDirectory() || (entry.name.endsWith(".tests") && !entry.name.startsWith("all_")))
        .map((entry) => basename(entry.name, ".tests"));
      return [...new Set(names)].filter((name) => !name.endsWith("_test")).sort();
    },
  },
  {
    name: "coreutils",
    ...COREUTILS,
    good: [0, 77],
    prepare: (folder) => {
      compile(join(import.meta.dirname, "guest/getlimits.c"), join(folder, "getlimits"), ["-static"]);
      const all = readdirSync(join(folder, "source/tests"), { recursive: true, encoding: "utf8" });
      return all
        .filter((name) => /\.(sh|pl)$/.test(name) && name.includes("/") && !name.startsWith("factor/"))
        .map((name) => `tests/${name}`)
        .sort();
    },
  },
  {
    name: "dbus",
    source: null,
    sha256: "",
    good: [0, 77],
    // Each again with a configuration beside it, which changes nothing here.
    prepare: () => installedTests("dbus").filter((name) => !name.endsWith("_with_config")),
  },
  {
    name: "diffutils",
    source: "pool/main/d/diffutils/diffutils_3.10.orig.tar.xz",
    sha256: "90e5e93cc724e4ebe12ede80df1634063c7a855692685919bfe60b556c9bd09e",
    good: [0, 77],
    prepare: (folder) => wordsOf(readFileSync(join(folder, "source/tests/Makefile.am"), "latin1"), "TESTS").sort(),
  },
  {
    // Without slow ones, and those of its library (`e_`). What fails, fails in both places: `f_badcluster` and those of
    // inodes that hold attributes tell of another e2fsck and debugfs than Debian's, `f_readonly_fsck` and `i_qcow` of
    // sums by a program of its own build.
    name: "e2fsprogs",
    source: "pool/main/e/e2fsprogs/e2fsprogs_1.47.2.orig.tar.gz",
    sha256: "6dcd67ff9d8b13274ba3f088e4318be4f5b71412cd863524423fc49d39a6371f",
    parts: ["tests"],
    good: [0, 77],
    prepare: (folder) => {
      const tests = join(folder, "source/tests");
      return readdirSync(tests)
        .filter((name) => /^[a-df-z]_/.test(name) && !existsSync(join(tests, name, "is_slow_test")))
        .sort();
    },
  },
  {
    name: "findutils",
    source: "pool/main/f/findutils/findutils_4.10.0.orig.tar.xz",
    sha256: "1387e0b67ff247d2abde998f90dfbf70c1491391a59ddfecb8ae698789f0a4f5",
    good: [0, 77],
    prepare: (folder) => {
      const tests = join(folder, "source/tests");
      writeFileSync(join(folder, "config.h"), "");
      compile(join(tests, "xargs/test-sigusr.c"), join(folder, "test-sigusr"), ["-static", `-I${folder}`]);
      const all = readdirSync(tests, { recursive: true, encoding: "utf8" });
      return all
        .filter((name) => name.includes("/") && name.endsWith(".sh"))
        .map((name) => `tests/${name}`)
        .sort();
    },
  },
  {
    // Those that print numbers of arbitrary size want the library that it was built with.
    name: "gawk",
    source: "pool/main/g/gawk/gawk_5.2.1.orig.tar.xz",
    sha256: "2337a0283b180ec1b9c727973a34781c6478b3ae9bcbdcca0a4dc49861d75a65",
    good: [0],
    prepare: buildGawkTests,
  },
  {
    // The parts of basics, trees, branches, local transport and what users call; none that asks a server.
    name: "git",
    source: "pool/main/g/git/git_2.47.3.orig.tar.xz",
    sha256: "9c2eb1250781b3e5bfef098572d07fdf132d67e6c065e4307332ade9819a1501",
    good: [0],
    prepare: (folder) => buildGitHelpers(folder, ROOT),
  },
  {
    // `utils-isolated` expects that root can't remove files from a folder that is closed to writing.
    name: "glib",
    source: null,
    sha256: "",
    good: [0, 77],
    prepare: () => installedTests("glib"),
  },
  {
    // Some want arguments, modules or files that only glibc's own build gives them.
    name: "glibc",
    source: "pool/main/g/glibc/glibc_2.41.orig.tar.xz",
    sha256: "f24aa441021121a79266f0d75242706cab8843a47901fefe74527491807f1998",
    good: [0, 77],
    prepare: (folder) => buildGlibcTests(folder, CROSS_COMPILER),
  },
  {
    // Without a libacl to link with; two crash as they are linked for another machine (`test-lock`, `test-rwlock1`).
    name: "gnulib",
    ...COREUTILS,
    good: [0, 77],
    prepare: buildGnulibTests,
  },
  {
    name: "grep",
    source: "pool/main/g/grep/grep_3.11.orig.tar.xz",
    sha256: "1db2aedde89d0dea42b16d9528f894c8d15dae4e190b59aecc78f5a951276eab",
    good: [0, 77],
    prepare: (folder) => {
      writeFileSync(join(folder, "config.h"), "");
      const helper = join(folder, "get-mb-cur-max");
      compile(join(folder, "source/tests/get-mb-cur-max.c"), helper, [`-I${folder}`]);
      return wordsOf(readFileSync(join(folder, "source/tests/Makefile.am"), "latin1"), "TESTS").sort();
    },
  },
  {
    // `dns/initialize_nameservers` wants a server's name in resolv.conf.
    name: "libevent",
    source: "pool/main/libe/libevent/libevent_2.1.13-stable.orig.tar.gz",
    sha256: "f7e9383b8c0baa81b687e5b5eecc01beefaf1b19b64151d95ed61647fe7a315c",
    good: [0],
    prepare: (folder) => {
      buildLibeventTests(folder);
      const list = outputOf(["/suite/regress", "--list-tests"], folder);
      return [...list.matchAll(/^ +([a-z0-9_]+\/\S+)$/gm)].map((match) => match[1]!);
    },
  },
  {
    // qemu-user knows no rings, so all fails there: `--only-ours` tells what fails here. `wq-aff` wants a second
    // processor.
    name: "liburing",
    source: "pool/main/libu/liburing/liburing_2.9.orig.tar.gz",
    sha256: "57e9b36e4ac1e46b8e0351dfb1694dc59638fc25e384b4ba36d87b800b16db1a",
    good: [0, 77],
    prepare: buildLiburingTests,
  },
  {
    name: "libuv",
    source: "pool/main/libu/libuv1/libuv1_1.50.0.orig.tar.gz",
    sha256: "ec9de6ecf2a780fd2afb3b007947d2cd57c3bb17f3b9e721a66774980d35cd4d",
    good: [0, 7],
    prepare: buildLibuvTests,
  },
  {
    // Linux's selftests. TCP Fast Open is off, as by a tcp_fastopen of 0 (`sk_bind_sendto_listen`). `rtcpie` is told of
    // interrupts within a tenth of 1/64 s: a busy host is late.
    name: "linux",
    source: "pool/main/l/linux/linux_6.12.107.orig.tar.xz",
    sha256: "efc76d3c78a5d65f42724118c437d11db1c9f6309a5f024ee9a8b1978fdc6919",
    parts: SELFTESTS_PARTS,
    good: [0, 4],
    prepare: buildSelftests,
  },
  {
    // `output-sync` and `temp_stdin` expect that root can't write where it may not, `POSIX` other flags for ar.
    name: "make",
    source: "pool/main/m/make-dfsg/make-dfsg_4.4.1.orig.tar.xz",
    sha256: "3b16b00ea1079af9f8096bbc71ff7cc00c249fc6a862003da3c42308a0adb0fe",
    good: [0],
    prepare: (folder) =>
      ["features", "functions", "misc", "options", "targets", "variables"].flatMap((part) =>
        readdirSync(join(folder, "source/tests/scripts", part))
          .map((name) => `${part}/${name}`)
          .sort(),
      ),
  },
  {
    // Those of history and prompts want mksh's own build, those of KSH_VERSION another than Debian's.
    name: "mksh",
    source: "pool/main/m/mksh/mksh_59c.orig.tar.gz",
    sha256: "77ae1665a337f1c48c61d6b961db3e52119b38e58884d1c89684af31f87bc506",
    good: [0],
    prepare: (folder) => {
      const tests = readFileSync(join(folder, "source/check.t"), "latin1");
      return [...new Set([...tests.matchAll(/^name: (\S+)$/gm)].map((match) => match[1]!))];
    },
  },
  {
    // Processes, clusters, datagrams, streams of the terminal: what asks the kernel more than the engine.
    name: "node",
    source: "pool/main/n/nodejs/nodejs_20.19.2%2bdfsg.orig.tar.xz",
    sha256: "5e5559381ad031d245a8efa403458abbb73755f74c3e6380f185a4dd342b7949",
    parts: ["test"],
    good: [0],
    prepare: (folder) =>
      readdirSync(join(folder, "source/test/parallel"))
        .filter((name) => /^test-(child-process|cluster|dgram|pipe|signal|stdin|stdio|stdout|tty)-.*\.m?js$/.test(name))
        .sort(),
  },
  {
    // Some want files of perl's own build, or its own modules beside them.
    name: "perl",
    source: "pool/main/p/perl/perl_5.40.1.orig.tar.xz",
    sha256: "dfa20c2eef2b4af133525610bbb65dd13777ecf998c9c5b1ccf0d308e732ee3f",
    good: [0],
    prepare: (folder) =>
      ["io", "op"].flatMap((part) =>
        readdirSync(join(folder, "source/t", part))
          .filter((name) => name.endsWith(".t"))
          .map((name) => `${part}/${name}`)
          .sort(),
      ),
  },
  {
    // In real time: most of it waits for times to come, and who works for a second works longer for a virtual one.
    // `sem_post,8-1` wants a second processor, as on Linux (`taskset -c 0`), and `pthread_create,1-6` more than 90 s;
    // `mmap,21-1` fails on Linux, too.
    name: "posix",
    source: "pool/main/p/posixtestsuite/posixtestsuite_1.5.2.orig.tar.gz",
    sha256: "15a2185672127cba851d35ec9d538ff6148defdbb75f99c7e9c50aeba0f94757",
    good: [0, 4, 5],
    prepare: (folder) => {
      const interfaces = join(folder, "source/conformance/interfaces");
      const programs = join(folder, "programs");
      mkdirSync(programs, { recursive: true });
      for (const path of readdirSync(interfaces, { recursive: true, encoding: "utf8" })) {
        const program = join(programs, path.slice(0, -2).replaceAll("/", ","));
        if (!/\/[0-9]+-[0-9]+\.c$/.test(path) || existsSync(program)) continue;
        const file = join(interfaces, path);
        // Those that today's C library has no words for are left out.
        spawnSync(
          CROSS_COMPILER,
          [
            "-w",
            "-D_GNU_SOURCE",
            "-I",
            join(folder, "source/include"),
            "-I",
            dirname(file),
            "-o",
            program,
            file,
            "-lpthread",
            "-lrt",
            "-lm",
          ],
          { stdio: "ignore" },
        );
      }
      return readdirSync(programs).sort();
    },
  },
  {
    name: "sed",
    source: "pool/main/s/sed/sed_4.9.orig.tar.xz",
    sha256: "6e226b732e1cd739464ad6862bd1a1aba42d7982922da7a53519631d24975181",
    good: [0, 77],
    prepare: (folder) => {
      for (const [name, text] of [
        ["config.h", ""],
        ["progname.h", "static const char *program_name;\n#define set_program_name(name) (program_name = name)\n"],
        ["closeout.h", "static void close_stdout(void) {}\n"],
      ] as const)
        writeFileSync(join(folder, name), text);
      for (const name of ["get-mb-cur-max", "test-mbrtowc"])
        compile(join(folder, `source/testsuite/${name}.c`), join(folder, name), [`-I${folder}`]);
      return readdirSync(join(folder, "source/testsuite"))
        .filter((name) => /\.(sh|pl)$/.test(name) && name !== "init.sh")
        .map((name) => `testsuite/${name}`)
        .sort();
    },
  },
  {
    // Some want a resolver, SCTP, or a terminal of their own. TIOCEXCL keeps root out under qemu-user alone, and those
    // of OpenSSL that are worse first look for a prime of 2048 bits, for minutes on a busy host.
    name: "socat",
    source: "pool/main/s/socat/socat_1.8.0.3.orig.tar.bz2",
    sha256: "01eb017361d95bb3a6941e840b59e4463a3fabf92df4154ed02b16a2ed6a0095",
    good: [0, 77],
    prepare: (folder) => {
      const script = readFileSync(join(folder, "source/test.sh"), "latin1");
      return [...new Set([...script.matchAll(/^NAME=(\w+)$/gm)].map((match) => match[1]!))];
    },
  },
  {
    // Under qemu-user nothing can be traced. What fails here asks for an older Linux's answers (`membarrier`, and 17
    // that run it under another name, `sockopt-sol_netlink`). `kill_child` spins until another processor answers, and
    // passes at times; those of strace's words (`…-syntax`, `strace--tips…`) begin it hundreds of times and want 150 s.
    name: "strace",
    source: "pool/main/s/strace/strace_6.1.orig.tar.xz",
    sha256: "2579e9cec37dbb786f6ea0bebd15f40dd561ef2bde2a2a2ecdce5963b01859fd",
    good: [0, 77],
    prepare: buildStraceTests,
  },
  {
    // Each stressor for a second, as an ordinary user. `far-branch` executes code above 4 GiB.
    name: "stress-ng",
    source: null,
    sha256: "",
    good: [0, 3, 4],
    prepare: () => outputOf(["stress-ng", "--stressors"]).split(/\s+/).filter(Boolean),
  },
  {
    // Some want a FAT that is written (`test-loop-block`), programs of bpf(2) that are pinned
    // (`test-bpf-foreign-programs`), libraries that Debian only suggests, or the folder that systemd makes when it
    // boots a system (`test-namespace`, which does nothing under qemu-user). `test-execute` expects that a user
    // namespace whose uid_map was refused mounts nothing: it may here, as on Linux 6.18.
    name: "systemd",
    source: null,
    sha256: "",
    good: [0, 77],
    prepare: () =>
      readdirSync(join(ROOT, "usr/lib/systemd/tests/unit-tests"))
        .filter((name) => name.startsWith("test-"))
        .sort(),
  },
  {
    // 83 fails with Debian's tar on Linux, too: it seeks to before the file.
    name: "tar",
    source: "pool/main/t/tar/tar_1.35%2bdfsg.orig.tar.xz",
    sha256: "9ae57e981c1e73c0eebc2b26c9b0c4497fe310ef1d516ea430efb5470b71f7a8",
    good: [0, 77],
    prepare: buildTarHelpers,
  },
  {
    // A NaN keeps no sign through a processor's conversion (`binary`); `clock` wants older names of zones, and `safe`
    // expects Tcl where its own build puts it.
    name: "tcl",
    source: "pool/main/t/tcl8.6/tcl8.6_8.6.16%2bdfsg.orig.tar.gz",
    sha256: "c3b6a803ea2e55cafa8b4b52546a6b3bb3722927dcf4bebe3a6549fd353702ea",
    good: [0],
    prepare: (folder) =>
      readdirSync(join(folder, "source/tests"))
        .filter((name) => name.endsWith(".test"))
        .map((name) => basename(name, ".test"))
        .sort(),
  },
  {
    // What is worse here, by what it asks for:
    // - that mounts of a namespace of its own come out by a shared root, as where systemd has begun: `mount/fallback`;
    // - swap, of which there is none: `swapon/`;
    // - bpf(2)'s maps and programs of other kinds than there are: `lsfd/mkfds-bpf-map`, `lsfd/mkfds-bpf-prog`;
    // - that O_DIRECT leaves no pages of the file in memory, where AegisFS has them: `fincore/count`.
    // What fails in both places wants disks that only modules of Linux make, or programs of its own build.
    name: "util-linux",
    source: "pool/main/u/util-linux/util-linux_2.41.orig.tar.xz",
    sha256: "81ee93b3cfdfeb7d7c4090cedeba1d7bbce9141fd0b501b686b3fe475ddca4c6",
    good: [0, 77],
    prepare: buildUtilLinuxHelpers,
  },
  {
    // V01zmodload and V06parameter want the modules of zsh's own build.
    name: "zsh",
    source: "pool/main/z/zsh/zsh_5.9.orig.tar.xz",
    sha256: "9b8d1ecedd5b5e81fbf1918e876752a7dd948e05c1a0dba10ab863842d45acd5",
    good: [0, 2],
    prepare: (folder) =>
      readdirSync(join(folder, "source/Test"))
        .filter((name) => name.endsWith(".ztst"))
        .sort(),
  },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: "string" },
    limit: { type: "string", default: "120" },
    timeout: { type: "string", default: "3000" },
    "only-ours": { type: "boolean" },
    worse: { type: "boolean" },
    record: { type: "boolean" },
  },
});
refuseUnknown(
  positionals,
  SUITES.map(({ name }) => name),
  isWhole,
);

let passed = 0;
let failed = 0;
prepareImage();
if (values["only-ours"] !== true && values.worse !== true) ensureJudge();
for (const suite of SUITES) if (positionals.length === 0 || positionals.includes(suite.name)) await runSuite(suite);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Names of tests that a package of the image installs. */
function installedTests(suite: string): string[] {
  return readdirSync(join(ROOT, "usr/share/installed-tests", suite))
    .filter((name) => name.endsWith(".test"))
    .map((name) => basename(name, ".test"))
    .sort();
}

async function runSuite(suite: Suite): Promise<void> {
  const folder = fetchSource(suite);
  const recorded = values.worse === true ? recordedRow("suites", rowName(suite)) : undefined;
  const names = suite
    .prepare(folder)
    .filter((name) => values.filter === undefined || name.includes(values.filter))
    .filter((name) => values.worse !== true || recorded?.worse.includes(name) === true);
  const script = `${suite.name}.sh`;
  for (const name of [script, "gnu-tests.sh", "installed-tests.sh"])
    copyFileSync(join(import.meta.dirname, "guest", name), join(folder, name));
  const command = ["bash", `/suite/${script}`];
  const timeoutMs = Number(values.timeout) * 1000;
  const env = { LIMIT: values.limit };
  const runHere = async (which: readonly string[], limit: number): Promise<Map<string, number>> => {
    const options = ["-v", `${folder}:/suite`, "-e", `LIMIT=${limit}`, "--timeout", values.timeout];
    const args = ["run", "-i", IMAGE, ...options, "--", ...command];
    const { stdout } = await stratos(args, { stdin: list(which), timeoutMs: timeoutMs + 60_000 });
    return statuses(stdout);
  };

  let started = Date.now();
  const own = await runHere(names, Number(values.limit));
  const seconds = (Date.now() - started) / 1000;
  let bad = names.filter((name) => !suite.good.includes(own.get(name) ?? -1));

  started = Date.now();
  const theirs =
    values["only-ours"] === true || values.worse === true || bad.length === 0
      ? null
      : statuses((await judge(command, { root: ROOT, suite: folder, env, stdin: list(bad), timeoutMs })).stdout);
  const judgeSeconds = (Date.now() - started) / 1000;
  let worse = bad.filter((name) => theirs === null || suite.good.includes(theirs.get(name) ?? -1));
  if (theirs !== null && worse.length > 0) {
    const again = await runHere(worse, 2 * Number(values.limit));
    const unsteady = worse.filter((name) => suite.good.includes(again.get(name) ?? -1));
    for (const name of unsteady) console.log(`         passes when it is run again: ${name}`);
    worse = worse.filter((name) => !unsteady.includes(name));
    bad = bad.filter((name) => !unsteady.includes(name));
  }
  console.log(
    `${worse.length === 0 ? "ok    " : "FAILED"} ${suite.name.padEnd(12)} ran ${own.size} of ${names.length}, ` +
      `failed ${bad.length}, ${seconds.toFixed(0)} ` +
      `s${
        theirs === null ? "" : `; of these ${bad.length - worse.length} under qemu-user, ${judgeSeconds.toFixed(0)} s`
      }`,
  );
  for (const name of worse)
    console.log(
      `         ${theirs === null ? "failed" : "worse than qemu-user"}: ${name} (status ${own.get(name) ?? "none"})`,
    );
  passed += own.size - bad.length;
  failed += worse.length;
  if (recorded !== undefined && values.record && values.filter === undefined) {
    const { stratos: before } = recorded;
    const stratos = { ...before, failed: before.failed - (recorded.worse.length - worse.length) };
    recordRows("suites", ABOUT, [{ ...recorded, worse, stratos }]);
  } else if (values.record && values.filter === undefined && values.worse !== true) {
    const row: Row = {
      name: rowName(suite),
      worse,
      stratos: { ran: own.size, failed: bad.length, seconds: Math.round(seconds) },
      qemu:
        theirs === null
          ? null
          : { ran: theirs.size, failed: bad.length - worse.length, seconds: Math.round(judgeSeconds) },
    };
    recordRows("suites", ABOUT, [row]);
  }
}

function rowName({ name, source }: Suite): string {
  const version = source === null ? "as installed" : basename(decodeURIComponent(source)).replace(/\.orig.*/, "");
  return `${name} (${version})`;
}

/** What a command writes in the image. @param folder  seen there as /suite */
function outputOf(command: readonly string[], folder?: string): string {
  const [node, ...rest] = launcher;
  const share = folder === undefined ? [] : ["-v", `${folder}:/suite:ro`];
  const env = { ...process.env, STRATOS_HOME: TEST_HOME };
  return execFileSync(node!, [...rest, "run", "-i", IMAGE, ...share, "--", ...command], { env, encoding: "latin1" });
}

function list(names: readonly string[]): string {
  return names.map((name) => `${name}\n`).join("");
}

/** Lines `=== name status`. */
function statuses(output: string): Map<string, number> {
  return new Map([...output.matchAll(/^=== (\S+) (\d+)$/gm)].map((match) => [match[1]!, Number(match[2])]));
}

/** The suite's folder in the cache, with its source unpacked in `source`. */
function fetchSource(suite: Suite): string {
  const folder = join(TEST_HOME, "suites", suite.name);
  const source = join(folder, "source");
  if (existsSync(source)) return folder;
  mkdirSync(folder, { recursive: true });
  if (suite.source === null) return folder;
  const archive = join(folder, basename(suite.source));
  const address = `${findMirror().uri}/${suite.source}`;
  execFileSync("curl", ["-fsSL", "--retry", "3", "-o", archive, address], { stdio: ["ignore", "ignore", "inherit"] });
  const digest = createHash("sha256").update(readFileSync(archive)).digest("hex");
  if (digest !== suite.sha256) throw new Error(`${address}: SHA-256 is ${digest}, not ${suite.sha256}`);
  const partial = join(folder, "partial");
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  execFileSync("tar", ["-xf", archive, "--strip-components=1", "--no-same-owner", "-C", partial, ...partsOf(suite)]);
  renameSync(partial, source);
  return folder;
}

/** For tar, whatever the archive's own folder is called. */
function partsOf({ parts }: Suite): string[] {
  return parts === undefined ? [] : ["--wildcards", "--no-wildcards-match-slash", ...parts.map((part) => `*/${part}`)];
}

function compile(source: string, program: string, flags: readonly string[]): void {
  execFileSync(CROSS_COMPILER, ["-O1", "-w", ...flags, "-o", program, source], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** The image with the tested programs, and the same files as a folder for the judge. */
function prepareImage(): void {
  ensureImage(IMAGE, PACKAGES);
  if (existsSync(ROOT)) return;
  const partial = `${ROOT}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  execFileSync(
    "bash",
    [
      "-o",
      "pipefail",
      "-c",
      `"$@" | tar --numeric-owner --exclude='./dev/*' -xpf - -C '${partial}'`,
      "bash",
      ...launcher,
      "image",
      "export",
      IMAGE,
    ],
    { env: { ...process.env, STRATOS_HOME: TEST_HOME } },
  );
  renameSync(partial, ROOT);
}
