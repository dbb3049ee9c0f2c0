/**
 * Goal: the windows of a named system are there for whoever may see them, for several at once and after a reload; they
 * go on in a fork and after a rollback; nobody else sees them or steers them. Method: foot, the terminal, in which a
 * shell paints a line in the colour that it reads; viewers are WebSockets of Node, and a headless Chromium.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser } from "./support/browser.ts";
import { extentOf, readPicture } from "./support/picture.ts";
import { ScreenViewer } from "./support/screen-viewer.ts";
import { ServedConsole } from "./support/served-console.ts";
import { launcher, start } from "./support/stratos.ts";
import { SystemsHome } from "./support/systems-home.ts";
import { ensureScreenImage, SCREEN_IMAGE } from "./support/test-image.ts";
import { Heard, until } from "./support/until.ts";

const LONG_MS = 600_000;
const RED = [255, 0, 0] as const,
  GREEN = [0, 255, 0] as const,
  BLUE = [0, 0, 255] as const,
  WHITE = [200, 210, 220] as const;
const PAINT = `stty -echo; while read colour; do printf '\\033[?25l\\033[48;2;%sm%40s\\033[0m\\n' "$colour"; done`;
const FOOT = ["foot", "-o", "colors.background=102030", "sh", "-c", PAINT];
const BACKGROUND = [0x10, 0x20, 0x30] as const;
const lineOf = (colour: readonly number[]): string => colour.join(";");

let folder = "";
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratos-display-"));
  await ensureScreenImage();
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("windows live on with their system, for several who look, in a fork and after a rollback", async (t) => {
  const home = new SystemsHome(t, join(folder, "windows"));
  const machine = ["-i", SCREEN_IMAGE, "--memory", "256M"];
  await home.must("run", "-d", "--name", "w", "--display", "-u", "1000", ...machine, "--", ...FOOT);
  assert.match(await home.must("ps"), / DISPLAY\nw .* yes\n/);
  const shown = start([...launcher, "display", "w"], { env: home.environment });
  const address = new Heard(shown.stdout!);
  await address.includes("\n");
  const ended = once(shown, "exit");
  const open = (): ScreenViewer => ScreenViewer.ofPage(address.text.trim());

  const first = open();
  const second = open();
  await first.untilShows(...BACKGROUND);
  first.type(lineOf(RED));
  await first.untilShows(...RED);
  await second.untilShows(...RED);
  await until("both see the same", () => Buffer.compare(first.pixels, second.pixels) === 0);
  // As a reload does.
  first.close();
  const again = open();
  const tookMs = await until("it is as it was", () => Buffer.compare(again.pixels, second.pixels) === 0);
  t.diagnostic(`the same pixels again after ${Math.round(tookMs)} ms`);

  await home.must("snapshot", "w", "red");
  assert.equal(await home.must("fork", "w"), "w-1\n");
  again.type(lineOf(GREEN));
  await second.untilShows(...GREEN);
  const picture = join(folder, "fork.png");
  await home.must("display", "w-1", "--screenshot", picture);
  assert.ok(extentOf(readPicture(picture), "ff0000").count > 1000, "the fork has what was shown by then");
  assert.equal(extentOf(readPicture(picture), "00ff00").count, 0, "and a display of its own");

  await home.must("rollback", "w", "red");
  await until("it is as it was", () => again.count(...GREEN) === 0 && again.count(...RED) > 1000);
  again.type(lineOf(BLUE));
  await again.untilShows(...BLUE);
  // What is done while it is paused is for nobody.
  await home.must("pause", "w");
  again.type(lineOf(GREEN));
  const later = open();
  await later.untilShows(...BLUE);
  await home.must("unpause", "w");
  again.type(lineOf(WHITE));
  await again.untilShows(...WHITE);
  assert.equal(again.count(...GREEN), 0);

  await home.must("run", "-d", "--name", "plain", ...machine, "--", "sleep", "1000");
  assert.match(await home.refused(1, "display", "plain"), /plain: has no display: it was started without --display/);
  assert.match(await home.refused(1, "display", "absent"), /absent: no such system/);
  await home.must("stop", "-t", "0", "w");
  await again.untilClosed();
  assert.deepEqual(await ended, [0, null]);
  assert.match(await home.refused(1, "display", "w"), /w: is not running \(exited\)/);
  assert.match(
    await home.refused(2, "run", "-d", "--display", "--seed", "1", ...machine, "--", "true"),
    /--seed: .*leave --display away/,
  );
});

extendedTest("the console shows windows to who may see them, and lets operators steer them", async (t) => {
  const served = new ServedConsole(t, join(folder, "console"));
  await served.start();
  await served.must("POST", "/v1/systems", {
    ...{ name: "w", image: SCREEN_IMAGE, memoryBytes: 256 << 20, command: FOOT, display: true, user: "1000" },
  });
  const key = (await served.home.must("serve", "key", "add", "anna", "--role", "viewer")).trim();
  const place = `ws://127.0.0.1:${served.port}/v1/displays`;
  const open = (token: string, more: Record<string, string> = {}): ScreenViewer =>
    new ScreenViewer(place, [{}, { show: "w" }], { authorization: `Bearer ${token}`, ...more });
  for (const stranger of [open("x"), open(served.token, { origin: "http://elsewhere.example" })]) {
    await stranger.untilClosed();
    assert.deepEqual(stranger.told, {});
  }
  const absent = new ScreenViewer(place, [{}, { show: "absent" }], { authorization: `Bearer ${served.token}` });
  await absent.untilClosed();
  assert.match(String(absent.told["problem"]), /absent: no such system/);
  const viewer = open(key);
  await viewer.untilShows(...BACKGROUND);
  viewer.type(lineOf(GREEN));

  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open(served.entrance);
  await page.waitFor("document.getElementById('w/display')?.textContent ?? ''", /^Display$/, LONG_MS);
  await page.evaluate("document.getElementById('w/display').click()");
  await page.waitFor(countOf(BACKGROUND), /^\d{5,}$/, LONG_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  await page.evaluate("document.querySelector('.guest-keys').focus()");
  await page.call("Input.insertText", { text: lineOf(RED) });
  await page.press("Enter");
  await page.waitFor(countOf(RED), /^\d{4,}$/, LONG_MS);
  await viewer.untilShows(...RED);
  assert.equal(viewer.count(...GREEN), 0, "who only looks types nothing");
  await page.reload();
  await page.waitFor(countOf(RED), /^\d{4,}$/, LONG_MS);
  const desktop = start([...launcher, "desktop", "w"], { env: served.home.environment });
  t.after(() => desktop.kill());
  const address = new Heard(desktop.stdout!);
  await address.includes("\n");
  const onDesktop = await browser.open(address.text.trim());
  await onDesktop.waitFor("document.querySelectorAll('.launcher-button').length", /^1$/, LONG_MS);
  await onDesktop.evaluate("document.querySelector('.launcher-button').click()");
  const screen = "[...document.querySelectorAll('.launcher-item')].find((each) => /^Screen/.test(each.textContent))";
  await onDesktop.waitFor(`${screen}?.textContent ?? ""`, /^Screen/, LONG_MS);
  await onDesktop.evaluate(`${screen}.click()`);
  await onDesktop.waitFor(countOf(RED, ".guest-screen canvas"), /^\d{4,}$/, LONG_MS);
  // With the key that let it in.
  await served.home.must("serve", "key", "rm", "anna");
  await viewer.untilClosed();
  assert.match(await (await served.ask("GET", "/v1/audit")).text(), /"operation":"openDisplay","target":"w"/);
});

/** How many pixels of the page's canvas have the colour. */
function countOf(colour: readonly number[], where = ".display canvas"): string {
  return `(() => {
    const canvas = document.querySelector("${where}");
    if (canvas === null) return 0;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4)
      if (data[at] + "," + data[at + 1] + "," + data[at + 2] === "${colour.join(",")}") count++;
    return count;
  })()`;
}
