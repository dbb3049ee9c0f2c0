/**
 * Goal: a desktop in a tab has several monitors: windows of the browser, to which windows of programs and of our own
 * go, where they are as sharp as the monitor and take keys, and from which they come back. Method: as
 * browser-desktop.test.ts has it, with foot of Debian.
 */
import assert from "node:assert/strict";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { keepWebFolder, webFolderServer } from "@stratos/console";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser, Page } from "./support/browser.ts";
import { pressKey, typeKeys } from "./support/page-keys.ts";
import { tabPage } from "./support/tab-page.ts";
import { ensureScreenImage, SCREEN_IMAGE, TEST_HOME } from "./support/test-image.ts";

/** For a host under load. */
const PATIENCE_MS = 300_000;
const CTRL_ALT = 3;

let server: Server;
let url: string;
let browser: Browser;
async function begin(): Promise<void> {
  await ensureScreenImage();
  server = webFolderServer(await keepWebFolder({ home: TEST_HOME, image: SCREEN_IMAGE, lines: [], page: tabPage }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await Browser.launch();
}
async function end(): Promise<void> {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
}
// Its one test is of the extended run: otherwise there is nothing to begin.
if (isExtended) {
  before(begin);
  after(end);
}

/** Presses a button by the words that it has, as a person does: windows open only then. */
async function choose(page: Page, words: string, control = "button"): Promise<void> {
  const found = `[...document.querySelectorAll(${JSON.stringify(control)})].find((each) =>
    (each.ariaLabel || each.textContent.trim()).startsWith(${JSON.stringify(words)}) && each.checkVisibility())`;
  await page.waitFor(`String(${found} !== undefined)`, /^true$/, PATIENCE_MS);
  await page.call("Runtime.evaluate", { expression: `${found}.click()`, userGesture: true });
}

/** Of a program's window in a page: how many colours it shows, its own pixels across, and those of the page. */
const PICTURE = `(() => {
  const canvas = document.querySelector("section.of-guest canvas.picture");
  if (canvas === null || canvas.width === 0) return "none";
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set(new Uint32Array(data.buffer)).size;
  return [colours > 2 ? "drawn" : "blank", canvas.width, Math.round(canvas.getBoundingClientRect().width)].join(" ");
})()`;
const NOTIFIED = "[...document.querySelectorAll('.notification')].map((each) => each.textContent).join()";

/** The window of the browser that the page has opened. */
async function otherWindow(): Promise<Page> {
  for (;;) {
    const { targetInfos } = (await browser.call("Target.getTargets", {})) as {
      targetInfos: readonly { readonly targetId: string; readonly title: string }[];
    };
    const found = targetInfos.find(({ title }) => title === "Stratos: monitor 2");
    if (found === undefined) await new Promise((resolve) => setTimeout(resolve, 100));
    else {
      const { targetId } = found;
      const { sessionId } = await browser.call("Target.attachToTarget", { targetId, flatten: true });
      return new Page(browser, String(sessionId));
    }
  }
}

extendedTest(
  "a window of the browser is a monitor: windows go there, are used there, and come back when it goes",
  async () => {
    const page = await browser.open(`${url}desktop/`);
    await page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
    await pressKey(page, "Space", CTRL_ALT);
    await page.waitFor("document.activeElement?.getAttribute('role')", /combobox/, PATIENCE_MS);
    await page.type("foot");
    const chosen = "document.querySelector('.launcher-item[aria-selected=true]')?.textContent";
    await page.waitFor(chosen, /foot/i, PATIENCE_MS);
    await page.type("\n");
    await page.waitFor(PICTURE, /^drawn/, PATIENCE_MS);

    await choose(page, "Session");
    await choose(page, "Settings", ".menu button");
    await choose(page, "Add a window as a monitor");
    const other = await otherWindow();
    await other.waitFor("getComputedStyle(document.querySelector('#desktop')).position", /^absolute$/, PATIENCE_MS);
    assert.equal(await other.evaluate("document.compatMode"), "CSS1Compat");
    await page.waitFor("document.querySelector('.settings').textContent", /Monitor 2.*To the right/, PATIENCE_MS);
    assert.deepEqual(await accessibilityViolations(page), []);

    // Foot goes there by a key, and the keyboard with it.
    await page.evaluate("document.querySelector('section.of-guest').focus()");
    await pressKey(page, "KeyN", CTRL_ALT);
    await other.waitFor(PICTURE, /^drawn/, PATIENCE_MS);
    assert.equal(await page.evaluate(PICTURE), "none");
    const click = await other.evaluate(`(() => {
    const { x, y } = document.querySelector("section.of-guest canvas.picture").getBoundingClientRect();
    return { x: x + 60, y: y + 60 };
  })()`);
    for (const type of ["mousePressed", "mouseReleased"])
      await other.call("Input.dispatchMouseEvent", { type, button: "left", clickCount: 1, ...(click as object) });
    await typeKeys(other, "echo there > /root/monitor; notify-send arrived\n");
    await page.waitFor(NOTIFIED, /arrived/, PATIENCE_MS);
    assert.equal(await page.evaluate("stratos.read('/root/monitor')"), "there\n");

    // Twice as large, and its program draws for it: a pixel of its picture is one of the page.
    await page.evaluate(`(() => {
    const [, scale] = [...document.querySelectorAll(".settings .monitors select")].filter((each) =>
      [...each.options].some(({ value }) => value === "200"));
    scale.value = "200";
    scale.dispatchEvent(new Event("change"));
  })()`);
    const sharp = `(() => {
    const [state, own, shown] = ${PICTURE}.split(" ");
    return state === "drawn" && Math.abs(own - shown) < 2 && own > 700 ? "sharp" : ${PICTURE};
  })()`;
    await other.waitFor(sharp, /^sharp$/, PATIENCE_MS);
    await pressKey(other, "ArrowUp", CTRL_ALT);
    const fills =
      "JSON.stringify([document.querySelector('section.of-guest').getBoundingClientRect().width, innerWidth])";
    await other.waitFor(fills, /^\[(\d+),\1\]$/, PATIENCE_MS);

    // A terminal opens where the person works, and is used wherever it goes.
    const rows = "document.querySelector('.xterm-rows')?.textContent";
    await pressKey(other, "Enter", CTRL_ALT);
    await other.waitFor(rows, /[#$] /, PATIENCE_MS);
    await pressKey(other, "KeyN", CTRL_ALT);
    await page.waitFor(rows, /[#$] /, PATIENCE_MS);
    await pressKey(page, "KeyN", CTRL_ALT);
    await other.waitFor(rows, /[#$] /, PATIENCE_MS);
    await other.evaluate("document.querySelector('.xterm-helper-textarea').focus()");
    await other.type("echo $((6*7)) shown\n");
    await other.waitFor(rows, /42 shown/, PATIENCE_MS);

    await page.evaluate("open('', 'stratos-monitor-2').close()");
    await page.waitFor(PICTURE, /^drawn (\d+) \1$/, PATIENCE_MS);
    await page.waitFor("document.querySelector('.xterm-rows').textContent", /42 shown/, PATIENCE_MS);
    const isInSight = `[...document.querySelectorAll("section.window")].every((each) => {
    const { left, top } = each.getBoundingClientRect();
    return left < innerWidth && top < innerHeight;
  })`;
    assert.equal(await page.evaluate(isInSight), true);
    assert.doesNotMatch(String(await page.evaluate("document.querySelector('.settings').textContent")), /Monitor 2/);
    await page.call("Page.close", {});
  },
);
