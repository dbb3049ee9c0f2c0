/**
 * Goal: several people have desktops of one machine, and its owner maintains this computer from one. Method: the
 * command as users have it, and a headless Chromium.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { accessibilityViolations } from "./support/accessibility.ts";
import type { Page } from "./support/browser.ts";
import { CTRL_ALT, launch, opened, PATIENCE_MS, press, Served, terminalOf } from "./support/served-desktop.ts";
import { ensureScreenImage } from "./support/test-image.ts";
import { until } from "./support/until.ts";

before(ensureScreenImage);

/** As a person would: once it is there and can be pressed. */
async function pressButton(page: Page, words: string): Promise<void> {
  const found = `[...document.querySelectorAll("button, [role=menuitem]")].find((each) => !each.disabled &&
    (each.ariaLabel || each.textContent.trim()) === ${JSON.stringify(words)} && each.checkVisibility())`;
  await page.waitFor(`String(${found} !== undefined)`, /^true$/, PATIENCE_MS);
  await page.evaluate(`${found}.click()`);
}

extendedTest("of two users one is shown at a time; the other's stays as it is, and needs its passphrase", async (t) => {
  const served = await Served.start(t, ["-u", "root", "-u", "games"]);
  const page = await opened(t, served);
  const choose = (words: string): Promise<void> => pressButton(page, words);
  const terminal = "document.querySelector('.xterm-rows')?.textContent ?? 'none'";
  const isShown = (): Promise<string> =>
    page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
  await press(page, "Enter", CTRL_ALT);
  await page.waitFor(terminal, /[#$] /, PATIENCE_MS);
  await page.type("x=kept; id -un; echo $((6*7))x\n");
  await page.waitFor(terminal, /root.*42x/, PATIENCE_MS);
  assert.equal((await served.ask("PUT", "/passphrase", { passphrase: "mine" })).status, 200);

  // The other has nothing of it: neither windows nor terminals, nor its runtime folder.
  const other = { user: "games" };
  await choose("Session");
  await choose("Switch user …");
  assert.deepEqual(await accessibilityViolations(page), []);
  await choose("games");
  await page.waitFor("document.querySelectorAll('section.window').length", /^0$/, PATIENCE_MS);
  await isShown();
  assert.equal((JSON.parse((await served.ask("GET", "/session")).text) as typeof other).user, "games");
  assert.equal((await served.ask("GET", "/terminals")).text, "[]");
  assert.equal(
    (
      await served.ask(
        "POST",
        "/terminals",
        terminalOf(["sh", "-c", "id -un; echo $DISPLAY; ls -ld $XDG_RUNTIME_DIR; exec cat"]),
      )
    ).status,
    201,
  );
  await page.reload();
  await isShown();

  // A page that shows the one that was left asks nothing of this one.
  const left = await fetch(new URL("/v1/layout", served.address), {
    headers: { "authorization": `Bearer ${served.address.hash.slice(1)}`, "stratos-desktop": "0" },
  });
  assert.equal(left.status, 423);

  // Back: it is locked, and then as it was.
  await choose("Session");
  await choose("Switch user …");
  await choose("root");
  await page.waitFor("document.querySelector('dialog.lock')?.textContent", /root/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  assert.equal((await served.ask("GET", "/layout")).status, 423);
  await page.evaluate("document.querySelector('dialog.lock input').value = 'mine'");
  await choose("Unlock");
  await page.waitFor(terminal, /root.*42x/, PATIENCE_MS);
  await page.evaluate("document.querySelector('.xterm-helper-textarea').focus()");
  await page.type("echo $x again\n");
  await page.waitFor(terminal, /kept again/, PATIENCE_MS);
  assert.equal((await served.ask("POST", "/switch", { user: "nobody" })).status, 404);
  // A browser that knows nothing of the passphrase can go to the other, whose terminal is there still.
  assert.equal((await served.ask("POST", "/switch", other)).status, 200);
  assert.match((await served.ask("GET", "/terminals")).text, /"id":1/);
});

extendedTest("this computer is maintained from the desktop: what takes its disk is removed by a job", async (t) => {
  const served = await Served.start(t);
  mkdirSync(join(served.home, "downloads/debs"), { recursive: true });
  writeFileSync(join(served.home, "downloads/debs/old"), new Uint8Array(3 << 20));
  const page = await opened(t, served);
  await launch(page, "Maintenance");
  const rows = "[...document.querySelectorAll('.of-maintenance tbody tr')].map((row) => row.innerText).join('|')";
  await page.waitFor(rows, /Disk use\s+downloads\s+3 MiB/, PATIENCE_MS);
  await page.waitFor(rows, /Updates\s+\S+\s+\d/, PATIENCE_MS);
  await page.waitFor("document.querySelector('.of-maintenance .status-text').textContent", /of .* free/, PATIENCE_MS);
  const rowOf = (text: string): string =>
    `[...document.querySelectorAll('.of-maintenance tbody tr')]
        .find((row) => row.innerText.includes('${text}')).click()`;
  await page.evaluate(rowOf("downloads"));
  await pressButton(page, "Clean up");
  await page.waitFor("document.querySelector('dialog')?.textContent", /downloads \(3 MiB\)/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  await page.evaluate("document.querySelector('dialog .danger').click()");
  await page.waitFor(rows, /stratos pkg clean\s+done/, PATIENCE_MS);
  // It is measured again by itself.
  await page.waitFor(rows, /downloads\s+(?!3 MiB)/, PATIENCE_MS);
  await page.evaluate(rowOf("stratos pkg clean"));
  await pressButton(page, "Log");
  await page.waitFor("document.querySelector('dialog pre')?.textContent", /./, PATIENCE_MS);
  await page.evaluate("document.querySelector('dialog .primary').click()");
  await pressButton(page, "Remove");
  await page.waitFor(`!/pkg clean/.test(${rows})`, /^true$/, PATIENCE_MS);
  await until("it is noted", () =>
    /removeJob/.test(readFileSync(join(served.home, "serve.audit.administrator"), "utf8")),
  );
  assert.equal((await served.ask("POST", "/host/jobs", { command: ["image", "rm", "--", "debian"] })).status, 400);
});
