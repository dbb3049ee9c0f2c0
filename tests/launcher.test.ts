/** Goal: `npm start` is `stratos`: nothing of npm's own on standard output, arguments and streams untouched. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launcher, repository, run, start } from "./support/stratos.ts";
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

test("./stratos does the same without npm, and arguments that are not UTF-8 arrive as they are", async () => {
  const env = { STRATOS_HOME: TEST_HOME };
  const line = `"$0" run -i "$1" -- sh -c 'printf "%s|" "$@"; exit 9' sh "$(printf 'caf\\351')" 'a b' ''`;
  const result = await run(["sh", "-c", line, join(repository, "stratos"), TEST_IMAGE], { cwd: "/", env });
  assert.deepEqual(result, { stdout: "caf\xe9|a b||", stderr: "", status: 9 });
});

test("./stratos leaves closed streams closed: a program that writes or reads there is told", async () => {
  const line = `"$0" run -i "$1" -- sh -c "echo lost; echo \\$? >&2; cat" >&- <&-; echo $? >&2; "$0" image ls >&-`;
  const env = { STRATOS_HOME: TEST_HOME };
  const result = await run(["sh", "-c", line, join(repository, "stratos"), TEST_IMAGE], { env });
  assert.deepEqual(result.stderr.split("\n"), [
    "sh: 1: echo: echo: I/O error",
    "1",
    "cat: -: Bad file descriptor",
    "1",
    "stratos: standard output: bad file descriptor",
    "",
  ]);
  assert.equal(result.status, 1);
});

test("./stratos takes no option for Node, and names the folder that it was given for a file", async () => {
  const stratos = (...args: string[]): ReturnType<typeof run> =>
    run([join(repository, "stratos"), ...args], { cwd: "/", env: { STRATOS_HOME: TEST_HOME } });
  const unknown = { stdout: "", stderr: "stratos: --env-file: unknown option\n", status: 2 };
  assert.deepEqual(await stratos("run", "--env-file", repository, "--", "true"), unknown);
  const folder = (status: number): object => ({
    stdout: "",
    stderr: `stratos: ${repository}: is a directory\n`,
    status,
  });
  assert.deepEqual(await stratos("replay", repository), folder(125));
  assert.deepEqual(await stratos("image", "import", "a-folder", repository), folder(1));
});

test("a signal to ./stratos reaches the program, unless it is ignored: it is the process that runs it", async () => {
  const script = "trap 'echo told; exit 7' TERM; trap 'echo hung up' HUP; echo ready; cat & wait; wait";
  const args = ["run", "-i", TEST_IMAGE, "--", "sh", "-c", script];
  const nohup = ["sh", "-c", 'trap \'\' HUP; exec "$0" "$@"'];
  const child = start([...nohup, join(repository, "stratos"), ...args], { env: { STRATOS_HOME: TEST_HOME } });
  const timer = setTimeout(() => child.kill("SIGKILL"), 120_000);
  try {
    let said = "";
    child.stdout!.on("data", (bytes: Buffer) => {
      said += bytes.toString();
      if (said === "ready\n") (["SIGHUP", "SIGTERM"] as const).forEach((signal) => child.kill(signal));
    });
    const [status] = await once(child, "close");
    assert.deepEqual([said, status], ["ready\ntold\n", 7]);
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
  }
});

test("the program alone, as it is installed, says what is wrong with an option", async (context) => {
  const bundle = join(repository, "dist");
  if (launcher.length < 3) return context.skip("nothing is bundled");
  const alone = mkdtempSync(join(tmpdir(), "stratos-installed-"));
  try {
    cpSync(bundle, alone, { recursive: true });
    const { stderr, status } = await run([process.execPath, join(alone, "main.cjs"), "worker", "--nope"]);
    assert.match(stderr, /^stratos: --nope: unknown option/);
    assert.equal(status, 2);
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});
