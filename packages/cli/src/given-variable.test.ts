import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sampleOf } from "@stratos/base/testing";
import { isExact } from "./given-variable.ts";

test("a variable's bytes say whether its text is what it is", () => {
  const all = Buffer.from("A=\xff\0AB=\xc3\xa9\0C=\xef\xbf\xbd\0\xc3\xa9=x\xfe\0", "latin1");
  assert.deepEqual(
    ["A", "AB", "C", "é", "missing"].map((name) => isExact(all, name)),
    [false, true, true, false, true],
  );
  assert.equal(isExact(null, "A"), true);
});

const ROOT = join(import.meta.dirname, "../../..");

// By the launcher, whose environment another Node has taken over, and by the sources.
for (const command of sampleOf([join(ROOT, "stratos.mjs"), join(ROOT, "packages/cli/src/main.ts")], 2))
  test(`${command.slice(ROOT.length + 1)}: a value that is no text is refused, not changed`, () => {
    // Node gives a child text alone.
    const script = `A=$(printf 'a\\377') B=$(printf '\\357\\277\\275') exec "$@"`;
    const run = (...args: string[]): { status: number | null; stderr: string } => started(script, ...args);
    const started = (script: string, ...args: string[]): { status: number | null; stderr: string } =>
      spawnSync(
        "sh",
        ["-c", script, "sh", process.execPath, "--disable-warning=ExperimentalWarning", command, ...args],
        {
          encoding: "utf8",
        },
      );
    const setting = run("run", "-e", "A", "--", "true");
    assert.match(setting.stderr, /the value of A is not UTF-8; a program is given bytes .* `-- env "A=\$A" CMD`/);
    const secret = run("run", "--secret", "A=example.org", "--", "true");
    assert.match(secret.stderr, /the value of A is not UTF-8/);
    assert.deepEqual([setting.status, secret.status], [2, 2]);
    for (const name of ["STRATOS_HOME", "XDG_DATA_HOME", "HOME", "TMPDIR"]) {
      const other = started(
        `unset STRATOS_HOME XDG_DATA_HOME; export ${name}=$(printf '/tmp/stratos-given-a\\377'); exec "$@"`,
        "image",
        "ls",
      );
      assert.equal(existsSync("/tmp/stratos-given-a\ufffd"), false);
      assert.match(other.stderr, new RegExp(`^stratos: ${name}: is not UTF-8, as names here have to be`));
      assert.equal(other.status, 2);
    }
    assert.match(run("run", "-e", "B", "-i", "no such image", "--", "true").stderr, /no such image/);
  });
