/** What suites need beside installed programs: helpers and tests, built for riscv64. */
import { execFileSync, spawnSync } from "node:child_process";
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
import { join } from "node:path";

const TARGET = "riscv64-linux-gnu";
const COMPILER = `${TARGET}-gcc`;
const FLAGS = "CFLAGS=-O1 -w";

/** Of git's tests by their first digits: basics, trees, branches, transport, what users call. */
const GIT_PARTS = /^t(0|1|3|5|7)\d{3}-.*\.sh$/;
/** They ask a web server, Subversion, CVS or Perforce. */
const GIT_LEFT_OUT = /http|svn|cvs|p4|gitweb|protocol-v2|protocol-caps/;

/** @param root  the image's files: git's helpers want its zlib @returns names of git's tests */
export function buildGitHelpers(folder: string, root: string): string[] {
  const source = join(folder, "source");
  const zlib = join(folder, "zlib");
  mkdirSync(zlib, { recursive: true });
  const library = "usr/lib/riscv64-linux-gnu";
  for (const path of ["usr/include/zlib.h", "usr/include/zconf.h", `${library}/libz.a`])
    copyFileSync(join(root, path), join(zlib, path.slice(path.lastIndexOf("/") + 1)));
  const without = ["OPENSSL", "CURL", "EXPAT", "GETTEXT", "TCLTK"].map((part) => `NO_${part}=1`);
  if (!existsSync(join(source, "t/helper/test-tool")))
    make(source, [
      ...["-j2", `CC=${TARGET}-gcc`, `AR=${TARGET}-ar`, `${FLAGS} -I${zlib}`, `LDFLAGS=-L${zlib}`, ...without],
      ...["uname_S=Linux", "uname_M=riscv64", "HOST_CPU=riscv64", "SHELL_PATH=/bin/sh", "PERL_PATH=/usr/bin/perl"],
      ...["t/helper/test-tool", "t/helper/test-fake-ssh", "GIT-BUILD-OPTIONS"],
    ]);
  return readdirSync(join(source, "t"))
    .filter((name) => GIT_PARTS.test(name) && !GIT_LEFT_OUT.test(name))
    .sort();
}

/** gnulib's tests as coreutils has them. @returns their names: programs and scripts */
export function buildGnulibTests(folder: string): string[] {
  const programs = join(folder, "programs");
  const build = join(folder, "build");
  if (!existsSync(programs)) {
    configure(folder, build);
    make(build, ["-j2", "SUBDIRS=.", "all"]);
    // Some do not link: configure can run nothing, and guesses.
    const tests = join(build, "gnulib-tests");
    spawnSync("make", ["-k", "-j2", "-C", tests, "check", "TESTS="], { stdio: "ignore" });
    const partial = `${programs}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    for (const name of readdirSync(tests))
      if (/^test-[^.]*$/.test(name)) copyFileSync(join(tests, name), join(partial, name));
    writeFileSync(join(partial, "names"), namesOfTests(readFileSync(join(tests, "Makefile"), "latin1"), partial));
    renameSync(partial, programs);
  }
  return readFileSync(join(programs, "names"), "latin1").split("\n").filter(Boolean);
}

function namesOfTests(makefile: string, programs: string): string {
  const list = /^TESTS = ((?:.*\\\n)*.*)$/m.exec(makefile)?.[1] ?? "";
  const names = list.split(/[\s\\]+/).map((name) => name.replace("$(EXEEXT)", ""));
  const there = names.filter((name) => name.endsWith(".sh") || existsSync(join(programs, name)));
  return [...new Set(there)]
    .filter((name) => name.startsWith("test-"))
    .sort()
    .join("\n");
}

/** What apr's configure would find out by programs that it runs. */
const APR_ANSWERS = {
  ...{ ac_cv_file__dev_zero: "yes", ac_cv_func_setpgrp_void: "yes", ac_cv_func_sem_open: "yes" },
  ...{ ac_cv_working_getaddrinfo: "yes", ac_cv_working_getnameinfo: "yes", ac_cv_negative_eai: "yes" },
  ...{ ac_cv_define_sockaddr_in6: "yes", ac_cv_strerror_r_rc_int: "no", ac_cv_o_nonblock_inherited: "no" },
  ...{ ac_cv_sizeof_struct_iovec: "16", ac_cv_struct_rlimit: "yes", apr_cv_epoll: "yes" },
  ...{ apr_cv_process_shared_works: "yes", apr_cv_mutex_robust_shared: "yes", apr_cv_mutex_recursive: "yes" },
  ...{ apr_cv_tcp_nodelay_with_cork: "yes", apr_cv_gai_addrconfig: "yes", apr_cv_use_lfs64: "yes" },
  ...{ apr_cv_pthreads_cflags: "-pthread", apr_cv_pthreads_lib: "-lpthread" },
};
/** Programs that apr's tests start. */
const APR_CHILDREN = ["globalmutexchild", "occhild", "proc_child", "readchild", "sockchild", "tryread"].concat([
  "testshmconsumer",
  "testshmproducer",
]);

/** @returns the suites that apr's `testall` knows */
export function buildAprTests(folder: string): string[] {
  const source = join(folder, "source");
  const programs = join(folder, "programs");
  if (!existsSync(programs)) {
    configureIn(source, ["--disable-shared"], APR_ANSWERS);
    make(source, ["-j2"]);
    make(join(source, "test"), ["-j2", "testall", ...APR_CHILDREN]);
    const partial = `${programs}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    for (const name of ["testall", ...APR_CHILDREN]) copyFileSync(join(source, "test", name), join(partial, name));
    renameSync(partial, programs);
  }
  const list = readFileSync(join(source, "test/abts_tests.h"), "latin1");
  return [...list.matchAll(/\{ *(test[a-z0-9_]+) *\}/g)].map((match) => match[1]!);
}

