/**
 * Goal: the page of examples/tab runs Debian's own bash in a browser, from an image that a server gives in parts, and
 * says in words why when it cannot; the cells of examples/notebook run in forks. Method: headless Chromium; keys go in,
 * and the terminal's buffer is read.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { extendedTest } from "@stratos/base/testing";
import { serveNotebook } from "../examples/notebook/serve.ts";
import { serveTab, type TabServer } from "../examples/tab/serve.ts";
import { Browser, type Page } from "./support/browser.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

/** A loaded computer may take its time. */
const PATIENCE_MS = 600_000;
const SCREEN = `(() => {
  const { active } = stratos.terminal.buffer;
  return Array.from({ length: active.length }, (_, row) => active.getLine(row).translateToString(true)).join("\\n");
})()`;
const STATUS = `document.querySelector("#status").textContent`;

let server: TabServer;
let browser: Browser;
before(async () => {
  await ensureTestImage();
  server = await serveTab(join(TEST_HOME, "images", TEST_IMAGE), 0);
  browser = await Browser.launch();
});
after(async () => {
  await browser?.close();
  server?.close();
});

async function expectShell(page: Page): Promise<void> {
  await page.waitFor(SCREEN, /root@stratos:~# $/m, PATIENCE_MS);
  await page.type("echo $((6*7)); uname -m\n");
  await page.waitFor(SCREEN, /^42\nriscv64\nroot@stratos:~#/m, PATIENCE_MS);
}

test("bash answers in the tab, and again after a reload, without what was changed", async () => {
  const page = await browser.open(server.url);
  await expectShell(page);
  assert.match(String(await page.evaluate(STATUS)), /^running/);
  await page.type("echo kept > ~/note; cat ~/note\n");
  await page.waitFor(SCREEN, /^kept$/m, PATIENCE_MS);
  await page.reload();
  await expectShell(page);
  await page.type("ls ~/note; echo status $?\n");
  await page.waitFor(SCREEN, /^status 2$/m, PATIENCE_MS);
  await page.type("exit 3\n");
  await page.waitFor(STATUS, /^the shell has ended with status 3$/, PATIENCE_MS);
});

test("programs see the terminal's size, and its change; an interrupt ends a flood of output", async () => {
  const page = await browser.open(server.url);
  await page.waitFor(SCREEN, /root@stratos:~# $/m, PATIENCE_MS);
  await page.evaluate("stratos.terminal.resize(71, 19)");
  await page.type("stty size\n");
  await page.waitFor(SCREEN, /^19 71$/m, PATIENCE_MS);
  await page.type("yes flood\n");
  await page.waitFor(SCREEN, /flood\nflood/, PATIENCE_MS);
  await page.evaluate(`stratos.terminal.input("\\x03")`);
  await page.type("echo over $((40+2))\n");
  await page.waitFor(SCREEN, /^over 42$/m, PATIENCE_MS);
});

test("what cannot be had is said in words, never a blank page", async () => {
  const page = await browser.open(`${server.url}?image=${server.url}nothing/`);
  await page.waitFor(STATUS, /nothing\/image\.json: no such file on the server \(404\)$/, PATIENCE_MS);
  await page.navigate(`${server.url}?image=http://127.0.0.1:1/image/`);
  await page.waitFor(STATUS, /image\.json: the server cannot be reached$/, PATIENCE_MS);
  await page.navigate(`${server.url}?net=host`);
  await page.waitFor(STATUS, /^a page cannot open sockets of its computer/, PATIENCE_MS);
});

test("the page's own code is small", () => {
  const sizes = [...server.assets].filter(([name]) => name !== "zstd.wasm").map(([, bytes]) => gzipSync(bytes).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  // All of the kernel in one file, with what the product's own tab loads only when it is called (the bound of that one
  // is in browser-desktop.test.ts): this is against a library that came in by mistake.
  assert.ok(total < 764 << 10, `${total} bytes, compressed by gzip`);
});

extendedTest("a cell that is run again finds what was there before it, not what later ones have done", async (t) => {
  const notebook = await serveNotebook(join(TEST_HOME, "images", TEST_IMAGE), 0);
  t.after(() => notebook.close());
  const page = await browser.open(notebook.url);
  await page.waitFor(STATUS, /^ready/, PATIENCE_MS);
  const run = async (cell: number, code: string, answer: RegExp): Promise<void> => {
    const place = `document.querySelectorAll(".cell")[${cell}]`;
    await page.evaluate(`{
      const text = ${place}.querySelector("textarea");
      if (text.value !== ${JSON.stringify(code)}) {
        text.value = ${JSON.stringify(code)};
        text.dispatchEvent(new Event("input"));
      }
      ${place}.querySelector("output").textContent = "";
      ${place}.querySelector("button").click();
    }`);
    await page.waitFor(`${place}.querySelector("output").textContent`, answer, PATIENCE_MS);
  };
  await run(0, "x = [1]; open('/tmp/a', 'w').write('first'); print('begun')", /^begun\n$/);
  await run(
    1,
    "x.append(2); open('/tmp/a', 'a').write(' second'); print(x, open('/tmp/a').read())",
    /^\[1, 2\] first second\n$/,
  );
  await run(2, "x.append(3); print(x); 1 / 0", /^\[1, 2, 3\]\nTraceback[^]*ZeroDivisionError/);
  await run(1, "print(x, open('/tmp/a').read())", /^\[1\] first\n$/);
  await run(2, "print(x)", /^\[1\]\n$/);
  await run(0, "x = 5; print('again')", /^again\n$/);
  await page.evaluate('document.querySelectorAll(".cell")[2].querySelector("button").click()');
  await page.waitFor(STATUS, /the cells above have to run first/, PATIENCE_MS);
});
