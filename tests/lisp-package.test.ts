/**
 * Goal: a user makes a package of libraries, tests, publishes and installs it, and programs import what it has; what is
 * wrong with a package is told and changes nothing. Method: the command line, a signed repository in a folder; dpkg-deb
 * as a second reader where the host has it.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { launcher, run } from "./support/stratos.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-package-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const stratos = (...args: readonly string[]): ReturnType<typeof run> =>
  run([...launcher, ...args], { cwd: folder, env: { STRATOS_HOME: join(folder, "home") } });
const ran = async (...args: readonly string[]): Promise<string> => {
  const { stdout, stderr, status } = await stratos(...args);
  assert.deepEqual([stderr, status], ["", 0], args.join(" "));
  return stdout;
};
const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const describe = (name: string, version: string, more: string): string =>
  `(package (name "${name}") (version "${version}") (description "Says things") (maintainer "A <a@b.c>") ${more})`;
const HELLO = `(import (scheme base) (scheme write) (greet)) (display (hello "Ada"))`;

test("a package is built, tested, published, installed with what it needs, brought forward and removed", async () => {
  put("words/package.scm", describe("words", "1.0", "(libraries (words))"));
  put("words/words.sld", '(define-library (words) (export word) (import (scheme base)) (begin (define word "Hello")))');
  put(
    "greet/package.scm",
    describe("greet", "1.0", '(libraries (greet)) (depends ("words" (>= "1.0"))) (tests "tests/greet.scm")'),
  );
  put(
    "greet/greet.sld",
    '(define-library (greet) (export hello) (import (scheme base) (greet inside)) (include "body.scm"))',
  );
  put(
    "greet/greet/inside.sld",
    "(define-library (greet inside) (export join) (import (scheme base) (words)) (begin " +
      '(define (join x) (string-append word ", " x))))',
  );
  put("greet/body.scm", "(define (hello name) (join name))");
  put("greet/unused.sld", "(define-library (unused) (export) (import (scheme base)))");
  put(
    "greet/tests/greet.scm",
    `(import (scheme base) (srfi 64) (greet))
    (test-begin "greet") (test-equal "Hello, x" (hello "x")) (test-end)`,
  );
  put("main.scm", HELLO);

  // Without what it needs it can neither be built nor installed.
  const alone = await stratos("lisp", "package", "build", "greet");
  assert.deepEqual([alone.status, alone.stdout], [1, ""]);
  assert.match(alone.stderr, /there is no library \(words\)/);
  assert.equal(await ran("lisp", "package", "install", "words"), "words 1.0\n");
  assert.equal(await ran("lisp", "package", "test", "greet"), "1 passed, 0 failed\n");
  const built = (await ran("lisp", "package", "build", "greet", "-o", ".")).trim();
  assert.equal(built, "astra-greet_1.0_all.deb");
  const bytes = readFileSync(join(folder, built));
  await ran("lisp", "package", "build", "greet", "-o", "again.deb");
  assert.deepEqual(readFileSync(join(folder, "again.deb")), bytes);
  if (existsSync("/usr/bin/dpkg-deb")) {
    const { stdout } = spawnSync("dpkg-deb", ["-c", join(folder, built)], { encoding: "utf8" });
    const files = stdout.split("\n").filter((line) => line.startsWith("-"));
    assert.deepEqual(files.map((line) => line.replace(/.* \.\/usr\/share\/astra\/site\//, "")).sort(), [
      "body.scm",
      "greet.sld",
      "greet/inside.sld",
    ]);
  }
  await ran("lisp", "package", "rm", "words");
  const refused = await stratos("lisp", "package", "install", built);
  assert.match(refused.stderr, /greet: needs words \(>= 1\.0\), which is not installed/);
  assert.equal(await ran("lisp", "package", "ls"), "");

  // A repository of one's own.
  await ran("pkg", "key", "create", "test");
  await ran("pkg", "repo", "init", "repo");
  await ran("lisp", "package", "build", "words", "-o", "words.deb");
  await ran("pkg", "repo", "add", "repo", "words.deb", built);
  await ran("pkg", "repo", "sign", "repo", "--key", "test");
  assert.equal(await ran("lisp", "package", "install", "greet", "--repository", "repo"), "words 1.0\ngreet 1.0\n");
  assert.equal(await ran("lisp", "main.scm"), "Hello, Ada");
  assert.equal(await ran("lisp", "--engine", "interpreter", "main.scm"), "Hello, Ada");
  assert.equal(await ran("lisp", "package", "ls"), "greet 1.0  Says things\nwords 1.0  Says things\n");
  const needed = await stratos("lisp", "package", "rm", "words");
  assert.match(needed.stderr, /greet: needs words \(>= 1\.0\), which is not installed/);
  assert.equal(needed.status, 1);

  // A newer version leaves nothing of the older one.
  put("greet/package.scm", describe("greet", "1.1", "(libraries (greet))"));
  put(
    "greet/greet.sld",
    '(define-library (greet) (export hello) (import (scheme base)) (begin (define (hello x) "Bye")))',
  );
  assert.equal(await ran("lisp", "package", "install", "greet"), "greet 1.1\n");
  assert.equal(await ran("lisp", "main.scm"), "Bye");
  assert.deepEqual(readdirSync(join(folder, "home/lisp/site")).sort(), ["greet.sld", "words.sld"]);
  await ran("lisp", "package", "rm", "words", "greet");
  assert.deepEqual(readdirSync(join(folder, "home/lisp/site")), []);
  assert.equal((await stratos("lisp", "main.scm")).status, 1);
});

test("what is wrong with a package is told, and changes nothing", async () => {
  const wrong = async (text: string, words: RegExp): Promise<void> => {
    put("bad/package.scm", text);
    const { stderr, status } = await stratos("lisp", "package", "install", "bad");
    assert.match(stderr, words);
    assert.equal(status, 1);
  };
  put("bad/bad.sld", "(define-library (bad) (export x) (import (scheme base)) (begin (define x 1)))");
  await wrong("(package (name", /package\.scm.*is not closed/s);
  await wrong("(bundle)", /expected one form \(package/);
  await wrong(describe("bad", "1.0", ""), /libraries: one library at least/);
  await wrong(describe("Bad", "1.0", "(libraries (bad))"), /name: Bad has other characters/);
  await wrong(describe("bad", "new", "(libraries (bad))"), /version: new is no version/);
  await wrong(describe("bad", "1", "(libraries (bad)) (licence)"), /licence is no field/);
  await wrong(describe("bad", "1", '(libraries (bad)) (depends ("a" (> 1)))'), /depends: expected "NAME" or/);
  await wrong(describe("bad", "1", "(libraries (worse))"), /there is no library \(worse\)/);
  await wrong(describe("bad", "1", "(libraries (scheme base))"), /is not where \(scheme base\) is/);
  put("other.deb", "no package");
  assert.equal((await stratos("lisp", "package", "install", "other.deb")).status, 1);
  // Two packages with one library.
  put("bad/package.scm", describe("bad", "1", "(libraries (bad))"));
  put("worse/package.scm", describe("worse", "1", "(libraries (bad))"));
  put("worse/bad.sld", readFileSync(join(folder, "bad/bad.sld"), "utf8"));
  await ran("lisp", "package", "install", "bad");
  assert.match(
    (await stratos("lisp", "package", "install", "worse")).stderr,
    /worse: has bad\.sld, which bad has, too/,
  );
  assert.equal(await ran("lisp", "package", "ls"), "bad 1  Says things\n");
});
