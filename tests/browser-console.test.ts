/**
 * Goal: Debian in a tab keeps its files: through reloads, without a network, beside other tabs, when the browser is
 * killed, and when it has no more room. Method: the folder that `stratos image web` writes, behind a server that comes
 * and goes, in headless Chromium; keys go in, and the terminal's buffer is read.
 */
import assert from "node:assert/strict";
import { closeSync, globSync, openSync, readSync, rmSync, statSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { BLOCK_SIZE, check } from "@stratos/aegisfs";
import { keepWebFolder, webFolderServer } from "@stratos/console";
import { FileBlockDevice } from "@stratos/host-node";
import { ImageStore } from "@stratos/images/store";
import { extendedTest } from "@stratos/base/testing";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser, type Page } from "./support/browser.ts";
import { tabPage } from "./support/tab-page.ts";
import { GREEN_INLINE, GREEN_TIFF, PICTURE_PIXELS, RED_SIXEL } from "./support/terminal-pictures.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

/** A loaded computer may take its time. */
const PATIENCE_MS = 600_000;
const SCREEN = `(() => {
  const { active } = stratos.terminal.buffer;
  return Array.from({ length: active.length }, (_, row) => active.getLine(row).translateToString(true)).join("\\n");
})()`;
const STATUS = `document.querySelector("#status").textContent`;
const NOTICE = `document.querySelector("#notice").textContent`;
const PROMPT = /root@stratos:~# $/m;

let folder: string;
let server: Server;
let url: string;
let browser: Browser;
before(async () => {
  await ensureTestImage();
  folder = await keepWebFolder({ home: TEST_HOME, image: TEST_IMAGE, lines: [], page: tabPage });
  await serve(0);
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await Browser.launch();
});
after(async () => {
  await browser?.close();
  stopServing();
});

async function serve(port: number): Promise<void> {
  server = webFolderServer(folder);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
}

function stopServing(): void {
  server?.close();
  server?.closeAllConnections();
}

/** A tab, which is closed when the test ends. */
async function tab(context: TestContext, at: string = url): Promise<Page> {
  const page = await browser.open(at);
  context.after(() => page.call("Page.close", {}).catch(() => {})); // The browser may have been killed.
  return page;
}

async function opened(context: TestContext): Promise<Page> {
  const page = await tab(context);
  await page.waitFor(SCREEN, PROMPT, PATIENCE_MS);
  // What goes on shows its screen first; the page's buttons wait for the machine.
  await page.waitFor(STATUS, /^running/, PATIENCE_MS);
  return page;
}

/** What was done makes the machine begin anew: waits for its prompt. */
async function anew(page: Page, action: () => Promise<unknown>): Promise<void> {
  const began = Number(await page.evaluate("performance.timeOrigin + stratos.times.prompt"));
  await action();
  const now = `performance.timeOrigin + stratos.times.prompt > ${began} ? ${SCREEN} : "not yet"`;
  await page.waitFor(now, PROMPT, PATIENCE_MS);
  await page.waitFor(STATUS, /^running/, PATIENCE_MS);
}

/** Gives the shell a line, and waits for what it answers. */
async function run(page: Page, line: string, answer: RegExp): Promise<void> {
  await page.type(`clear; ${line}\n`);
  await page.waitFor(SCREEN, answer, PATIENCE_MS);
}

/** Clicks the button of a dialog that has these words. */
function click(page: Page, words: string): Promise<unknown> {
  return page.evaluate(`[...document.querySelectorAll("button")].find((each) =>
    each.textContent.startsWith(${JSON.stringify(words)}) && each.checkVisibility()).click()`);
}

test("bash answers after few requests for the image, and what it wrote is there after a reload", async (context) => {
  const page = await opened(context);
  const usage = (await page.evaluate("stratos.usage()")) as { fetchedBytes: number; requests: number };
  // What the shell reads comes together; a page of its own that only this start reads may come besides.
  assert.ok(usage.requests <= 3, `${usage.requests} requests`);
  assert.ok(usage.fetchedBytes < 3e6, `${usage.fetchedBytes} bytes`);
  assert.match(String(await page.evaluate(STATUS)), /^running; files are kept in this browser$/);
  assert.deepEqual(await accessibilityViolations(page), []);
  await run(page, "echo kept > note; mkdir -p a/b; sync; cat note", /^kept$/m);
  await anew(page, () => page.reload());
  await run(page, "cat note; ls a", /^kept\nb$/m);
});

