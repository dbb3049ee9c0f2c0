/**
 * Goal: the image `astra` is a system to live in: its shell (lisp/scheme/astra/) does what POSIX says, its utilities
 * do what their names promise, and a terminal gives a prompt with history and job control. Method: the image makes
 * itself in a home of its own; the same scripts run there and under Debian's dash, the judge.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { dialogue } from "./support/dialogue.ts";
import { stratos } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

let home: string;
before(async () => {
  await ensureTestImage();
  home = mkdtempSync(join(tmpdir(), "stratos-astra-"));
});
after(() => rmSync(home, { recursive: true, force: true }));

/** Each is a script on its own; what it writes and its status are compared with dash's. */
const SCRIPTS = readFileSync(new URL("./terminal/astra-scripts.txt", import.meta.url), "utf8").split("%\n");
const run = (image: string, where: string, shell: string, script: string) =>
  stratos(["run", "-i", image, "--", shell, "-c", script], { env: { STRATOS_HOME: where } });

test("scripts do what they do under Debian's shell", async () => {
  // One machine each: the scripts' outputs are told apart by a line between them.
  const between = "=====";
  const all = (shell: string): string =>
    SCRIPTS.map((script) => `${shell} -c '${script.replaceAll("'", "'\\''")}'; echo " $?"; echo ${between}`).join("\n");
  const [own, judge] = [
    await run("astra", home, "sh", all("sh")),
    await run(TEST_IMAGE, TEST_HOME, "dash", all("dash")),
  ];
  const told = (text: string): string[] => text.split(`${between}\n`);
  const expected = told(judge.stdout);
  assert.equal(expected.length, SCRIPTS.length + 1);
  for (const [index, part] of told(own.stdout).entries()) assert.equal(part, expected[index], SCRIPTS[index]);
});

test("mistakes are told as POSIX wants them", async () => {
  const script = "ls --nothing; echo $?; nosuch; echo $?; /etc/passwd; echo $?; ls /none; echo $?; cd /none; echo $?";
  const { stdout, stderr } = await run("astra", home, "sh", script);
  assert.equal(stdout, "2\n127\n126\n2\n1\n");
  assert.match(stderr, /ls: unrecognized option '--nothing'\nusage: ls/);
  assert.match(stderr, /nosuch: not found\n[^\n]*\/etc\/passwd: Permission denied\n/);
  const syntax = await run("astra", home, "sh", "echo a; if true; then");
  assert.deepEqual([syntax.stdout, syntax.status], ["", 2]);
  assert.match(syntax.stderr, /unexpected end of file/);
});

test("a terminal has a prompt, keys, history, completion and jobs", async () => {
  // What is typed does not have the word that tells that it runs.
  const waiting = "sh -c 'echo u\"\"p; sleep 100'";
  const { output, status } = await dialogue(
    ["-i", "astra"],
    [
      { expect: "astra:/root# ", send: "echo one | cat\r" },
      { expect: /\none\r?\n.*# /, send: "\x1b[A\x01\x1b[3~\x1b[3~\x1b[3~\x1b[3~printf '<%s>\\n'\r" },
      { expect: "<one>", send: "cat /etc/host\x09\x09s\r" },
      { expect: "localhost", send: `${waiting}\r` },
      { expect: "up", send: "\x1a" },
      { expect: "Stopped", send: "jobs; kill %1; wait %1; echo st$?\r" },
      { expect: /\nst143/, send: `${waiting}\r` },
      { expect: "up", send: "\x03" },
      { expect: "# ", send: "echo int$?\r" },
      { expect: /\nint130/, send: "echo u''p; while :; do :; done\r" },
      { expect: "up", send: "\x03" },
      { expect: "# ", send: "for i in a b; do\r" },
      { expect: "> ", send: "echo $i$i; done\r" },
      { expect: /\naa\r?\nbb/, send: "exit 3\r" },
    ],
    { STRATOS_HOME: home },
  );
  assert.equal(status, 3, output);
});
