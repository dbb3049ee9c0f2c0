/**
 * Goal: a program of Debian shows its window, and `run --screenshot` its picture. Method: foot, the terminal, draws
 * cells of known colours; the pixels are counted. Other programs are drawn by `npm run conformance:windows`.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { extentOf, readPicture } from "./support/picture.ts";
import { Browser } from "./support/browser.ts";
import { launcher, start, stratos } from "./support/stratos.ts";
import { ensureScreenImage, SCREEN_IMAGE, TEST_HOME } from "./support/test-image.ts";
import { until } from "./support/until.ts";

/** For a host under load. */
const PATIENCE_MS = 600_000;
let folder = "";

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratos-windows-"));
  await ensureScreenImage();
});
after(() => rmSync(folder, { recursive: true, force: true }));

extendedTest("foot's window is drawn as it is, and the run ends once nothing moves any more", async () => {
  const file = join(folder, "foot.png");
  const shown = "printf '\\033[?25l\\033[48;2;255;0;0m%40s\\033[0m\\n'; sleep 1000";
  const command = ["foot", "-o", "colors.background=102030", "sh", "-c", shown];
  // The time is for a host under load: the run ends long before it.
  const result = await stratos(
    ["run", "-i", SCREEN_IMAGE, "-u", "1000", "--timeout", "170", "--screenshot", file, "--", ...command],
    { timeoutMs: 300_000 },
  );
  assert.equal(result.status, 0, result.stderr);
  const picture = readPicture(file);
  assert.deepEqual([picture.width, picture.height], [1280, 800]);
  const red = extentOf(picture, "ff0000");
  assert.equal(red.count, red.width * red.height);
  assert.equal(red.width % 40, 0);
  assert.ok(red.width > 40 * 4 && red.height > 8, JSON.stringify(red));
  const window = extentOf(picture, "102030");
  assert.deepEqual([window.x, window.width > 400, window.height > 200], [red.x, true, true]);
  // In the middle of the screen, and nothing beside it.
  assert.ok(Math.abs(2 * window.x + window.width - 1280) <= 2, JSON.stringify(window));
  assert.equal(picture.pixel(0, 0), picture.pixel(1279, 799));
});

test("a page shows the window, and types into it", async (t) => {
  const script =
    "stty -echo; read word; test $word = Hi && printf '\\033[?25l\\033[48;2;255;0;0m%40s\\033[0m\\n'; " +
    "read word; test \"$word\" = 漢字 || exit 4; printf '\\033[48;2;0;255;0m%40s\\033[0m\\n'; " +
    "read word; test \"$word\" = 'from elsewhere' || exit 5; stty echo; " +
    "printf '\\033[48;2;0;0;255m%40s\\033[0m\\n'; read word; test \"$word\" = xäxöxüxßx || exit 6; exit 3";
  const command = ["foot", "-o", "colors.background=102030", "sh", "-c", script];
  const child = start([...launcher, "run", "-i", SCREEN_IMAGE, "--display", "--", ...command], {
    env: { STRATOS_HOME: TEST_HOME },
  });
  t.after(() => child.kill("SIGKILL"));
  const browser = await Browser.launch();
  try {
    let words = "";
    child.stderr!.setEncoding("utf8").on("data", (part: string) => void (words += part));
    await until("the address of the page is told", () => words.includes("http://"));
    const ended = new Promise((resolve) => child.once("close", resolve));
    const page = await browser.open(/http:\S+/.exec(words)![0]);
    await page.waitFor(countOf("16,32,48"), /^\d{5,}$/, PATIENCE_MS);
    await page.press("ShiftLeft", "KeyH");
    for (const code of ["KeyI", "Enter"]) await page.press(code);
    await page.waitFor(countOf("255,0,0"), /^\d{4,}$/, PATIENCE_MS);
    // What an input method composes comes as text.
    await page.waitFor("document.querySelector('textarea').inputMode", /^text$/, PATIENCE_MS);
    await page.call("Input.imeSetComposition", { text: "か", selectionStart: 1, selectionEnd: 1 });
    await page.call("Input.insertText", { text: "漢字" });
    await page.press("Enter");
    await page.waitFor(countOf("0,255,0"), /^\d{4,}$/, PATIENCE_MS);
    // What was copied elsewhere is there before the keys that paste it.
    await page.evaluate(`document.querySelector("textarea").dispatchEvent(new ClipboardEvent("paste", {
      clipboardData: Object.assign(new DataTransfer(), { getData: () => "from elsewhere\\n" }),
    }))`);
    await page.press("ControlLeft", "ShiftLeft", "KeyV");
    await page.waitFor(countOf("0,0,255"), /^\d{4,}$/, PATIENCE_MS);
    // Letters that only text has, among keys, while foot tells with each of them where its cursor is.
    for (const letter of "äöüß") {
      await page.press("KeyX");
      await page.call("Input.insertText", { text: letter });
    }
    for (const code of ["KeyX", "Enter"]) await page.press(code);
    // foot tells the status of its shell.
    assert.equal(await ended, 3, words);
    await page.waitFor("document.querySelector('p').textContent", /^The program has ended/, PATIENCE_MS);
  } finally {
    await browser.close();
  }
});

/** How many pixels of the page's canvas have the colour. */
function countOf(colour: string): string {
  return `(() => {
    const canvas = document.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4)
      if (data[at] + "," + data[at + 1] + "," + data[at + 2] === "${colour}") count++;
    return count;
  })()`;
}

test("without a window there is no picture, and the status says so", async () => {
  const file = join(folder, "none.png");
  const result = await stratos(["run", "-i", SCREEN_IMAGE, "--screenshot", file, "--", "true"]);
  assert.deepEqual([result.status, existsSync(file)], [125, false]);
  assert.match(result.stderr, /the program has shown nothing/);
});

test("what can't be repeated or written is refused before the program runs", async () => {
  const attempts = [
    [["--seed", "1", "--screenshot", join(folder, "x.png")], /--seed: .*leave --screenshot away/],
    [["--screenshot", join(folder, "absent", "x.png")], /absent: /],
    [["--screenshot", folder], /is a folder/],
    [["--name", "one", "--screenshot", join(folder, "x.png")], /--screenshot: is not for systems that live on/],
  ] as const;
  for (const [options, words] of attempts) {
    const result = await stratos(["run", "-i", SCREEN_IMAGE, ...options, "--", "true"]);
    assert.equal(result.status, 2, result.stderr);
    assert.match(result.stderr, words);
  }
});
