/**
 * How soon a page shows what it showed: windows and terminals of a desktop whose machine runs in Node, after a reload
 * and in another browser, and of one whose machine is in the tab. From the beginning of the page's loading to the first
 * frame in which each picture, each line and each place is what it was.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stratosHome } from "@stratos/host-node";
import { Browser, type Page } from "../../tests/support/browser.ts";
import { pressKey } from "../../tests/support/page-keys.ts";
import { median } from "../statistics.ts";

const PATIENCE_MS = 300_000;
const ROUNDS = 7;
const CTRL_ALT = 3;
const VIEW = { width: 1280, height: 800, deviceScaleFactor: 1, mobile: false };

/** All that is shown, as one text: of each window its place, and the sum of its picture or its lines. */
const SHOWN = `(() => {
  const windows = [...document.querySelectorAll("section.window:not([hidden])")].map((window) => {
    const { x, y, width, height } = window.getBoundingClientRect();
    const canvas = window.querySelector("canvas.picture");
    let content = [...window.querySelectorAll(".xterm-rows > div")].map((row) => row.textContent).join("\\n");
    if (canvas !== null && canvas.width > 0) {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let sum = 0;
      for (const word of new Uint32Array(data.buffer)) sum = (Math.imul(sum, 31) + word) | 0;
      content = canvas.width + " " + sum;
    }
    return [window.querySelector("h2")?.textContent, x, y, width, height, content];
  });
  return JSON.stringify(windows.toSorted());
})()`;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function measureReloads(
  launcher: readonly string[],
  image: string,
  tabPort: number,
  print: (line: string) => void,
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "stratos-reload-"));
  symlinkSync(join(stratosHome(), "images"), join(home, "images"));
  const words = [...launcher.slice(1), "desktop", "-i", image];
  const server = spawn(launcher[0]!, words, {
    env: { ...process.env, STRATOS_HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(server, "close");
  const browser = await Browser.launch();
  try {
    const url = await addressOf(server);
    const page = await openDesktop(browser, url);
    await fill(page);
    const node = await reloads(page, async () => {});
    print(`reload, machine in Node, to the same windows and lines: ${summary(node)}`);
    const shown = await restingPicture(page);
    const others: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const other = await Browser.launch();
      const second = await blankPage(other);
      await expect(second, shown);
      await second.navigate(url);
      others.push(await sameAfter(second));
      await other.close();
    }
    print(`another browser, its cache empty, machine in Node: ${summary(others)}`);

    const tab = await openDesktop(browser, `http://127.0.0.1:${tabPort}/desktop/`);
    await fill(tab);
    const kept = "stratos.usage().then(({ isKept }) => String(isKept))";
    const inTab = await reloads(tab, async () => void (await tab.waitFor(kept, /^true$/, PATIENCE_MS)));
    print(`reload, machine in the tab, from its checkpoint: ${summary(inTab)}`);
  } finally {
    await browser.close();
    server.kill("SIGKILL");
    await ended;
    rmSync(home, { recursive: true, force: true });
  }
}

async function addressOf(server: ChildProcess): Promise<string> {
  let words = "";
  for (const stream of [server.stdout!, server.stderr!])
    stream.setEncoding("utf8").on("data", (part: string) => void (words += part));
  for (;;) {
    const address = /http:\S+(?=\n)/.exec(words);
    if (address !== null) return address[0];
    if (server.exitCode !== null) throw new Error(`the desktop did not start: ${words}`);
    await sleep(50);
  }
}

async function blankPage(browser: Browser): Promise<Page> {
  const page = await browser.open("about:blank");
  await page.call("Emulation.setDeviceMetricsOverride", VIEW);
  await page.call("Page.enable", {});
  return page;
}

async function openDesktop(browser: Browser, url: string): Promise<Page> {
  const page = await blankPage(browser);
  await page.navigate(url);
  await page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
  return page;
}

/** A terminal with a screen of text on the left, foot with one on the right. */
async function fill(page: Page): Promise<void> {
  await pressKey(page, "Enter", CTRL_ALT);
  await page.waitFor("document.querySelector('.xterm-rows')?.textContent", /[#$] /, PATIENCE_MS);
  await page.type("seq 500; ls /etc | head -40; (foot sh -c 'seq 100; ls -l /usr; sleep 1000000' 2>/dev/null &)\n");
  await page.waitFor("document.querySelector('canvas.picture')?.width > 0", /^true$/, PATIENCE_MS);
  await sleep(3000);
  await pressKey(page, "ArrowRight", CTRL_ALT);
  await sleep(2000);
}

async function restingPicture(page: Page): Promise<string> {
  for (let last = ""; ;) {
    const next = String(await page.evaluate(SHOWN));
    if (next === last) return next;
    last = next;
    await sleep(1000);
  }
}

/** From the next load on the page looks in each frame whether it shows that. @returns what takes it back */
async function expect(page: Page, shown: string): Promise<() => Promise<unknown>> {
  const source = `{
    const expected = ${JSON.stringify(shown)};
    const look = () => {
      let now = "";
      try { now = ${SHOWN}; } catch {}
      if (now === expected) globalThis.sameAfter = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }`;
  const { identifier } = await page.call("Page.addScriptToEvaluateOnNewDocument", { source });
  // A page that is loaded into another process has none that could be taken back.
  return () => page.call("Page.removeScriptToEvaluateOnNewDocument", { identifier }).catch(() => {});
}

async function sameAfter(page: Page): Promise<number> {
  return Number(await page.waitFor("globalThis.sameAfter ?? ''", /^\d/, PATIENCE_MS));
}

async function reloads(page: Page, beKept: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const shown = await restingPicture(page);
    await beKept();
    const stop = await expect(page, shown);
    await page.reload();
    times.push(await sameAfter(page));
    await stop();
  }
  return times;
}

function summary(times: readonly number[]): string {
  const [least, most] = [Math.min(...times), Math.max(...times)].map((time) => time.toFixed(0));
  return `${median(times).toFixed(0)} ms (${least} to ${most}, ${times.length} times)`;
}
