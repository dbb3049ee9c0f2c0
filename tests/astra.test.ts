/**
 * Goal: the image `astra` is a system to live in: its shell (lisp/scheme/astra/) does what POSIX says, its utilities
 * do what their names promise. Method: the image makes itself in a home of its own; the same scripts run there and
 * under Debian's dash, the judge.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
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
