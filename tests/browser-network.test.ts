/**
 * Goal: programs of Debian in a tab reach the network through `stratos serve --relay`, what it permits and no more.
 * Method: the page in headless Chromium, the relay as its command line starts it, a web server of the test on the
 * loopback of the relay's host.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { keepWebFolder, webFolderServer } from "@stratos/console";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser, type Page } from "./support/browser.ts";
import { ServedConsole } from "./support/served-console.ts";
import { tabPage } from "./support/tab-page.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

/** A loaded computer may take its time. */
const PATIENCE_MS = 600_000;
const SCREEN = `(() => {
  const { active } = stratos.terminal.buffer;
  return Array.from({ length: active.length }, (_, row) => active.getLine(row).translateToString(true)).join("\\n");
})()`;
const NOTICE = `document.querySelector("#notice").textContent`;
const STATE = `document.querySelector("#network-state").textContent`;
const PROMPT = /root@stratos:~# $/m;
const BODY = "the web answers\n";
const LONG = "0123456789abcdef".repeat(1 << 16);

let page: Server;
let web: Server;
let origin: string;
let webPort: number;
let browser: Browser;
const prepare = async (): Promise<void> => {
  await ensureTestImage();
  page = webFolderServer(await keepWebFolder({ home: TEST_HOME, image: TEST_IMAGE, lines: [], page: tabPage }));
  web = createServer((request, response) => response.end(request.url === "/long" ? LONG : BODY));
  const listen = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  origin = `http://127.0.0.1:${await listen(page)}`;
  webPort = await listen(web);
  browser = await Browser.launch();
};
if (isExtended) before(prepare);
after(async () => {
  await browser?.close();
  for (const server of [page, web]) {
    server?.close();
    server?.closeAllConnections();
  }
});

async function opened(t: TestContext): Promise<Page> {
  const made = await browser.open(`${origin}/`);
  t.after(() => made.call("Page.close", {}).catch(() => {}));
  await made.waitFor(SCREEN, PROMPT, PATIENCE_MS);
  return made;
}

/** Gives the shell a line, and waits for what it answers. */
async function run(tab: Page, line: string, answer: RegExp): Promise<void> {
  await tab.type(`clear; ${line}\n`);
  await tab.waitFor(SCREEN, answer, PATIENCE_MS);
}

async function relay(
  t: TestContext,
  ...rules: string[]
): Promise<{ served: ServedConsole; token: string; log: () => string }> {
  const folder = mkdtempSync(join(tmpdir(), "stratos-network-"));
  const home = join(folder, "home");
  const served = new ServedConsole(t, home);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await served.start(0, ["--relay", "--relay-origin", origin, ...rules]);
  const token = readFileSync(join(home, "serve.token"), "utf8").trim();
  return { served, token, log: () => readFileSync(join(home, "serve.relay.administrator"), "utf8") };
}

/** As a person does it. */
async function use(tab: Page, address: string, token: string): Promise<void> {
  await tab.evaluate(`(() => {
    if (!document.querySelector("#network-dialog").open) document.querySelector("#network").click();
    document.querySelector("#relay-url").value = ${JSON.stringify(address)};
    document.querySelector("#relay-token").value = ${JSON.stringify(token)};
    document.querySelector("#network-form").requestSubmit();
  })()`);
}

async function closeDialog(tab: Page): Promise<void> {
  await tab.evaluate(`document.querySelector("#network-dialog").close(); stratos.terminal.focus()`);
}

/** A line of bash that fetches the test's page. */
const get = (): string => `exec 3<>/dev/tcp/10.0.2.2/${webPort} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;

extendedTest("programs fetch what the relay permits, and learn of the rest that it does not", async (t) => {
  const { served, token, log } = await relay(t, "--relay-allow", `127.0.0.1:${webPort}`);
  const tab = await opened(t);
  await run(tab, `(${get()})`, /Network is unreachable/);
  assert.match(String(await tab.evaluate(NOTICE)), /this tab has none of/);
  await use(tab, served.url, "nonsense");
  await tab.waitFor(STATE, /knows no such token/, PATIENCE_MS);
  await use(tab, served.url, token);
  await tab.waitFor(STATE, /^Connected/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(tab), []);
  await closeDialog(tab);
  await run(tab, `(${get()})`, /^the web answers$/m);
  const digest = createHash("sha256").update(LONG).digest("hex");
  await run(tab, `curl -s http://10.0.2.2:${webPort}/long | sha256sum`, new RegExp(`^${digest}`, "m"));
  await run(tab, `(exec 3<>/dev/tcp/10.0.2.2/${served.url.match(/:(\d+)/)![1]})`, /Permission denied/);
  await run(tab, "(exec 3<>/dev/tcp/192.0.2.1/80)", /Permission denied/);
  await run(tab, `(exec 3<>/dev/tcp/127.0.0.1/${webPort})`, /Connection refused/);
  assert.match(log(), new RegExp(`relayTcp","target":"127.0.0.1:${webPort}, \\d+ bytes sent, \\d+ received`));
  assert.match(log(), /192\.0\.2\.1:80.*"status":403/);
});

extendedTest(
  "the relay stays set; one that goes resets what goes over it, and is found again when it is back",
  async (t) => {
    const { served, token } = await relay(t, "--relay-allow", `127.0.0.1:${webPort}`);
    const tab = await opened(t);
    await use(tab, served.url, token);
    await tab.waitFor(STATE, /^Connected/, PATIENCE_MS);
    await tab.reload();
    await tab.waitFor(STATE, /^Connected/, PATIENCE_MS);
    await tab.waitFor(SCREEN, PROMPT, PATIENCE_MS);
    const port = Number(new URL(served.url).port);
    await tab.type(`clear; exec 3<>/dev/tcp/10.0.2.2/${webPort}; echo held; cat <&3\n`);
    await tab.waitFor(SCREEN, /^held$/m, PATIENCE_MS);
    await served.kill();
    await tab.waitFor(SCREEN, /Connection reset by peer/, PATIENCE_MS);
    await tab.waitFor(NOTICE, /the relay has gone/, PATIENCE_MS);
    await served.start(port, ["--relay", "--relay-origin", origin, "--relay-allow", `127.0.0.1:${webPort}`]);
    await run(tab, `exec 3>&-; until (${get()}) 2>/dev/null; do sleep 1; done`, /^the web answers$/m);
  },
);

extendedTest("without a rule for it the relay's own host is not reached, nor by another origin at all", async (t) => {
  const { served, token } = await relay(t);
  const tab = await opened(t);
  await use(tab, served.url, token);
  await tab.waitFor(STATE, /^Connected/, PATIENCE_MS);
  await closeDialog(tab);
  for (const address of ["10.0.2.2", "169.254.169.254", "192.168.1.1"])
    await run(tab, `(exec 3<>/dev/tcp/${address}/${webPort})`, /Permission denied/);
  const port = Number(new URL(served.url).port);
  await served.stop();
  await served.start(port, ["--relay", "--relay-origin", "http://other.example"]);
  await use(tab, served.url, token);
  await tab.waitFor(STATE, /does not serve pages of this origin/, PATIENCE_MS);
});
