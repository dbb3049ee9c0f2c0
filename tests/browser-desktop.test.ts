/**
 * Goal: Debian's programs have windows in a tab that no server stands behind, and what is written there is in the files
 * that the tab's terminal has. Method: the folder that `stratos image web` writes, in headless Chromium; foot of Debian
 * is the program with a window.
 */
import assert from "node:assert/strict";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { extendedTest } from "@stratos/base/testing";
import { keepWebFolder, webFolderServer } from "@stratos/console";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser, type Page } from "./support/browser.ts";
import { pressKey, typeKeys } from "./support/page-keys.ts";
import { tabPage } from "./support/tab-page.ts";
import { ensureScreenImage, SCREEN_IMAGE, TEST_HOME } from "./support/test-image.ts";

/** For a host under load. */
const PATIENCE_MS = 300_000;
const CTRL_ALT = 3;

let server: Server;
let url: string;
let browser: Browser;
before(async () => {
  await ensureScreenImage();
  server = webFolderServer(await keepWebFolder({ home: TEST_HOME, image: SCREEN_IMAGE, lines: [], page: tabPage }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await Browser.launch();
});
after(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
});

/** How many colours a program's window has: one that nobody has drawn has one. */
const COLOURS = `(() => {
  const canvas = document.querySelector("section.of-guest canvas.picture");
  if (canvas === null) return 0;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
})()`;

/** Whether a program's window has the keyboard. */
const HAS_KEYBOARD = `String(document.querySelector("section.of-guest.active") !== null &&
  document.activeElement?.className === "guest-keys")`;

async function startFoot(page: Page): Promise<void> {
  await pressKey(page, "Space", CTRL_ALT);
  await page.waitFor("document.activeElement?.getAttribute('role')", /combobox/, PATIENCE_MS);
  await page.type("foot");
  const chosen = "document.querySelector('.launcher-item[aria-selected=true]')?.textContent";
  await page.waitFor(chosen, /foot/i, PATIENCE_MS);
  await page.type("\n");
  await page.waitFor(COLOURS, /^([3-9]|\d\d+)$/, PATIENCE_MS);
  await page.waitFor(HAS_KEYBOARD, /^true$/, PATIENCE_MS);
}

test("programs have windows in a tab, and the files of its terminal", async () => {
  const page = await browser.open("about:blank");
  const size = { width: 1280, height: 800, deviceScaleFactor: 1, mobile: false };
  await page.call("Emulation.setDeviceMetricsOverride", size);
  await page.navigate(`${url}desktop/`);
  await page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(page), []);

  await pressKey(page, "Enter", CTRL_ALT);
  await page.waitFor("document.querySelector('.xterm-rows')?.textContent", /[#$] /, PATIENCE_MS);
  // A part of the worker, which is loaded when somebody looks there.
  await page.type("cat /proc/sys/kernel/ostype > /root/one\n");
  await startFoot(page);
  await typeKeys(page, "echo window > /root/two; notify-send written; sync\n");
  // The bus of the programs is there, too: it tells when the line was done.
  const notified = "[...document.querySelectorAll('.notification')].map((each) => each.textContent).join()";
  await page.waitFor(notified, /written/, PATIENCE_MS);

  // Another page of the same folder: the machine's files are the same, and it gets them when this tab lets go.
  const terminal = await browser.open(url);
  await terminal.waitFor("document.querySelector('#other').open", /true/, PATIENCE_MS);
  await page.call("Page.close", {});
  const screen = `(() => {
    const { active } = stratos.terminal.buffer;
    return Array.from({ length: active.length }, (_, row) => active.getLine(row).translateToString(true)).join("\\n");
  })()`;
  await terminal.waitFor(screen, /root@stratos:~# $/m, PATIENCE_MS);
  await terminal.type("cat one two\n");
  await terminal.waitFor(screen, /^Linux\nwindow$/m, PATIENCE_MS);
  await terminal.call("Page.close", {});
});

/** Clicks what has these words, in a menu or a dialog. */
async function choose(page: Page, words: string): Promise<void> {
  const found = `[...document.querySelectorAll("button, [role=menuitem]")].find((each) =>
    (each.ariaLabel || each.textContent.trim()).startsWith(${JSON.stringify(words)}) && each.checkVisibility())`;
  await page.waitFor(`String(${found} !== undefined)`, /^true$/, PATIENCE_MS);
  await page.evaluate(`${found}.click()`);
}

/** What runs in it ends; the next page begins anew. */
async function shutDown(page: Page): Promise<void> {
  await choose(page, "Session");
  await choose(page, "Shut down");
  await choose(page, "Shut down");
  await page.waitFor("String(document.querySelector('.panel') === null)", /^true$/, PATIENCE_MS);
  await page.waitFor("document.body.textContent", /desktop has ended/, PATIENCE_MS);
}

const TERMINAL = "document.querySelector('.xterm-rows')?.textContent";

/** What a program's window shows and where, and its title; "": there is none. */
const SHOWN = `(() => {
  const window = document.querySelector("section.of-guest");
  const canvas = window?.querySelector("canvas.picture");
  if (canvas == null || canvas.width === 0) return "";
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (const word of new Uint32Array(data.buffer)) sum = (Math.imul(sum, 31) + word) | 0;
  const { x, y, width, height } = window.getBoundingClientRect();
  return JSON.stringify({ title: window.ariaLabel ?? window.textContent, x, y, width, height, pixels: sum });
})()`;

/** What it shows when it has come to rest. */
async function shownAtRest(page: Page): Promise<string> {
  for (let before = ""; ;) {
    const now = String(await page.evaluate(SHOWN));
    if (now !== "" && now === before) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}

extendedTest(
  "a reload of the desktop goes on with its terminals and windows, as they were and where they were",
  async () => {
    const page = await browser.open(`${url}desktop/`);
    await page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
    await pressKey(page, "Enter", CTRL_ALT);
    await page.waitFor(TERMINAL, /[#$] /, PATIENCE_MS);
    // A worker that goes on has not loaded what this is of.
    await page.type("x=kept; cat < /proc/sys/kernel/ostype; sleep 1000 < /proc/sys/kernel/ostype &\n");
    await page.type("echo $((6*7)) shown\n");
    await page.waitFor(TERMINAL, /42 shown/, PATIENCE_MS);
    await pressKey(page, "ArrowLeft", CTRL_ALT);
    const place = "JSON.stringify(document.querySelector('section.window:not(.of-guest)')?.getBoundingClientRect())";
    const before = await page.evaluate(place);
    await startFoot(page);
    await typeKeys(page, "y=window; echo $((6*9)) shown\n");
    await pressKey(page, "ArrowRight", CTRL_ALT);
    const window = await shownAtRest(page);
    await page.waitFor("stratos.usage().then(({ isKept }) => `${isKept}`)", /^true$/, PATIENCE_MS);
    await page.reload();
    await page.waitFor("String(stratos.goesOn())", /^true$/, PATIENCE_MS);
    await page.waitFor(TERMINAL, /42 shown/, PATIENCE_MS);
    assert.equal(await page.evaluate(place), before);
    // Whoever has the keyboard has it still.
    const isSame = `(() => { const now = ${SHOWN}; return now === ${JSON.stringify(window)} ? "same" : now; })()`;
    await page.waitFor(isSame, /^same$/, PATIENCE_MS);
    await page.waitFor(HAS_KEYBOARD, /^true$/, PATIENCE_MS);
    await typeKeys(page, "echo $y typed > /root/typed; notify-send later\n");
    const notified = "[...document.querySelectorAll('.notification')].map((each) => each.textContent).join()";
    await page.waitFor(notified, /later/, PATIENCE_MS);
    assert.equal(await page.evaluate("stratos.read('/root/typed')"), "window typed\n");
    await page.evaluate("document.querySelector('.xterm-helper-textarea').focus()");
    await page.type("echo $x $(jobs | wc -l) later\n");
    await page.waitFor(TERMINAL, /kept 1 later/, PATIENCE_MS);
    await shutDown(page);
    await page.call("Page.close", {});
  },
);

const OPEN_DIALOG = "document.querySelector('dialog[open]')?.textContent ?? 'none'";

extendedTest(
  "a machine is suspended, also through a reload, goes on, and is shut down: its programs are asked",
  async () => {
    const page = await browser.open(`${url}desktop/`);
    const isShown = (): Promise<string> =>
      page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
    await isShown();
    await pressKey(page, "Enter", CTRL_ALT);
    await page.waitFor(TERMINAL, /[#$] /, PATIENCE_MS);
    await page.type("rm -f /root/said; (trap 'echo asked > /root/said; exit' TERM; n=0; ");
    await page.type("while :; do n=$((n+1)); echo $n > /run/count; sleep 0.05; done) & cat /run/count\n");
    const count = "stratos.read('/run/count')";
    await page.waitFor(count, /^\d+$/m, PATIENCE_MS);
    await choose(page, "Session");
    await choose(page, "Suspend");
    await page.waitFor(OPEN_DIALOG, /Nothing runs/, PATIENCE_MS);
    await page.waitFor("stratos.usage().then(({ isKept }) => `${isKept}`)", /^true$/, PATIENCE_MS);
    const before = await page.evaluate(count);
    const began = Number(await page.evaluate("performance.timeOrigin"));
    await page.reload();
    await page.waitFor(`performance.timeOrigin > ${began} ? (${OPEN_DIALOG}) : ""`, /Nothing runs/, PATIENCE_MS);
    assert.equal(await page.evaluate(count), before);
    await choose(page, "Go on");
    await isShown();
    await page.waitFor(`${count}.then((now) => String(Number(now) > ${String(before)}))`, /^true$/, PATIENCE_MS);
    await shutDown(page);
    await page.reload();
    await isShown();
    assert.equal(await page.evaluate("stratos.goesOn()"), false);
    assert.equal(await page.evaluate("stratos.read('/root/said')"), "asked\n");
    await page.call("Page.close", {});
  },
);

test("what a desktop and a terminal in a tab load is bounded", async () => {
  const all = [...(await tabPage())];
  const files = all.filter(([name]) => name.startsWith("desktop/"));
  const total = (pattern: RegExp): number =>
    files.filter(([name]) => pattern.test(name)).reduce((sum, [, bytes]) => sum + gzipSync(bytes).length, 0);
  const first = total(/\/(?:page|chunk)-|html/);
  assert.ok(first <= 48 * 1024, `${first} bytes before anything is shown`);
  // With a terminal: languages other than the first, parts of the worker, what shows pictures in a terminal, and
  // applications that are seldom opened are loaded when they are asked for. Counted is what is imported at once.
  const byName = new Map(files);
  const atOnce = new Set<string>();
  const add = (name: string): void => {
    if (atOnce.has(name)) return;
    atOnce.add(name);
    const text = Buffer.from(byName.get(name)!).toString();
    for (const [, other] of text.matchAll(/(?:from|import)\s*"\.\/([\w-]+\.js)"/g)) add(`desktop/${other!}`);
  };
  for (const [name] of files) if (/\/(?:page-|terminal-|desktop-worker-|index\.html)/.test(name)) add(name);
  const whole = [...atOnce].reduce((sum, name) => sum + gzipSync(byName.get(name)!).length, 0);
  assert.ok(whole >= 600 * 1024, "what is imported is found");
  assert.ok(whole <= 736 * 1024, `${whole} bytes, compressed by gzip`);
  const terminal = all
    .filter(([name]) => !/^(?:desktop\/|part-|image-addon-|zstd\.wasm$)/.test(name))
    .reduce((sum, [, bytes]) => sum + gzipSync(bytes).length, 0);
  assert.ok(terminal <= 592 * 1024, `${terminal} bytes, compressed by gzip`);
  assert.ok(total(/\/part-/) >= 80 * 1024, "what is seldom used is not loaded with the rest");
  const worker = Buffer.from(files.find(([name]) => name.includes("desktop-worker"))![1]).toString();
  // Words for docs/compatibility.md, and cryptography for volumes that a tab does not open.
  assert.deepEqual(worker.match(/EPOLLWAKEUP does nothing|maxmem/g), null);
});
