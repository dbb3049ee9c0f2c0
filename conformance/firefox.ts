/**
 * Debian in a tab of Firefox ESR, as Debian has it: boot, files, terminal, offline. The same page in Chromium is part
 * of `npm test` (tests/browser-console.test.ts).
 *
 *     apt-get install firefox-esr && npm run conformance:firefox [-- --record]
 */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { keepWebFolder, webFolderServer } from "@stratos/console";
import { Firefox } from "../tests/support/firefox.ts";
import { tabPage } from "../tests/support/tab-page.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "../tests/support/test-image.ts";
import { recordTold } from "./results.ts";

const PATIENCE_MS = 300_000;
const SCREEN = `(() => {
  const { active } = stratos.terminal.buffer;
  return Array.from({ length: active.length }, (_, row) => active.getLine(row).translateToString(true)).join("\\n");
})()`;
const STATUS = `document.querySelector("#status").textContent`;
const PROMPT = /root@stratos:~# $/m;

const { values } = parseArgs({ options: { record: { type: "boolean", default: false } } });
await ensureTestImage();
const folder = await keepWebFolder({ home: TEST_HOME, image: TEST_IMAGE, lines: [], page: tabPage });
let server: Server = webFolderServer(folder);
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
const firefox = await Firefox.launch();
console.log(`Firefox ${firefox.version}`);
let failed = 0;
let passed = 0;
let prompt = 0;
try {
  await row("boot: a prompt, and files that stay", async () => {
    await firefox.navigate(`http://127.0.0.1:${port}/`);
    await firefox.waitFor(SCREEN, PROMPT, PATIENCE_MS);
    await firefox.waitFor(STATUS, /^running; files are kept in this browser$/, PATIENCE_MS);
    prompt = Math.round(Number(await firefox.evaluate("stratos.times.prompt")));
    return `prompt after ${prompt} ms`;
  });
  await row("terminal: lines are edited, colours drawn, interrupted", async () => {
    await run("printf '\\033[31mred\\033[0m\\n'; tput cols", /^red\n\d+$/m);
    await firefox.type("sleep 100\n");
    await firefox.waitFor(SCREEN, /sleep 100/, PATIENCE_MS);
    await firefox.control("c");
    await firefox.waitFor(SCREEN, /\^C\n/, PATIENCE_MS);
    await firefox.type("echo status $?\n");
    await firefox.waitFor(SCREEN, /^status 130$/m, PATIENCE_MS);
  });
  await row("files: what was written is there after a reload", async () => {
    await run("echo kept > note; mkdir -p a/b; sync; cat note", /^kept$/m);
    await anew(() => firefox.reload());
    await run("cat note; ls a", /^kept\nb$/m);
  });
  await row("programs: a reload goes on with what runs", async () => {
    await run("x=kept; sleep 1000 & echo begun", /^begun$/m);
    await firefox.evaluate(`stratos.ask({ kind: "hidden" })`);
    await anew(() => firefox.reload());
    await firefox.waitFor("String(stratos.times.goesOn)", /^1$/, PATIENCE_MS);
    await run("echo $x $(jobs | wc -l)", /^kept 1$/m);
  });
  await row("files: a snapshot undoes rm -rf /", async () => {
    await firefox.evaluate(`stratos.ask({ kind: "snapshot", name: "good" })`);
    await firefox.type("rm -rf --no-preserve-root / 2>/dev/null; echo over $?\n");
    await firefox.waitFor(SCREEN, /^over \d/m, PATIENCE_MS);
    await firefox.evaluate(`document.querySelector("#snapshots").click()`);
    await firefox.waitFor(`document.querySelector("#snapshot-list").textContent`, /good/, PATIENCE_MS);
    await anew(() =>
      firefox.evaluate(
        `[...document.querySelectorAll("button")].find((it) => it.textContent.startsWith("Go back to it")).click()`,
      ),
    );
    await run("cat note; ls -d /usr/bin", /^kept\n\/usr\/bin$/m);
  });
  await row("offline: a reload without the server goes on with the files", async () => {
    const worker = `navigator.serviceWorker.getRegistration().then((it) => it?.active?.state ?? "none")`;
    await firefox.waitFor(worker, /^activated$/, PATIENCE_MS);
    server.close();
    server.closeAllConnections();
    await anew(() => firefox.reload());
    await run("cat note", /^kept$/m);
    server = webFolderServer(folder);
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  });
} finally {
  await firefox.close();
  server.close();
  server.closeAllConnections();
}
console.log(`${passed} passed, ${failed} failed`);
if (values.record)
  recordTold("firefox", {
    title: "Debian in a tab of Firefox",
    told:
      "`apt-get install firefox-esr && npm run conformance:firefox -- --record` drives a headless Firefox by " +
      "WebDriver BiDi against the folder that `stratos image web` writes: boot, terminal (colours, line editing, " +
      "^C), files and running programs through a reload, a snapshot that undoes `rm -rf /`, and a reload without " +
      "the server. " +
      `Firefox ${firefox.version}: ${passed} of ${passed + failed}; the prompt came ${prompt} ms after the worker's ` +
      "start, beside much other work.",
  });
process.exitCode = failed === 0 ? 0 : 1;

async function row(name: string, act: () => Promise<string | void>): Promise<void> {
  try {
    const told = await act();
    passed++;
    console.log(`ok      ${name}${told === undefined ? "" : ` (${told})`}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}: ${(error as Error).message}`);
  }
}

/** Gives the shell a line, and waits for what it answers. */
async function run(line: string, answer: RegExp): Promise<void> {
  await firefox.type(`clear; ${line}\n`);
  await firefox.waitFor(SCREEN, answer, PATIENCE_MS);
}

/** What was done makes the machine begin anew: waits for its prompt. */
async function anew(action: () => Promise<unknown>): Promise<void> {
  const began = Number(await firefox.evaluate("performance.timeOrigin + stratos.times.prompt"));
  await action();
  const now = `performance.timeOrigin + stratos.times.prompt > ${began} ? ${SCREEN} : "not yet"`;
  await firefox.waitFor(now, PROMPT, PATIENCE_MS);
}