/** `folder/regress` */
export function buildLibeventTests(folder: string): void {
  const source = join(folder, "source");
  if (existsSync(join(folder, "regress"))) return;
  configureIn(source, ["--disable-openssl", "--disable-shared", "--disable-samples"]);
  make(source, ["-j2"]);
  copyFileSync(join(source, "test/regress"), join(folder, "regress"));
}

/** What libuv is made of on Linux, beside `src/*.c`. */
const LIBUV_UNIX = [
  ...["async", "core", "dl", "fs", "getaddrinfo", "getnameinfo", "linux", "loop", "loop-watcher", "pipe", "poll"],
  ...["process", "procfs-exepath", "proctitle", "random-devurandom", "random-getrandom", "random-sysctl-linux"],
  ...["signal", "stream", "tcp", "thread", "tty", "udp"],
];

/** @returns names of libuv's tests: what `folder/run-tests` takes */
export function buildLibuvTests(folder: string): string[] {
  const source = join(folder, "source");
  const program = join(folder, "run-tests");
  if (!existsSync(program)) compileLibuv(source, program);
  const headers = ["-I", join(source, "include"), join(source, "test/test-list.h")];
  const list = execFileSync(COMPILER, ["-E", "-P", ...headers], { encoding: "utf8", maxBuffer: 1 << 24 });
  const names = [...list.matchAll(/TEST_DECLARE *\(\s*(\w+)\s*\)/g)].map((match) => match[1]!);
  return names.filter((name) => name !== "fail_always");
}

/** @returns names of liburing's tests, which are programs of their own */
export function buildLiburingTests(folder: string): string[] {
  const source = join(folder, "source");
  const tests = join(source, "test");
  const names = readdirSync(tests)
    // `xfail_…` want a build with AddressSanitizer.
    .filter((name) => name.endsWith(".c") && name !== "helpers.c" && !name.startsWith("xfail_"))
    .map((name) => name.slice(0, -".c".length))
    .sort();
  if (names.some((name) => !existsSync(join(tests, `${name}.t`)))) {
    execFileSync("./configure", [`--cc=${COMPILER}`], { cwd: source, stdio: ["ignore", "ignore", "inherit"] });
    make(source, ["-j2", "-C", "src"]);
    // One is in C++, and wants a compiler of its own.
    make(join(source, "test"), ["-j2", "LDFLAGS=-static", ...names.map((name) => `${name}.t`)]);
  }
  return names;
}