const GOES_ON = "String(stratos.times.goesOn)";
async function assertGoesOn(page: Page): Promise<void> {
  assert.equal(await page.evaluate(GOES_ON), "1", String(await page.evaluate(NOTICE)));
}

test("a reload goes on with what runs, and shows what was shown; Restart ends it", async (context) => {
  const page = await opened(context);
  await run(page, "exec 5> held; rm held; x=kept; sleep 1000 & echo before", /^before$/m);
  assert.equal(await page.evaluate(`stratos.ask({ kind: "hidden" })`), true);
  const shown = String(await page.evaluate(SCREEN));
  await anew(page, () => page.reload());
  await assertGoesOn(page);
  assert.equal(String(await page.evaluate(SCREEN)).trimEnd(), shown.trimEnd());
  await run(page, "echo $x $(jobs | wc -l); echo still there >&5; cat /proc/$$/fd/5", /^kept 1\nstill there$/m);
  // By itself, once it rests; the second reload goes on from there.
  await run(page, "x=later; echo $x", /^later$/m);
  await page.waitFor("stratos.usage().then(({ isKept }) => `${isKept}`)", /^true$/, PATIENCE_MS);
  await anew(page, () => page.reload());
  await assertGoesOn(page);
  await run(page, "echo $x", /^later$/m);
  await anew(page, () => click(page, "Restart"));
  await page.waitFor(GOES_ON, /^0$/, PATIENCE_MS);
  await run(page, "echo [$x]; jobs", /^\[\]$/m);
  // Nothing is left of it.
  await anew(page, () => page.reload());
  await run(page, "echo [$x]", /^\[\]$/m);
});

extendedTest(
  "pictures in the terminal are there after a reload, where they were and as far as they were",
  async (context) => {
    const page = await opened(context);
    // One has scrolled away; of another a half was written over.
    const others = `printf '${GREEN_INLINE}\\n'; seq 100`;
    const lines = `${others}; printf '${RED_SIXEL}\\033[8Cbeside\\n${GREEN_TIFF}\\033[1Cover\\n'`;
    await run(page, `${lines}; echo done`, /^done$/m);
    const PICTURES = /^480 red, [1-9]\d* green$/;
    await page.waitFor(PICTURE_PIXELS, PICTURES, PATIENCE_MS);
    const shown = String(await page.evaluate(SCREEN));
    for (let times = 0; times < 2; times++) {
      assert.equal(await page.evaluate(`stratos.ask({ kind: "hidden" })`), true);
      await anew(page, () => page.reload());
      await assertGoesOn(page);
      await page.waitFor(PICTURE_PIXELS, PICTURES, PATIENCE_MS);
      assert.equal(String(await page.evaluate(SCREEN)).trimEnd(), shown.trimEnd());
    }
    await page.evaluate("stratos.terminal.scrollToTop()");
    await page.waitFor(PICTURE_PIXELS, /^0 red, [1-9]\d* green$/, PATIENCE_MS);
    await anew(page, () => click(page, "Restart"));
  },
);

