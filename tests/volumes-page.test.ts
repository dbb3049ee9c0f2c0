/**
 * Goal: a volume is kept from a browser: files looked at and brought back from a snapshot, schedules, scrubs, quotas;
 * whoever may only look is offered no more, in his language. Method: `stratos fs ui` and a headless Chromium.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser, type Page } from "./support/browser.ts";
import { launcher, run, start } from "./support/stratos.ts";
import { Heard, until } from "./support/until.ts";

const LONG_MS = 300_000;
const VIEW = "document.querySelector('#view').innerText";

/** Presses what is labelled so, or reads so. */
async function press(page: Page, text: string): Promise<void> {
  const found = `[...document.querySelectorAll("button")].find(
    (each) => [each.getAttribute("aria-label"), each.textContent].includes(${JSON.stringify(text)}))`;
  await page.waitFor(`${found} !== undefined`, /true/, LONG_MS);
  await page.evaluate(`${found}.click()`);
}

async function shows(page: Page, what: RegExp): Promise<void> {
  await page.waitFor(VIEW, what, LONG_MS);
}

test("a volume in a browser", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-volumes-page-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = { STRATOS_HOME: join(folder, "home") };
  const volume = join(folder, "data");
  const must = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await run([...launcher, "fs", ...args], { env });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  await must("format", volume, "-s", "64M");
  writeFileSync(join(folder, "note"), "the first words\n");
  await must("cp", join(folder, "note"), `${volume}:/note <b>.txt`);
  await must("snapshot", "create", volume, "kept");
  const viewer = (await must("serve", "key", "add", "anna", "--role", "viewer")).trim();

  const child = start([...launcher, "fs", "ui", volume], { env });
  t.after(() => child.kill("SIGKILL"));
  const said = new Heard(child.stderr!);
  await until("it says how to sign in", () => /#sign-in=\S+\n/.test(said.text));
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open(/http:\S+#sign-in=\S+/.exec(said.text)![0]);
  await shows(page, /^data\n[^]*64 MiB used[^]*healthy/);
  await page.evaluate("confirm = () => true; prompt = () => globalThis.answer;");

  // A file goes, and comes back from the snapshot. Its name is no markup.
  await press(page, "Files");
  await shows(page, /note <b>\.txt/);
  await press(page, "Remove: note <b>.txt");
  await page.waitFor(`${VIEW}.includes("note")`, /false/, LONG_MS);
  await page.evaluate(`document.querySelector("#place").value = "kept";
    document.querySelector("#place").dispatchEvent(new Event("change"))`);
  await shows(page, /^kept: \/[^]*note <b>\.txt/);
  await press(page, "Restore: note <b>.txt");
  await until("it is back", async () => (await page.evaluate("location.hash")) !== "");
  await press(page, "Snapshots");
  await shows(page, /kept/);
  await press(page, "Changes since: kept");
  await shows(page, /Changes since kept\nnothing has changed|note/);
  await press(page, "Files");
  await shows(page, /note <b>\.txt/);

  await press(page, "Schedule");
  await shows(page, /Hourly/);
  await page.evaluate(`document.querySelector("#hourly").value = "24";
    document.querySelector("#hourly").dispatchEvent(new Event("input"))`);
  await page.waitFor('document.querySelectorAll("#retention line").length', /^24$/, LONG_MS);
  await press(page, "Save");
  await press(page, "Run now");
  await page.waitFor("document.querySelector('#notice').textContent", /^taken: auto-/, LONG_MS);

  await press(page, "Integrity");
  await press(page, "Start");
  await shows(page, /finished/);
  await shows(page, /Lost: 0/);
  await press(page, "Quotas");
  await press(page, "Count from now on");
  await shows(page, /user (root|0)/);
  await press(page, "Storage");
  await shows(page, /Compression/);
  await page.evaluate(`document.querySelector("#compression").value = "lz4"`);
  await press(page, "Save");

  // Each view is for those, too, who do not see it.
  for (const view of ["Overview", "Files", "Snapshots", "Schedule", "Integrity", "Storage", "Quotas", "Audit"]) {
    await press(page, view);
    await page.waitFor('document.querySelector("#views [aria-current=true]").textContent', new RegExp(view), LONG_MS);
    assert.deepEqual(await accessibilityViolations(page), [], view);
  }

  // Another tab, in another language, as somebody who may only look.
  const other = await browser.open("about:blank");
  await other.call("Emulation.setLocaleOverride", { locale: "de-DE" });
  await other.call("Emulation.setUserAgentOverride", { userAgent: "test", acceptLanguage: "de-DE" });
  await other.navigate(`${new URL(said.text.match(/http:\S+#/)![0]).origin}/`);
  await other.waitFor("document.querySelector('#enter').textContent", /^Anmelden$/, LONG_MS);
  assert.deepEqual(await accessibilityViolations(other), []);
  await other.evaluate(`document.querySelector("#secret").value = ${JSON.stringify(viewer)};
    document.querySelector("#sign-in").requestSubmit()`);
  await other.waitFor("document.querySelector('#identity').textContent", /^anna, viewer$/, LONG_MS);
  await press(other, "Dateien");
  await shows(other, /note <b>\.txt/);
  assert.equal(await other.evaluate('document.querySelectorAll("#view td button").length'), 0);
  await must("serve", "key", "rm", "anna");
  await other.waitFor("document.querySelector('#sign-in').hidden", /false/, LONG_MS);

  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.match(await must("property", `${volume}:/`), /lz4/);
  assert.match(await must("cat", `${volume}:/note <b>.txt`), /^the first words$/m);
});