/** The tests first: some have parts of the library in themselves, and those are left out of it (the linker's rule). */
function compileLibuv(source: string, program: string): void {
  const tests = readdirSync(join(source, "test")).filter((name) =>
    /^(test-.*|run-tests|runner|runner-unix|.*-server)\.c$/.test(name),
  );
  const common = readdirSync(join(source, "src")).filter((name) => name.endsWith(".c"));
  const sources = [...common.map((name) => `src/${name}`), ...LIBUV_UNIX.map((name) => `src/unix/${name}.c`)];
  const objects = `${program}.o`;
  mkdirSync(objects, { recursive: true });
  const flags = ["-O1", "-w", "-fno-strict-aliasing", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64"];
  for (const folder of ["include", "src", "test"]) flags.push("-I", join(source, folder));
  const objectOf = (path: string): string => join(objects, `${path.replaceAll("/", "-")}.o`);
  const testSources = tests.map((name) => `test/${name}`);
  for (const path of [...testSources, ...sources])
    execFileSync(COMPILER, [...flags, "-c", "-o", objectOf(path), join(source, path)], { stdio: "inherit" });
  const library = join(objects, "libuv.a");
  execFileSync(`${TARGET}-ar`, ["rcs", library, ...sources.map(objectOf)]);
  execFileSync(COMPILER, ["-o", program, ...testSources.map(objectOf), library, "-lpthread", "-ldl", "-lrt"], {
    stdio: "inherit",
  });
}

/** @returns the numbers of tar's tests */
export function buildTarHelpers(folder: string): string[] {
  const build = join(folder, "build");
  if (!existsSync(join(build, "tests/genfile"))) {
    configure(folder, build);
    for (const part of ["gnu", "lib"]) make(build, ["-j2", "-C", part]);
    make(build, ["-C", "tests", "checkseekhole", "ckmtime", "genfile"]);
  }
  const suite = readFileSync(join(folder, "source/tests/testsuite"), "latin1");
  return [...new Set([...suite.matchAll(/^([0-9]+);[^;]+\.at:/gm)].map((match) => match[1]!))];
}

/** @returns the tests of gawk's Makefile that need neither another build of it nor a network */
export function buildGawkTests(folder: string): string[] {
  const build = join(folder, "build");
  if (!existsSync(join(build, "test/Makefile"))) configure(folder, build, ["--disable-extensions"]);
  const makefile = readFileSync(join(folder, "source/test/Makefile.am"), "latin1");
  return ["BASIC_TESTS", "UNIX_TESTS", "GAWK_EXT_TESTS", "LOCALE_CHARSET_TESTS"].flatMap((list) =>
    wordsOf(makefile, list),
  );
}

/** @returns names of util-linux's tests, by folder */
export function buildUtilLinuxHelpers(folder: string): string[] {
  const build = join(folder, "build");
  const helpers = join(folder, "helpers");
  if (!existsSync(helpers)) {
    configure(folder, build, ["--disable-all-programs", "--enable-libblkid", "--enable-libmount", "--enable-libuuid"]);
    spawnSync("make", ["-k", "-j2", "-C", build, "check-programs"], { stdio: "ignore" });
    const partial = `${helpers}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    for (const name of readdirSync(build))
      if (/^(test|sample)[_-][^.]*$/.test(name)) copyFileSync(join(build, name), join(partial, name));
    renameSync(partial, helpers);
  }
  const tests = join(folder, "source/tests/ts");
  return readdirSync(tests)
    .flatMap((part) => readdirSync(join(tests, part)).map((name) => `${part}/${name}`))
    .filter((name) => !name.includes("."))
    .sort();
}

/** The words of a variable of a Makefile. */
export function wordsOf(makefile: string, variable: string): string[] {
  const list = new RegExp(`^${variable}\\s*=((?:.*\\\\\n)*.*)$`, "m").exec(makefile)?.[1] ?? "";
  return list.split(/[\s\\]+/).filter(Boolean);
}

function configure(folder: string, build: string, options: readonly string[] = []): void {
  mkdirSync(build, { recursive: true });
  const flags = [`--host=${TARGET}`, "--disable-nls", "--quiet", ...options, FLAGS];
  const env = { ...process.env, FORCE_UNSAFE_CONFIGURE: "1" };
  execFileSync(join(folder, "source/configure"), flags, { cwd: build, env, stdio: ["ignore", "ignore", "inherit"] });
}

/** For those that are built only where their source is. */
function configureIn(source: string, options: readonly string[], answers: Readonly<Record<string, string>> = {}): void {
  execFileSync("./configure", [`--host=${TARGET}`, "--quiet", ...options, FLAGS], {
    cwd: source,
    env: { ...process.env, ...answers },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function make(folder: string, args: readonly string[]): void {
  execFileSync("make", ["-s", "-C", folder, ...args], { stdio: ["ignore", "ignore", "inherit"] });
}
