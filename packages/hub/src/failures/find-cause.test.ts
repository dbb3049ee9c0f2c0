/** Goal: the line that says why is found, and two runs of one cause have one signature. Method: ends of logs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FailureClass } from "@stratos/hub-api";
import { failedPart, findCause, type FoundCause } from "./find-cause.ts";
import { logLines } from "./log-lines.ts";

const cause = (log: string, message = "", failureClass: FailureClass = "build"): FoundCause =>
  findCause({ failureClass, message, lines: logLines(Buffer.from(log), false) });
const inStage = (text: string): string =>
  `\n==== Unpack ====\ndpkg-source: info: error.c\n\n==== Build ====\n$ dpkg-buildpackage -us -uc -b\n${text}\n` +
  "make: *** [debian/rules:7: binary] Error 2\ndpkg-buildpackage: error: debian/rules binary subprocess failed with " +
  "exit status 2\n\nBuild failed (build): dpkg-buildpackage ended with status 2\nBuild: failed (3.2 s, 2.1 s of CPU)\n";
const build = (text: string): FoundCause => cause(inStage(text), "Build failed: dpkg-buildpackage ended with status 2");

test("usual causes are known, by the first line that says so", () => {
  for (const [kind, text, line] of [
    ["compiler", "gcc -c a.c\na.c: In function 'main':\na.c:3:9: error: 'x' undeclared\nb.c:9:1: error: y", "a.c:3:9:"],
    ["compiler", "cc -c x.c -Werror\nx.c:1:2: error: unused variable 'u' [-Werror=unused-variable]", "x.c:1:2"],
    [
      "compiler",
      "/usr/bin/ld: /tmp/ccab12.o: in function `main':\nmain.c:(.text+0x5): undefined reference to `foo'",
      "main.c",
    ],
    ["compiler", "error[E0308]: mismatched types\n --> src/main.rs:4:18\nerror: could not compile `x`", "error[E0308]"],
    ["compiler", "# example.org/x\n./main.go:7:2: undefined: y", "./main.go"],
    ["compiler", "Foo.java:12: error: cannot find symbol", "Foo.java"],
    ["compiler", "src/a.ts(3,4): error TS2304: Cannot find name 'x'.", "src/a.ts"],
    ["dependency", "a.c:1:10: fatal error: zlib.h: No such file or directory\ncompilation terminated.", "a.c:1:10"],
    [
      "dependency",
      "checking for FOO... no\nconfigure: error: Package requirements (foo >= 2) were not met:",
      "configure",
    ],
    ["dependency", "dpkg-checkbuilddeps: error: Unmet build dependencies: libfoo-dev (>= 2.1)", "dpkg-check"],
    ["dependency", "ModuleNotFoundError: No module named 'yaml'", "ModuleNot"],
    ["dependency", "/usr/bin/ld: cannot find -lfoo: No such file or directory", "/usr/bin/ld"],
    ["dependency", "/bin/sh: 1: help2man: not found", "/bin/sh"],
    ["dependency", "Can't locate Foo/Bar.pm in @INC (you may need to install the Foo::Bar module)", "Can't"],
    [
      "dependency",
      "-- Could NOT find Doxygen\nCMake Error: Could NOT find ZLIB (missing: ZLIB_LIBRARY)",
      "CMake Error",
    ],
    ["configure", "configure: error: C compiler cannot create executables", "configure"],
    ["memory", "c++: fatal error: Killed signal terminated program cc1plus", "c++"],
    ["memory", "cc1plus: out of memory allocating 65536 bytes after a total of 1234567 bytes", "cc1plus"],
    ["disk", "tar: x: Cannot write: No space left on device\nFAIL: all\na.c:1:1: error: y", "tar: x"],
    ["network", "fatal: unable to access 'https://example.org/x/': Could not resolve host: example.org", "fatal"],
    [
      "network",
      "urllib3.exceptions.NewConnectionError: [Errno -3] Temporary failure in name resolution\nFAIL: t",
      "urllib3",
    ],
    ["test", "PASS: a\nFAIL: tests/b.sh\nFAIL: tests/c.sh\n# FAIL:  2", "FAIL: tests/b.sh"],
    ["test", `ok 1\nnot ok 2 - later # ${"TO"}DO not yet\nnot ok 3 - adds`, "not ok 3"],
    ["test", "tests/test_a.py .F\nFAILED tests/test_a.py::test_x - assert 1 == 2", "FAILED tests"],
    ["test", "test parse::empty ... FAILED", "test parse"],
    ["test", "--- FAIL: TestSum (0.00s)\n    sum_test.go:9: got 4", "--- FAIL"],
    ["test", "The following tests FAILED:\n\t 12 - sums (Failed)", "12 - sums"],
    ["test", " 3/10 suite / name        FAIL           0.51s   exit status 1", "3/10"],
    ["test", "t/b.t (Wstat: 256 (exited 1) Tests: 3 Failed: 1)", "t/b.t"],
    ["test", "ERROR: test_open (tests.Files.test_open)", "ERROR: test_open"],
    ["patch", "patching file a.c\nHunk #1 FAILED at 12.", "Hunk #1"],
    ["packaging", "dh_install: error: missing files, aborting", "dh_install"],
    ["packaging", "make[1]: *** No rule to make target 'nothing'.  Stop.", "make[1]"],
    ["other", "doing\nValueError: not in list\ndone so far", "ValueError"],
    ["other", "one\ntwo", "two"],
  ] as const) {
    const found = build(text);
    assert.equal(found.cause, kind, text);
    assert.ok(found.line.startsWith(line), `${text}: ${found.line}`);
    assert.equal(found.stage, "Build");
  }
});

test("what follows from the first error is none, nor what sounds like one", () => {
  // Another job of make goes on to its own, later error.
  assert.match(
    build("a.c:1:1: error: first\nmake[2]: *** [Makefile:3: a.o] Error 1\ntar: No space left on device").line,
    /^a\.c/,
  );
  assert.equal(build("gcc -Werror -c error.c\n0 errors\nlast words").line, "last words");
  // Of an earlier stage.
  assert.equal(cause("==== Fetch ====\nFAIL: x\n==== Build ====\nnothing\n").line, "nothing");
  // Without any log there is what the worker said.
  assert.deepEqual([cause("", "exit status 3").cause, cause("", "exit status 3").line], ["other", "exit status 3"]);
  assert.equal(cause("").line, "it said nothing");
});

test("the kind of end that a worker names counts; killed ones are looked at", () => {
  assert.equal(cause("", "Install-Deps failed: libfoo-dev: no such package", "dependency-wait").cause, "dependency");
  assert.equal(cause("", "Install-Deps failed: libfoo-dev: no such package", "dependency-wait").stage, "Install-Deps");
  assert.equal(cause("FAIL: x", "it took longer than 60 s", "timeout").cause, "timeout");
  assert.equal(
    cause("", "Build failed: dpkg-buildpackage: it wanted more than 16 GiB of memory", "killed").cause,
    "memory",
  );
  assert.equal(cause("", "Build failed: x: it wrote more than 40 GiB to the disk", "killed").cause, "disk");
  assert.equal(cause("", "ended by SIGKILL", "killed").cause, "killed");
  assert.equal(cause("std::bad_alloc", "ended by SIGABRT", "killed").cause, "memory");
  assert.equal(cause("", "its lease ended: the host was not heard of", "infrastructure").cause, "infrastructure");
});

test("runs of one cause share a signature, others do not", () => {
  const same = (one: string, other: string): boolean => build(one).id === build(other).id;
  assert.ok(same("/build/x-1.0/src/a.c:3:9: error: no", "/build/x-1.1+b1/src/a.c:17:2: error: no"));
  assert.ok(same("FAIL: 17 of 20 in 0.31 s", "FAIL: 3 of 20 in 12 s"));
  assert.ok(same("ld: /tmp/ccAb1.o: undefined reference to `f'", "ld: /tmp/ccZz9.o: undefined reference to `f'"));
  assert.ok(same("at 0x7ffd12ab: panic", "at 0x55aa: panic"));
  assert.ok(same("commit 1a2b3c4d5e: failed", "commit ffee112233: failed"));
  assert.ok(!same("a.c:3:9: error: no", "b.c:3:9: error: no"));
  assert.ok(!same("FAIL: a", "FAIL: b"));
  assert.equal(build("/build/x-1.0/src/a.c:3:9: error: no").text, "src/a.c:N: error: no");
  assert.equal(build("/build/x-1.0/src/a.c:3:9: error: no").file, "src/a.c");
  assert.equal(build("error[E0308]: mismatched\n --> src/main.rs:4:18").file, "src/main.rs");
});

test("logs are shown as a terminal would, and hostile ones take neither long nor what no database keeps", () => {
  assert.deepEqual(logLines(Buffer.from("\u001b[31;1mred\u001b[0m\n 1%\r50%\r100%\r\nz\0z\u001b]0;t\u0007"), false), [
    "red",
    "100%",
    "zz",
  ]);
  assert.deepEqual(logLines(Buffer.from("part\nwhole"), true), ["whole"]);
  const started = process.cpuUsage();
  for (const piece of ["a:", "/a", "a/", "1.", "FAIL ", "error: ", "E", "(", "\\", "'", "0x", "== ", " - ", "12/3 x "])
    build(`${piece.repeat(40_000)}\n`.repeat(4));
  build("error x\n".repeat(60_000));
  const { user } = process.cpuUsage(started);
  assert.ok(user < 10e6, `${user / 1e6} s`);
  const odd = findCause({
    failureClass: "build",
    message: "",
    lines: logLines(Buffer.from("error \ud800 \0 \xff"), false),
  });
  assert.ok(odd.line.isWellFormed() && !odd.line.includes("\0"));
  assert.equal(failedPart({ message: "Check failed: x", lines: [] }).stage, "Check");
});
