/** glibc's own tests of system calls, beside an installed C library: each file that public headers suffice for. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/** Folders of the source whose tests are of the kernel more than of the library. */
const FOLDERS = [
  ...["nptl", "rt", "posix", "io", "socket", "misc", "signal", "time", "inet", "dirent", "login", "sysvipc"],
  ...["sysdeps/unix/sysv/linux", "sysdeps/pthread"],
];
/** Of patterns, formats and time zones; parts of others; the same once more with another type. */
const LEFT_OUT = new RegExp(
  "skeleton|regloc|regex|fnmatch|getopt|glob|strp|strf|mktime|time64|atomic|efgcvt|fmtm|rfc|boost|pcre|rxspencer|" +
    "mod[0-9a-g]?$",
);
/** Headers of glibc that the support library uses and that need nothing else of it. */
const HEADERS = ["allocate_once", "array_length", "file_change_detection", "intprops", "libc-diag", "scratch_buffer"];
const PATHS = {
  ...{
    OBJDIR: "/tmp/obj",
    SRCDIR: "/tmp/src",
    INSTDIR: "/tmp/inst",
    SBINDIR: "/sbin",
    BINDIR: "/bin",
    LIBDIR: "/usr/lib",
  },
  ...{ ROOTSBINDIR: "/sbin", COMPLOCALEDIR: "/usr/lib/locale", OBJDIR_ELF_LDSO: "/lib/ld-linux-riscv64-lp64d.so.1" },
  ...{ SLIBDIR: "/lib", SYSCONFDIR: "/etc", LOCALEDIR: "/usr/share/locale" },
};

/** @returns names of programs in `folder/programs`: the test's folder and its own name */
export function buildGlibcTests(folder: string, compiler: string): string[] {
  const source = join(folder, "source");
  const programs = join(folder, "programs");
  if (!existsSync(programs)) build(folder, compiler, source, programs);
  return readdirSync(programs).sort();
}

function build(folder: string, compiler: string, source: string, programs: string): void {
  const own = join(import.meta.dirname, "guest/glibc");
  const around = join(folder, "around");
  mkdirSync(join(around, "objects"), { recursive: true });
  if (!existsSync(join(around, "support")))
    for (const part of ["support", "malloc"]) symlinkSync(join(source, part), join(around, part));
  for (const name of HEADERS) copyFileSync(join(source, "include", `${name}.h`), join(around, `${name}.h`));
  copyFileSync(
    join(source, "sysdeps/unix/sysv/linux/socket-constants-time64.h"),
    join(around, "socket-constants-time64.h"),
  );
  const flags = ["-O1", "-w", "-std=gnu11", "-include", join(own, "before.h"), "-I", own, "-I", around];
  flags.push("-I", join(source, "support"));
  // What asks for more than public headers is left out.
  const compiles = (args: readonly string[]): boolean => spawnSync(compiler, args, { stdio: "ignore" }).status === 0;

  const paths = Object.entries(PATHS).map(([name, path]) => `-D${name}_PATH="${path}"`);
  const objects: string[] = [];
  const support = readdirSync(join(source, "support")).filter(
    (name) => name.endsWith(".c") && !/^(tst-|test-)|-container\.c$|-test\.c$/.test(name),
  );
  for (const file of [...support.map((name) => join(source, "support", name)), join(own, "apart.c")]) {
    const object = join(around, "objects", `${objects.length}.o`);
    if (compiles([...flags, ...paths, "-c", file, "-o", object])) objects.push(object);
  }
  const library = join(around, "libsupport.a");
  spawnSync(compiler.replace(/gcc$/, "ar"), ["rcs", library, ...objects], { stdio: "inherit" });

  const quoted = ["nptl", "sysdeps/pthread", "sysdeps/unix/sysv/linux"].flatMap((part) => [
    "-iquote",
    join(source, part),
  ]);
  const last = ["", "sysdeps/unix/sysv/linux", "nptl"].flatMap((part) => ["-idirafter", join(source, part)]);
  // What was interrupted is built anew.
  const partial = `${programs}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  for (const part of FOLDERS)
    for (const name of readdirSync(join(source, part))) {
      if (!/^(tst-|bug|test).*\.c$/.test(name) || LEFT_OUT.test(name.slice(0, -2))) continue;
      const program = join(partial, `${part.replaceAll("/", "_")},${name.slice(0, -2)}`);
      const args = [...flags, "-iquote", join(source, part), ...quoted, ...last, join(source, part, name)];
      compiles([...args, "-o", program, library, "-lpthread", "-lrt", "-lm", "-ldl", "-lutil", "-lanl"]);
    }
  renameSync(partial, programs);
}
