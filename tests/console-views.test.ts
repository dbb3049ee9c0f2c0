/**
 * Goal: whoever has the token does over HTTP and in a browser what the command line does: commands as jobs that outlive
 * their request, images, treefiles, and who did what; in his language. Method: `stratos serve` as users have it, over
 * fetch and a headless Chromium.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser } from "./support/browser.ts";
import { ServedConsole, SYSTEM } from "./support/served-console.ts";
import { ensureTestImage, TEST_IMAGE } from "./support/test-image.ts";
import { until } from "./support/until.ts";

const LONG_MS = 600_000;
let folder = "";

before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-views-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Job {
  readonly id: number;
  readonly isRunning: boolean;
  readonly exitCode: number | null;
  readonly cause: string | null;
  readonly progress: string;
}

test("jobs: what the command line does goes on without its request, and is told of after a restart", async (t) => {
  const served = new ServedConsole(t, join(folder, "jobs"));
  await served.start();
  const begin = (command: readonly string[]): Promise<Job> => served.must<Job>("POST", "/v1/jobs", { command });
  const whenEnded = async ({ id }: Job): Promise<Job> => {
    await until(`job ${id} has ended`, async () => !(await served.must<Job>("GET", `/v1/jobs/${id}`)).isRunning);
    return served.must<Job>("GET", `/v1/jobs/${id}`);
  };
  const logOf = async ({ id }: Job): Promise<string> => (await served.ask("GET", `/v1/jobs/${id}/log`)).text();
  const treefile = { text: "name: small\nbase: minbase\npackagez: [hello]\n" };
  const { digest } = await served.must<{ digest: string }>("PUT", "/v1/composes/small", treefile);
  const checked = await served.must<{ problems: object[] }>("POST", "/v1/composes/small/check", {});
  const { message, ...place } = checked.problems[0] as Record<string, unknown>;
  assert.deepEqual(place, { file: "small.yaml", line: 3, column: 1, key: "packagez" });
  assert.match(String(message), /packages/);
  const refused = await whenEnded(await begin(["compose", "plan", "small.yaml"]));
  assert.equal(refused.exitCode, 1);
  assert.match(await logOf(refused), /small\.yaml:3:1: packagez/);
  const text = "name: small\nbase: minbase\narchitectures: [riscv64]\n";
  await served.must("PUT", "/v1/composes/small", { text, changed: digest });
  const valid = await served.must<{ valid: boolean }>("POST", "/v1/composes/small/check", {});
  assert.equal(valid.valid, true);

  const packages = await served.must<{ name: string }[]>("GET", `/v1/images/${TEST_IMAGE}/packages`);
  assert.ok(packages.some(({ name }) => name === "bash"));
  assert.equal((await served.ask("POST", "/v1/jobs", { command: ["serve"] })).status, 400);
  const wrong = await whenEnded(await begin(["image", "rm", "--none"]));
  assert.equal(wrong.exitCode, 2);
  assert.match(await logOf(wrong), /^stratos: --none: unknown option/);

  // One that does not end by itself, and that no other test has.
  const attempts = String(1e8 + process.pid);
  const endless = ["sh", "-c", "while :; do :; done"];
  const explore = ["explore", "-i", TEST_IMAGE, "--timeout", "100000", "--attempts", attempts, "--", ...endless];
  const going = await begin(explore);
  await served.must("POST", `/v1/jobs/${going.id}/cancel`);
  assert.equal((await whenEnded(going)).cause, "cancelled by owner");
  const other = await begin(explore);
  await served.stop();
  await served.start();
  assert.equal((await whenEnded(other)).cause, "the server ended");
  const listed = await served.must<Job[]>("GET", "/v1/jobs");
  assert.deepEqual(
    listed.map(({ id }) => id),
    [other.id, going.id, wrong.id, refused.id],
  );
  // A server that is killed can end nothing: its jobs see that it is gone.
  const last = await begin(explore);
  await until("its process is there", () => processes().some((words) => words.includes(`--attempts\0${attempts}`)));
  await served.kill();
  await served.start();
  assert.match((await whenEnded(last)).cause!, /its server was killed/);
  await until("no process explores", () => !processes().some((words) => words.includes(`--attempts\0${attempts}`)));
  const audit = await served.must<{ operation: string; target: string }[]>("GET", "/v1/audit");
  assert.deepEqual(audit[0], { ...audit[0], operation: "startJob", target: explore.join(" ") });
});

/** The command lines of this host's processes. */
function processes(): string[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [readFileSync(`/proc/${name}/cmdline`, "utf8")] : [];
    } catch {
      return [];
    }
  });
}

