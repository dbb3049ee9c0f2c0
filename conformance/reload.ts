/**
 * Debian's programs with windows in a tab, by Wayland and by X11: the page is loaded again, and each has its window as
 * it was, takes what is typed, and shows that. Not part of `npm test`: the image takes some minutes, and GTK's programs
 * start cold.
 *
 *     npm run conformance:reload -- [NAME…]
 */
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { keepWebFolder, tabFiles, webFolderServer } from "@stratos/console";
import { TAB_DESKTOP } from "@stratos/desktop/tab";
import { stratosHome } from "@stratos/host-node/home";
import { ensureImage } from "../bench/prepare.ts";
import { Browser, type Page } from "../tests/support/browser.ts";
import { isWhole, refuseUnknown } from "../tests/support/known-names.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const IMAGE = "windows-reload-1";
const PACKAGES = ["mousepad", "foot", "gtk-4-examples", "adwaita-icon-theme", "fonts-dejavu-core", "xwayland", "xterm"];
const PATIENCE_MS = 300_000;
/** Longer than what always moves is kept in. */
const KEPT_MS = 150_000;
const CTRL_ALT = 3;

interface Program {
  readonly command: string;
  /** It never rests: its pictures differ. */
  readonly moves?: boolean;
}

const PROGRAMS: Readonly<Record<string, Program>> = {
  "foot": { command: "foot sh" },
  "mousepad": { command: "mousepad" },
  "xterm": { command: "xterm -e sh" },
  "widget-factory": { command: "gtk4-widget-factory", moves: true },
};

/** Title and place, and by the first digits of a sum what is shown. */
const SHOWN = `(() => {
  const window = document.querySelector("section.of-guest");
  const canvas = window?.querySelector("canvas.picture");
  if (canvas == null || canvas.width === 0) return "";
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (const word of new Uint32Array(data.buffer)) sum = (Math.imul(sum, 31) + word) | 0;
  const { x, y, width, height } = window.getBoundingClientRect();
  return JSON.stringify([window.querySelector(".guest").ariaLabel, x, y, width, height, sum]);
})()`;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** All that it shows within some seconds: a cursor may blink. */
async function picturesOf(page: Page): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let look = 0; look < 12; look++) {
    seen.add(String(await page.evaluate(SHOWN)));
    await sleep(300);
  }
  return seen;
}

const placeOf = (shown: string): string => shown.replace(/,[-\d]+\]$/, "");

async function tryProgram(browser: Browser, url: string, { command, moves = false }: Program): Promise<string> {
  const page = await browser.open(`${url}desktop/`);
  await page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
  for (const type of ["keyDown", "keyUp"])
    await page.call("Input.dispatchKeyEvent", { type, code: "Enter", key: "Unidentified", modifiers: CTRL_ALT });
  await page.waitFor("document.querySelector('.xterm-rows')?.textContent", /[#$] /, PATIENCE_MS);
  await page.type(`${command} &\n`);
  await page.waitFor(SHOWN, /\d/, PATIENCE_MS);
  await sleep(3000);
  await page.type("hello");
  await sleep(3000);
  const before = await picturesOf(page);
  const kept = "stratos.usage().then(({ isKept, keepingMs }) => String(isKept || keepingMs > 0 && MOVES))";
  await page.waitFor(kept.replace("MOVES", String(moves)), /^true$/, KEPT_MS);
  await page.reload();
  await page.waitFor("String(stratos.goesOn())", /^true$/, PATIENCE_MS);
  await page.waitFor(SHOWN, /\d/, PATIENCE_MS);
  const after = await picturesOf(page);
  const places = new Set([...before, ...after].map(placeOf));
  const isSame = moves || [...after].every((shown) => before.has(shown));
  await page.type(" again");
  await sleep(3000);
  const typed = await picturesOf(page);
  const hasTyped = moves || ![...typed].some((shown) => before.has(shown));
  await page.call("Page.close", {});
  const problems = [
    ...(places.size === 1 ? [] : ["its title or place is another"]),
    ...(isSame ? [] : ["it shows something else"]),
    ...(hasTyped ? [] : ["what is typed is not shown"]),
  ];
  return problems.join(", ") || "as it was";
}

const { positionals } = parseArgs({ allowPositionals: true });
refuseUnknown(positionals, Object.keys(PROGRAMS), isWhole);
ensureImage([process.execPath, join(root, "stratos.mjs")], IMAGE, PACKAGES);
const folder = await keepWebFolder({ home: stratosHome(), image: IMAGE, lines: [], page: () => tabFiles(TAB_DESKTOP) });
let failed = 0,
  passed = 0;
for (const [name, program] of Object.entries(PROGRAMS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const server = webFolderServer(folder);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await Browser.launch();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const words = await tryProgram(browser, url, program).catch((error: Error) => error.message);
  console.log(`${name}: ${words}`);
  if (words === "as it was") passed++;
  else failed++;
  await browser.close();
  server.close();
  server.closeAllConnections();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
