/**
 * Goal: volumes are kept from a terminal, by keyboard alone, as from a page. Method: `stratos fs tui` on a
 * pseudo-terminal whose screen xterm.js reads, with real volumes; what was done is seen by other commands.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { launcher, run } from "./support/stratos.ts";
import { TerminalScreen } from "./support/terminal-screen.ts";

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
  await screen.press(ENTER, /live files/);
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