test("in a browser: images, treefiles, jobs and usage, in the language that is chosen", async (t) => {
  const served = new ServedConsole(t, join(folder, "views"));
  await served.start();
  await served.must("POST", "/v1/systems", { ...SYSTEM, command: ["sleep", "infinity"] });
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open(served.entrance);
  const press = (selector: string): Promise<unknown> => page.evaluate(`document.querySelector('${selector}').click()`);
  const pressText = (text: string): Promise<unknown> =>
    page.evaluate(`[...document.querySelectorAll("#view button")]
      .find((button) => button.textContent === ${JSON.stringify(text)}).click()`);
  const shows = (pattern: RegExp): Promise<string> =>
    page.waitFor("document.querySelector('#view').innerText", pattern, LONG_MS);
  const isAccessible = async (): Promise<void> => assert.deepEqual(await accessibilityViolations(page), []);
  const enter = (selector: string, text: string): Promise<unknown> =>
    page.evaluate(`(() => {
      const input = document.querySelector(${JSON.stringify(selector)});
      input.value = ${JSON.stringify(text)};
      input.form?.requestSubmit();
    })()`);

  await page.waitFor("document.querySelector('#view-images')?.textContent", /^Images$/, LONG_MS);
  await press("#view-images");
  await shows(new RegExp(`${TEST_IMAGE}\t[\\d.]+ [MG]iB\tRemove`));
  await isAccessible();
  await pressText(TEST_IMAGE);
  await shows(/Installed: \d+[^]*\nbash\t/);
  // What is asked for comes to the service as it was typed, also from an address that was kept.
  const asked = `performance.getEntriesByType("resource").map(({ name }) => name).join("\\n")`;
  await enter("#words", "g++ compiler");
  const request = new RegExp(`/v1/images/${TEST_IMAGE}/packages\\?search=g%2B%2B%20compiler`);
  await page.waitFor(asked, request, LONG_MS);
  assert.equal(await page.evaluate("location.hash"), `#images/${TEST_IMAGE}/g%2B%2B%20compiler`);
  await page.reload();
  await page.waitFor(asked, request, LONG_MS);

  await press("#view-composes");
  await shows(/No treefile is kept yet/);
  await enter("#view input", "small");
  await page.waitFor("document.querySelector('#treefile')?.value", /^name: small\n/, LONG_MS);
  await page.evaluate("document.querySelector('#treefile').value = 'name: small\\nbase: minbase\\npackagez: []\\n'");
  await pressText("Check");
  const problem = await shows(/small\.yaml:3:1: packagez: .+/);
  await isAccessible();
  await pressText(/small\.yaml:3:1: .*/.exec(problem)![0]);
  const selected = `(() => {
    const { value, selectionStart, selectionEnd } = document.querySelector("#treefile");
    return value.slice(selectionStart, selectionEnd);
  })()`;
  assert.equal(await page.evaluate(selected), "packagez: []");
  await page.reload();
  await page.waitFor("document.querySelector('#treefile')?.value", /packagez/, LONG_MS);

  await press("#view-jobs");
  await shows(/There are no jobs/);
  const hostile = "<img src=x onerror=alert(1)>";
  await enter("#job-command", `image rm "${hostile}"`);
  await shows(/^Job 1\n+stratos image rm <img[^]*: status 2\n[^]*stratos: command line: a name has /);
  assert.equal(await page.evaluate("document.querySelectorAll('#view img').length"), 0);
  await isAccessible();
  await pressText("Remove");
  await shows(/There are no jobs/);

  await press("#view-audit");
  await shows(/owner\tadministrator\tremoveJob\t1\t200[^]*startJob\timage rm <img/);
  await isAccessible();

  await page.evaluate("document.getElementById('dev/usage').click()");
  const labels = "[...document.querySelectorAll('#view svg')].map((svg) => svg.getAttribute('aria-label')).join()";
  await page.waitFor(
    labels,
    /^Processor: \d+ %,Memory: .* \/ 256 MiB,Changed on disk: .*,Instructions in a second: /,
    LONG_MS,
  );
  assert.match(String(await page.evaluate("document.querySelector('#view polyline').getAttribute('points')")), /^0,/);
  await isAccessible();

  await page.evaluate(`(() => {
    const select = document.querySelector("#language");
    select.value = "de";
    select.dispatchEvent(new Event("change"));
  })()`);
  await page.waitFor("document.querySelector('#view-jobs')?.textContent", /^Aufträge$/, LONG_MS);
  await page.waitFor(labels, /^Prozessor: /, LONG_MS);
  assert.equal(await page.evaluate("document.documentElement.lang"), "de");
  await page.evaluate("location.hash = '#/dev'");
  await page.waitFor("document.querySelector('#terminals').hidden", /false/, LONG_MS);
  await press("#sign-out");
  await page.waitFor("document.querySelector('#enter').innerText", /^Anmelden$/, LONG_MS);

  // A viewer is offered what he may; of the rest the service says why not.
  const key = (await served.home.must("serve", "key", "add", "anna", "--role", "viewer")).trim();
  await page.evaluate("location.hash = '#audit'");
  await enter("#token", "guess");
  await page.waitFor("document.querySelector('#notice').textContent", /this is not the token/, LONG_MS);
  await enter("#token", key);
  await shows(/anna is viewer; this needs the role administrator/);
  assert.equal(await page.evaluate("document.querySelector('#view-audit')"), null);
  await press("#view-jobs");
  await shows(/Es gibt keine Aufträge/);
  assert.equal(await page.evaluate("document.querySelector('#job-command')"), null);
});