extendedTest("a reload goes on with what was typed into an editor that has just begun", async (context) => {
  const page = await opened(context);
  // Kept as it is now: what comes is what a keeping has to follow.
  await page.waitFor("stratos.usage().then(({ isKept }) => `${isKept}`)", /^true$/, PATIENCE_MS);
  // The editor, its libraries and what it reads of /usr/share are read for the first time.
  await page.type("vi poem\n");
  await page.waitFor(SCREEN, /^"poem" \[New/m, PATIENCE_MS);
  await page.type("iroses");
  await page.waitFor(SCREEN, /^roses */m, PATIENCE_MS);
  await page.waitFor("stratos.usage().then(({ isKept }) => `${isKept}`)", /^true$/, PATIENCE_MS);
  const began = Number(await page.evaluate("performance.timeOrigin"));
  await page.reload();
  await page.waitFor(`performance.timeOrigin > ${began} && stratos.times.goesOn`, /^1$/, PATIENCE_MS);
  await page.waitFor(SCREEN, /^roses */m, PATIENCE_MS);
  await page.evaluate(`stratos.terminal.input("\\x1b:wq\\r")`);
  await page.waitFor(SCREEN, PROMPT, PATIENCE_MS);
  await run(page, "cat poem; rm poem", /^roses$/m);
});

extendedTest("without a network all goes on, and a program waits for a piece that is not here", async (context) => {
  const page = await opened(context);
  await page.waitFor(
    `navigator.serviceWorker.getRegistration().then((it) => it?.active?.state ?? "none")`,
    /^activated$/,
    PATIENCE_MS,
  );
  stopServing();
  await anew(page, () => page.reload());
  await run(page, "cat note", /^kept$/m);
  await page.type("perl -e 'print 6*7, qq(\\n)'\n");
  await page.waitFor(NOTICE, /^a program waits for a piece of the image: the server cannot be reached/, PATIENCE_MS);
  await serve(Number(new URL(url).port));
  await page.waitFor(SCREEN, /^42$/m, PATIENCE_MS);
  assert.equal(await page.evaluate(NOTICE), "");
});

extendedTest("of two tabs one has the files: the other looks at a copy, or takes over", async (context) => {
  const first = await opened(context);
  const second = await tab(context);
  await second.waitFor(`document.querySelector("#other").open`, /true/, PATIENCE_MS);
  await click(second, "Only look");
  await second.waitFor(SCREEN, PROMPT, PATIENCE_MS);
  await run(second, "cat note; echo other > note; cat note", /^kept\nother$/m);
  await run(first, "cat note; moved=along", /^kept$/m);
  await second.reload();
  await second.waitFor(`document.querySelector("#other").open`, /true/, PATIENCE_MS);
  await click(second, "Take over");
  await second.waitFor(SCREEN, PROMPT, PATIENCE_MS);
  await first.waitFor(STATUS, /^another tab has taken this machine over$/, PATIENCE_MS);
  await second.waitFor(GOES_ON, /^1$/, PATIENCE_MS);
  await run(second, "cat note; echo $moved", /^kept\nalong$/m);
  // The first is opened again, and waits; when the second is closed it goes on by itself.
  await first.reload();
  await first.waitFor(`document.querySelector("#other").open`, /true/, PATIENCE_MS);
  await second.call("Page.close", {});
  await first.waitFor(SCREEN, PROMPT, PATIENCE_MS);
  await run(first, "cat note", /^kept$/m);
});

extendedTest("rm -rf / is undone by a snapshot; a reset gives up everything", async (context) => {
  const page = await opened(context);
  await page.evaluate(`stratos.ask({ kind: "snapshot", name: "good" })`);
  await page.type("rm -rf --no-preserve-root / 2>/dev/null; echo over $?\n");
  await page.waitFor(SCREEN, /^over \d/m, PATIENCE_MS);
  await run(page, "ls /; echo status $?", /ls: command not found|No such file/);
  await page.evaluate(`document.querySelector("#snapshots").click()`);
  await page.waitFor(`document.querySelector("#snapshot-list").textContent`, /good/, PATIENCE_MS);
  await anew(page, () => click(page, "Go back to it"));
  await run(page, "cat note; ls -d /usr/bin", /^kept\n\/usr\/bin$/m);
  await click(page, "Reset");
  await anew(page, () => page.evaluate(`document.querySelector("#reset-dialog button[value=reset]").click()`));
  await run(page, "cat note; echo status $?", /^status 1$/m);
});

extendedTest("a file comes in by a drop, and another is read out", async (context) => {
  const page = await opened(context);
  await page.evaluate(`(() => {
    const data = new DataTransfer();
    data.items.add(new File(["dropped here\\n"], "drop ä.txt"));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  })()`);
  await page.waitFor(NOTICE, /^a file is in \/root now$/, PATIENCE_MS);
  await run(page, "cat drop*; echo out > away", /^dropped here$/m);
  const text = await page.evaluate(
    `stratos.ask({ kind: "read", path: "/root/away" }).then((bytes) => new TextDecoder().decode(bytes))`,
  );
  assert.equal(text, "out\n");
  await assert.rejects(page.evaluate(`stratos.ask({ kind: "read", path: "/nothing" })`), /no such file or folder/);
});

extendedTest("a folder of the person's own is copied in, and one of the machine's out", async (context) => {
  const page = await opened(context);
  // The browser's own dialog cannot be pressed here; a folder of the page's stands for the person's.
  await page.evaluate(`(async () => {
    const root = await navigator.storage.getDirectory();
    const own = await root.getDirectoryHandle("my things", { create: true });
    const write = async (folder, name, text) => {
      const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
      await stream.write(text);
      await stream.close();
    };
    await write(own, "one", "1\\n");
    await write(await own.getDirectoryHandle("deeper", { create: true }), "two", "2\\n");
    window.showDirectoryPicker = async () => own;
  })()`);
  // The buttons are there where the browser has the dialog.
  await page.evaluate(`document.querySelector("#files").click()`);
  await click(page, "Bring a folder …");
  await page.waitFor(NOTICE, /^2 files are in \/root\/my things now$/, PATIENCE_MS);
  await page.evaluate(`document.querySelector("#files-dialog").close(); stratos.terminal.focus()`);
  await run(
    page,
    "cd 'my things'; cat one deeper/two; cd ..; mkdir -p out/below; echo new > out/below/made; ln -s x out/l; echo ok",
    /^1\n2\nok$/m,
  );
  await page.evaluate(`document.querySelector("#path").value = "/root/out"`);
  await page.evaluate(`document.querySelector("#files").click()`);
  await click(page, "Take all out …");
  await page.waitFor(NOTICE, /^a file is in my things now; 1 links or devices stay here$/, PATIENCE_MS);
  const text = await page.evaluate(`(async () => {
    const own = await window.showDirectoryPicker();
    return (await (await (await own.getDirectoryHandle("below")).getFileHandle("made")).getFile()).text();
  })()`);
  assert.equal(text, "new\n");
});

extendedTest(
  "when the browser has no more room programs are told, and nothing that was kept is lost",
  async (context) => {
    const page = await opened(context);
    await run(page, "echo before > note; sync; cat note", /^before$/m);
    const { usage } = (await page.evaluate("navigator.storage.estimate()")) as { usage: number };
    const origin = new URL(url).origin;
    await page.call("Storage.overrideQuotaForOrigin", { origin, quotaSize: usage + 8e6 });
    await run(page, "head -c 60M /dev/urandom > big; echo status $?", /No space left on device\nstatus 1$/m);
    await page.waitFor(NOTICE, /no more room/, PATIENCE_MS);
    await run(page, "rm big; sync; echo after >> note; cat note", /^before\nafter$/m);
    await page.call("Storage.overrideQuotaForOrigin", { origin });
    await anew(page, () => page.reload());
    await run(page, "cat note", /^before\nafter$/m);
  },
);

extendedTest("a browser that is killed while programs write leaves a volume whose check is clean", async (context) => {
  const page = await opened(context);
  await run(page, "echo synced > note; sync; cat note", /^synced$/m);
  await page.type("for i in $(seq 100000); do echo $i > f$i; [ $((i % 50)) = 0 ] && { sync; echo at $i; }; done\n");
  await page.waitFor(SCREEN, /^at [1-9]\d\d$/m, PATIENCE_MS);
  const { profile } = browser;
  await browser.kill();
  const store = new ImageStore(TEST_HOME);
  const bases = store
    .layerPaths(store.require(TEST_IMAGE))
    .map((path) => new FileBlockDevice(path, { readOnly: true }));
  const changes = globSync(join(profile, "Default/File System/**/*"), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(isVolume)
    // What a tab looked at may still lie there: the one that was written last is meant.
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  assert.ok(changes.length > 0, "the file of changes is found");
  const device = new FileBlockDevice(changes[0]!, { readOnly: true });
  assert.deepEqual(check(device, { bases, data: true }), []);
  for (const each of [device, ...bases]) each.close();

  rmSync(join(profile, "SingletonLock"), { force: true });
  browser = await Browser.launch(profile);
  const again = await opened(context);
  await again.waitFor(GOES_ON, /^0$/, PATIENCE_MS);
  await run(again, "cat note; cat f50", /^synced\n50$/m);
});

extendedTest("where the browser keeps nothing, the page says so", async (context) => {
  const page = await tab(context, "about:blank");
  await page.call("Page.addScriptToEvaluateOnNewDocument", {
    source: `Object.defineProperty(Navigator.prototype, "storage", { value: undefined })`,
  });
  await page.call("Page.enable", {});
  await page.navigate(url);
  await page.waitFor(SCREEN, PROMPT, PATIENCE_MS);
  assert.match(String(await page.evaluate(STATUS)), /keeps no files for this page/);
  await run(page, "cat note; echo status $?", /^status 1$/m);
});

test("what a page loads before the machine starts is small", async () => {
  const names = [...(await tabPage())].filter(([name]) => !/worker|wasm|^part-|^desktop\//.test(name));
  const total = names.reduce((sum, [, bytes]) => sum + gzipSync(bytes).length, 0);
  assert.ok(total <= 150 * 1024, `${total} bytes, compressed by gzip`);
});

/** Does the file begin as an AegisFS volume does? */
function isVolume(path: string): boolean {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(2 * BLOCK_SIZE);
    readSync(fd, bytes, 0, bytes.length, 0);
    return bytes.includes("AEGISFS1");
  } finally {
    closeSync(fd);
  }
}
