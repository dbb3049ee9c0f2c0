/**
 * Goal: volumes are kept from a terminal, by keyboard alone, as from a page. Method: `stratos fs tui` on a
 * pseudo-terminal whose screen xterm.js reads, with real volumes; what was done is seen by other commands.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { launcher, run, start } from "./support/stratos.ts";
import { TerminalScreen } from "./support/terminal-screen.ts";
import { Heard, until } from "./support/until.ts";

const ESCAPE = "\x1b",
  ENTER = "\r";

interface Setting {
  readonly folder: string;
  readonly volume: string;
  readonly env: Readonly<Record<string, string>>;
  readonly must: (...args: string[]) => Promise<string>;
  readonly open: (args: readonly string[], env?: Readonly<Record<string, string>>) => TerminalScreen;
}

async function setting(t: TestContext): Promise<Setting> {
  const folder = mkdtempSync(join(tmpdir(), "stratos-fs-tui-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = { STRATOS_HOME: join(folder, "home"), STRATOS_NO_CACHE: "1" };
  mkdirSync(env.STRATOS_HOME);
  const volume = join(folder, "data");
  const must = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await run([...launcher, "fs", ...args], { env });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  await must("format", volume, "-s", "64M", "-L", "papers");
  writeFileSync(join(folder, "note"), "the first words\n");
  await must("cp", join(folder, "note"), `${volume}:/note`);
  const open = (args: readonly string[], more: Readonly<Record<string, string>> = {}): TerminalScreen => {
    const screen = new TerminalScreen([...launcher, "fs", "tui", ...args], { ...env, ...more });
    t.after(() => screen.close());
    return screen;
  };
  return { folder, volume, env, must, open };
}

test("volumes are listed, and a snapshot is taken, compared and deleted", async (t) => {
  const { volume, must, open } = await setting(t);
  const screen = open([volume]);
  await screen.shows(/data +papers +64 MiB/);
  assert.ok(screen.isAlternate, "what was on the terminal is not overwritten");
  assert.match(screen.text, /AegisFS.*owner · administrator/);
  await screen.press(ENTER, /State: healthy/);
  await screen.press("4", /live files/);
  await screen.press("n", /Name of the snapshot/);
  screen.type(`first${ENTER}`);
  await screen.press(`before the change${ENTER}`, /└ first|first .*before the change/);
  await screen.press("n", /Name of the snapshot/);
  screen.type(`second${ENTER}`);
  await screen.press(ENTER, /taken: second/);
  await screen.press("s", /second: .*it alone holds/);
  await screen.press("c", /Changes since second[^]*nothing has changed/);
  // Who presses Enter at once loses nothing. Escape and a key soon after it are two keys.
  await screen.press(`${ESCAPE}d`, /Remove for good: second\?/);
  screen.type(ENTER);
  await screen.press("d", /Remove for good: second\?/);
  screen.type("y");
  await screen.shows(/^(?![^]*second)[^]*first/);
  // A filter, which Escape takes away.
  await screen.press("/fir", /1\/2/);
  screen.type(ENTER);
  await screen.press(ESCAPE, /live files[^]*first|first[^]*live files/);
  screen.type("q");
  assert.equal(await screen.ended(), 0);
  assert.ok(!screen.isAlternate, "the terminal is as it was");
  assert.match(screen.written, /\x1b\[\?25h\x1b\[\?1049l$/);
  assert.match(await must("snapshot", "list", volume), /first/);
  assert.doesNotMatch(await must("snapshot", "list", volume), /second/);
});

test("a file is brought back from a snapshot; a schedule, compression and limits are set; a scrub runs", async (t) => {
  const { folder, volume, must, open } = await setting(t);
  await must("snapshot", "create", volume, "kept");
  writeFileSync(join(folder, "other"), "the second words\n");
  await must("cp", join(folder, "other"), `${volume}:/note`);
  const screen = open([volume]);
  await screen.shows(/data +papers/);
  await screen.press("4", /live files[^]*kept|kept[^]*live files/);
  // Into the snapshot that a filter finds: its file is read, and brought back.
  await screen.press(`/kep${ENTER}`, /1\/2/);
  await screen.press(ENTER, /^kept: \/[^]*note/m);
  await screen.press(ENTER, /the first words/);
  await screen.press("q", /x Restore/);
  await screen.press("x", /replaced by what the snapshot has\. Restore: \/note\?/);
  screen.type("y");
  await screen.press("p", /Look into[^]*live files[^]*kept/);
  await screen.press(ENTER, /^live files: \/[^]*note/m);
  await screen.press(ENTER, /the first words/);
  screen.type("q");

  await screen.press("2", /data \(papers\)[^]*State: healthy[^]*Read +[\d.]+ \w+\/s[^]*Written +[\d.]+ \w+\/s/);
  await screen.press("5", /Hourly/);
  await screen.press("\x1b[C\x1b[C\x1b[C", /Hourly .* 3[^]*not saved[^]*: 3/);
  await screen.press("s", /^(?![^]*not saved)[^]*Hourly .* 3/);
  await screen.press("t", /taken: auto-/);
  await screen.press("6", /none since the service began/);
  await screen.press("s", /100 %[^]*finished[^]*Lost: 0/);

  await screen.press("7", /Compression .*as a new volume/);
  await screen.press("\x1b[C\x1b[C\x1b[C", /← zstd →/);
  await screen.press("s", /^(?![^]*not saved)[^]*← zstd →/);
  await screen.press("8", /Heat is[^]*fast: .* of 64 MiB[^]*slow: .* 0 B of 0 B/);
  await screen.press("9", /Quotas are off/);
  await screen.press("o", /user/);
  await screen.press("n", /user[^]*group[^]*project/);
  await screen.press(ENTER, /Number/);
  await screen.press(`54321${ENTER}`, /Soft limit/);
  await screen.press(`\x15${ENTER}`, /Hard limit/);
  await screen.press(`\x152M${ENTER}`, /: 10M, 2G, 0/);
  await screen.press("n", /project/);
  await screen.press(ENTER, /Number/);
  await screen.press(`54321${ENTER}`, /Soft limit/);
  await screen.press(ENTER, /Hard limit/);
  await screen.press(`\x152M${ENTER}`, /user 54321 .* 2 MiB/);
  screen.type("q");
  assert.equal(await screen.ended(), 0);
  assert.equal(await must("cat", `${volume}:/note`), "the first words\n");
  assert.match(await must("schedule", "show", volume), /3/);
  assert.match(await must("property", `${volume}:/`), /zstd/);
  assert.match(await must("quota", "report", volume), /user 54321 +0 +- +2M/);
});

test("the terminal is left as it was, and its size, colours and characters are heeded", async (t) => {
  const { volume, must, open, env } = await setting(t);
  await must("snapshot", "create", volume, "été-日本");

  // Nobody is there to look at it.
  for (const args of [["tui"], ["fs", "tui", volume]]) {
    const { status, stderr } = await run([...launcher, ...args], { env });
    assert.equal(status, 125);
    assert.match(stderr, /^stratos: (fs )?tui: needs a terminal/);
  }

  const plain = open([volume], { NO_COLOR: "1", LC_ALL: "C" });
  await plain.shows(/data +papers/);
  await plain.press("4", /\? +\?|-\?\?|t\?-/);
  assert.doesNotMatch(plain.written.replace(/^[^]*?\x1b\[2J/, ""), /[\x80-\xff]/, "ASCII alone");
  assert.doesNotMatch(plain.written, /\x1b\[[\d;]*3\d(;\d+)*m/, "no colours");
  plain.type("\x03");
  assert.equal(await plain.ended(), 130);
  assert.ok(!plain.isAlternate);

  const japanese = open([volume], { LANGUAGE: "ja", LC_ALL: "C.UTF-8", LANG: "" });
  await japanese.shows(/Volumes|ボリューム/);
  japanese.type("q");
  await japanese.ended();

  const screen = open([volume, "--language", "ja"]);
  await screen.shows(/ボリューム[^]*終了/);
  await screen.press("4", /été-日本/);
  screen.resize({ rows: 12, columns: 60 });
  await screen.shows(/^[^]*été-日本[^]*終了$/);
  assert.equal(screen.text.split("\n").length, 12, "the keys are in the last row");
  screen.resize({ rows: 5, columns: 30 });
  await screen.shows(/端末が小さすぎます/);
  screen.resize({ rows: 24, columns: 100 });
  await screen.shows(/été-日本[^]*終了/);
  process.kill(screen.pidOf("fs tui"), "SIGTERM");
  assert.equal(await screen.ended(), 143);
  assert.ok(!screen.isAlternate, "after SIGTERM, too");
  assert.match(screen.written, /\x1b\[\?25h\x1b\[\?1049l$/);
});

extendedTest("at a service elsewhere its key decides what may be done, and what fails is told in place", async (t) => {
  const { folder, volume, must, open, env } = await setting(t);
  await must("snapshot", "create", volume, "kept");
  const key = join(folder, "key");
  writeFileSync(key, await must("serve", "key", "add", "anna", "--role", "viewer"));
  const server = start([...launcher, "fs", "serve", volume, "--port", "0"], { env });
  t.after(() => server.kill("SIGKILL"));
  const said = new Heard(server.stdout!);
  await until("it serves", () => /http:\S+\n/.test(said.text));
  const url = said.text.trim();

  const stranger = open(["--url", url]);
  await stranger.shows(/a bearer token is needed/);
  stranger.type("q");
  assert.equal(await stranger.ended(), 0);

  const screen = open(["--url", url, "--token-file", key]);
  await screen.shows(/anna · viewer[^]*data +papers/);
  await screen.press("4", /c Changes since/);
  assert.doesNotMatch(screen.text, /Roll back|Remove|Take a snapshot/, "what is not for viewers is not offered");
  screen.type("d");
  await screen.press("s", /kept: .*it alone holds/);
  assert.doesNotMatch(screen.text, /Remove for good/);

  // The service goes away: what was known stays, and its end is told; it comes back.
  server.kill("SIGTERM");
  await screen.shows(/kept[^]*nothing listens there/);
  screen.type("q");
  assert.equal(await screen.ended(), 0);
});
