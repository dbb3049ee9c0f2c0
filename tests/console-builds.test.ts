/**
 * Goal: `stratos serve --ui --hub` is a console with builds: submitted, followed, cancelled and tried again in a
 * browser, by the one sign-in; workers and commands reach its hub by the console's address; it ends with its server.
 * Method: the programs as users have them, over a headless Chromium.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { endProgram, startProgram } from "./hub/programs.ts";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser } from "./support/browser.ts";
import { ServedConsole } from "./support/served-console.ts";
import { until } from "./support/until.ts";

const LONG_MS = 120_000;
const folder = mkdtempSync(join(tmpdir(), "stratos-builds-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Of the hub that this home's console has started. */
function hubProcess(home: string): number | null {
  const found = readdirSync("/proc").find((name) => {
    try {
      return (
        /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").includes(join(home, "hub/console.key"))
      );
    } catch {
      return false;
    }
  });
  return found === undefined ? null : Number(found);
}

test("builds in a browser, by a hub and a worker behind the console", async (t) => {
  const served = new ServedConsole(t, join(folder, "home"));
  await served.start(0, ["--hub"]);
  const { environment, path: home } = served.home;
  const hubUrl = `${served.url}hub`;
  const worker = ["worker", "--hub", hubUrl, "--token-file", join(home, "serve.token"), "--name", "here"];
  const { child } = await startProgram(worker, { environment, first: "stderr" });
  t.after(() => endProgram(child));

  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open(served.entrance);
  const shows = (pattern: RegExp): Promise<string> =>
    page.waitFor("document.querySelector('#view').innerText", pattern, LONG_MS);
  const pressText = (text: string): Promise<unknown> =>
    page.evaluate(`[...document.querySelectorAll("#view button, #view a")]
      .find(({ textContent }) => textContent === ${JSON.stringify(text)}).click()`);
  const enter = (selector: string, text: string): Promise<unknown> =>
    page.evaluate(`(() => {
      const input = document.querySelector(${JSON.stringify(selector)});
      input.value = ${JSON.stringify(text)};
      input.form.requestSubmit();
    })()`);
  const stateOf = async (): Promise<string> => (await served.must<{ state: string }>("GET", "/v1/hub/tasks/1")).state;
  const isAccessible = async (): Promise<void> => assert.deepEqual(await accessibilityViolations(page), []);

  await page.waitFor("document.querySelector('#view-builds')?.textContent", /^Builds$/, LONG_MS);
  await page.evaluate("document.querySelector('#view-builds').click()");
  await shows(/There are no tasks/);
  await enter("#task-command", `sh -c "echo begun; exec sleep 100000"`);
  // The log comes while the program runs.
  await shows(/Task 1[^]*running[^]*here[^]*begun/);
  await isAccessible();
  await pressText("Cancel");
  await shows(/Task 1[^]*cancelled[^]*Try again/);
  await pressText("Try again");
  await shows(/2\there\tRUNNING/);
  await pressText("Cancel");
  await shows(/cancelled[^]*Try again/);
  await page.evaluate("document.querySelector('#view-builds').click()");
  await shows(/1: sh -c [^]*cancelled\tdefault\tconsole:owner/);
  await isAccessible();

  // The hub's own pages, within the console's navigation.
  await pressText("All pages of the hub");
  await shows(/Overview[^]*Queue/);
  await pressText("Hosts");
  await shows(/here\tonline/);
  await isAccessible();
  await page.evaluate(`location.hash = "#hub/tasks/1"`);
  await shows(/Task 1[^]*States in time[^]*CANCELED/);
  await isAccessible();
  await pressText("Try again");
  await shows(/Task 1\n+(FREE|ASSIGNED|RUNNING) [^]*begun/);
  await pressText("Cancel");
  await until("it is cancelled", async () => (await stateOf()) === "CANCELED");
  const session = await page.evaluate(`JSON.stringify([document.cookie, document.querySelectorAll("script").length])`);
  assert.equal(session, JSON.stringify(["", 1]), "nothing that the hub says runs here, nor is a cookie");

  // An address that was passed on leads to the same page.
  await page.navigate(`${served.url}hub/hosts`);
  await page.waitFor("location.hash", /^#hub\/hosts$/, LONG_MS);
  await shows(/here\tonline/);

  // A hub that is killed comes back; a server that is killed takes its hub with it.
  const first = hubProcess(home)!;
  process.kill(first, "SIGKILL");
  await until(
    "it is away",
    async () => (await served.ask("GET", "/healthz")).status === 503 || hubProcess(home) !== first,
  );
  await until("it is back", async () => (await served.ask("GET", "/readyz")).status === 200);
  assert.notEqual(hubProcess(home), first);
  const { items } = await served.must<{ items: { id: number }[] }>("GET", "/v1/hub/tasks");
  assert.equal(items.length, 1, "nothing is lost");
  await endProgram(child);
  await served.kill();
  await until("no hub is left", () => hubProcess(home) === null);
});
