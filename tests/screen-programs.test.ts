/**
 * Goal: Debian's own programs take the screen of a machine and hear its keyboard. Method: libdrm's modetest shows its
 * picture, which `run --screenshot` writes; evtest tells of the keys that a page sends.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { extentOf, readPicture } from "./support/picture.ts";
import { launcher, start, stratos } from "./support/stratos.ts";
import { ensureScreenImage, SCREEN_IMAGE, TEST_HOME } from "./support/test-image.ts";
import { Heard, until } from "./support/until.ts";

const KEY_A = 30;
let folder = "";

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratos-screen-"));
  await ensureScreenImage();
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const [way, options] of [
  ["as ever", "-s 34:800x600"],
  ["by the atomic interface", "-a -s 34:800x600 -P 31@32:800x600"],
] as const)
  test(`modetest finds a mode, sets it and shows its bars, ${way}`, async () => {
    const file = join(folder, "bars.png");
    const script = `sleep 1000 | modetest -M stratos ${options} 2>&1`;
    const shown = ["--screen", "800x600", "--screenshot", file, "--timeout", "170"];
    const result = await stratos(["run", "-i", SCREEN_IMAGE, ...shown, "--", "sh", "-c", script], {
      timeoutMs: 300_000,
    });
    assert.equal(result.status, 0, result.stderr);
    const picture = readPicture(file);
    assert.deepEqual([picture.width, picture.height], [800, 600]);
    // SMPTE's bars: seven of the width, in the upper two thirds.
    const yellow = extentOf(picture, "c0c000");
    assert.deepEqual([yellow.x, yellow.y], [Math.ceil(800 / 7), 0]);
    assert.ok(Math.abs(yellow.width - 800 / 7) < 2 && Math.abs(yellow.height - 400) < 2, JSON.stringify(yellow));
  });

test("a page types on the machine's keyboard", async (t) => {
  const child = start(
    [...launcher, "run", "-i", SCREEN_IMAGE, "--screen", "640x480", "--display", "--", "evtest", "/dev/input/event0"],
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  t.after(() => child.kill("SIGKILL"));
  const [stdout, stderr] = [new Heard(child.stdout!), new Heard(child.stderr!)];
  await stderr.includes("http://");
  const url = new URL(/http:\/\/\S+/.exec(stderr.text)![0]);
  await stdout.includes("Testing");
  assert.match(stdout.text, /Input device name: "Stratos keyboard"/);
  const socket = new WebSocket(`ws://${url.host}/screen`, { headers: { origin: url.origin } } as unknown as string);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  socket.send(JSON.stringify({ token: url.hash.slice(1) }));
  for (const down of [true, false]) socket.send(JSON.stringify({ key: KEY_A, down }));
  await stdout.includes("code 30 (KEY_A), value 0");
  assert.match(stdout.text, /type 1 \(EV_KEY\), code 30 \(KEY_A\), value 1\n.*SYN_REPORT/);
  socket.close();
});

test("a page sees at once what it types on a text console, though no program runs for it", async (t) => {
  const child = start(
    [
      ...[...launcher, "run", "-i", SCREEN_IMAGE, "--screen", "320x200", "--display", "--"],
      ...["setsid", "-w", "sh", "-c", "echo ready >/dev/tty1; echo ready; exec cat </dev/tty1 >/dev/tty1"],
    ],
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  t.after(() => child.kill("SIGKILL"));
  const [stdout, stderr] = [new Heard(child.stdout!), new Heard(child.stderr!)];
  await stderr.includes("http://");
  const url = new URL(/http:\/\/\S+/.exec(stderr.text)![0]);
  await stdout.includes("ready");
  const socket = new WebSocket(`ws://${url.host}/screen`, { headers: { origin: url.origin } } as unknown as string);
  const frames: number[] = [];
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") return;
    frames.push((data as ArrayBuffer).byteLength);
    socket.send(JSON.stringify({ shown: true }));
  });
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  socket.send(JSON.stringify({ token: url.hash.slice(1) }));
  await until("a first picture", () => frames.length > 0);
  // cat sleeps: what comes next is the echo.
  await delay(2_000);
  const before = frames.length;
  for (const down of [true, false]) socket.send(JSON.stringify({ key: KEY_A, down }));
  await until("what was typed", () => frames.length > before);
  socket.close();
});
