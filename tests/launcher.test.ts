/** Goal: `npm start` is `stratos`: nothing of npm's own on standard output, arguments and streams untouched. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { repository, run } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

const npm = (args: readonly string[], stdin: string | Uint8Array = ""): ReturnType<typeof run> =>
  run(["npm", "start", "--", ...args], { cwd: repository, stdin, env: { STRATOS_HOME: TEST_HOME } });

test("npm start passes arguments, bytes and the status through", async () => {
  await ensureTestImage();
  const bytes = randomBytes(200_000);
  const copy = await npm(["run", "-i", TEST_IMAGE, "--", "cat"], bytes);
  assert.ok(Buffer.from(copy.stdout, "latin1").equals(bytes), "npm added something");
  assert.equal(copy.stderr, "");
  const result = await npm([
    "run",
    "-i",
    TEST_IMAGE,
    "--",
    "sh",
    "-c",
    'printf "%s|" "$@"; exit 9',
    "sh",
    "a b",
    "$HOME",
    "'q'",
    "*",
    "",
  ]);
  assert.deepEqual([result.stdout, result.status], ["a b|$HOME|'q'|*||", 9]);
});

test("a mistaken command line is status 2 with one line on stderr", async () => {
  assert.deepEqual(await npm(["--bogus"]), { stdout: "", stderr: "stratos: --bogus: unknown option\n", status: 2 });
});
