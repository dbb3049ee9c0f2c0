/**
 * Goal: this host's systems are kept from a terminal, by keyboard alone, as from the console's page. Method: `stratos
 * tui` on a pseudo-terminal whose screen xterm.js reads, with a real named system; what was done is seen by other
 * commands.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launcher } from "./support/stratos.ts";
import { SystemsHome } from "./support/systems-home.ts";
import { TerminalScreen } from "./support/terminal-screen.ts";
import { ensureTestImage, TEST_IMAGE } from "./support/test-image.ts";

const ENTER = "\r";

test("systems, jobs and the upkeep of a host on a terminal", async (t) => {
  await ensureTestImage();
  const folder = mkdtempSync(join(tmpdir(), "stratos-tui-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const home = new SystemsHome(t, join(folder, "home"));
  await home.run("web", "--", "sh", "-c", "echo hello from it; exec sleep 100000");
  const screen = new TerminalScreen([...launcher, "tui"], { ...home.environment, STRATOS_NO_CACHE: "1" });
  t.after(() => screen.close());

  await screen.shows(/Stratos +web[^]*web +running/);
  await screen.press("l", /Log: web[^]*hello from it/);
  await screen.press("q", /p Pause/);
  await screen.press("p", /web +paused/);
  await screen.press("p", /web +running/);
  await screen.press("n", /d?.*web +running/);
  await home.untilView("web", "its snapshot is there", ({ snapshots }) => snapshots.includes("s1"));
  await screen.press("2", /web +Processes: [1-9][^]*Memory +[\d.]+ [KM]iB/);
  await screen.press("1", /web +running/);
  await screen.press("s", /web +exited/);
  await screen.press(ENTER, /Start[^]*Remove/);
  screen.type("q");
  await screen.press("d", /Remove web, with its logs and snapshots\?/);
  screen.type("n");
  assert.equal((await home.view("web")).state, "exited", "who says no loses nothing");
  await screen.press("d", /Remove web/);
  await screen.press("y", /There are no systems/);

  await screen.press("3", new RegExp(`^${TEST_IMAGE} `, "m"));
  await screen.press("5", /There are no jobs/);
  await screen.press("n", /Start a command: stratos/);
  await screen.press(`cache ls${ENTER}`, /1 +cache ls +owner[^]*done/);
  await screen.press("6", /Disk use +jobs[^]*Updates +[^]*Report/);
  await screen.press("G", /Enter Report/);
  await screen.press(ENTER, /Write the report to/);
  const report = join(folder, "report.json");
  await screen.press(`\x15${report}${ENTER}`, /"stratos":/);
  const written = readFileSync(report, "utf8");
  assert.equal((JSON.parse(written) as { jobs: unknown[] }).jobs.length, 1);
  assert.doesNotMatch(written, /hello/);
  await screen.press("q", /written: /);
  await screen.press("7", /startJob +cache ls +202/);
  screen.type("q");
  assert.equal(await screen.ended(), 0);
  assert.ok(!screen.isAlternate);
});
