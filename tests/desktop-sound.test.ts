/**
 * Goal: who has the page of `stratos desktop` open hears what programs play, once the page was touched, and sets the
 * volume that programs see. Method: paplay in the machine, and a headless Chromium whose sound an analyser hears.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { keepWebFolder, webFolderServer } from "@stratos/console";
import { Browser, type Page } from "./support/browser.ts";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { launcher, start, stratos } from "./support/stratos.ts";
import { tabPage } from "./support/tab-page.ts";
import { ensureScreenImage, shareTranslations, SCREEN_IMAGE, TEST_HOME } from "./support/test-image.ts";
import { Heard } from "./support/until.ts";

/** For a host under load. */
const PATIENCE_MS = 300_000;
/** A tone of ten minutes, made as it is played. */
const PLAY =
  "sox -n -r 48000 -c 2 -b 16 -e signed -t raw - synth 600 sine 440 vol 0.5 | pacat --rate 48000 --channels 2";
/** What the page makes sound of goes by here on its way out. */
const ANALYSER = `{
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...more) {
    if (to instanceof AudioDestinationNode) {
      globalThis.analyser = new AnalyserNode(to.context, { fftSize: 32768 });
      connect.call(this, globalThis.analyser);
    }
    return connect.call(this, to, ...more);
  };
}`;
/** The loudest, and how many times a second it goes from below to above zero. */
const HEARD = `(() => {
  if (globalThis.analyser === undefined) return "nothing";
  const samples = new Float32Array(32768);
  analyser.getFloatTimeDomainData(samples);
  const loudest = samples.reduce((most, each) => Math.max(most, each), 0);
  let rises = 0;
  for (let at = 1; at < samples.length; at++) if (samples[at - 1] < 0 && samples[at] >= 0) rises++;
  return loudest.toFixed(2) + " " + Math.round((rises * 48000) / samples.length / 20) * 20;
})()`;
let folder = "";

if (isExtended) before(prepare);
after(() => rmSync(folder, { recursive: true, force: true }));

async function prepare(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), "stratos-desktop-sound-"));
  await ensureScreenImage();
}

/** Where nothing is. */
async function touch(page: Page): Promise<void> {
  for (const type of ["mousePressed", "mouseReleased"])
    await page.call("Input.dispatchMouseEvent", { type, x: 300, y: 200, button: "left", clickCount: 1 });
}

extendedTest("a page that was touched hears the machine, and both set one volume", async (t) => {
  const home = join(folder, "home");
  mkdirSync(home);
  symlinkSync(join(TEST_HOME, "images"), join(home, "images"));
  shareTranslations(home);
  const child = start([...launcher, "desktop", "-i", SCREEN_IMAGE], { env: { STRATOS_HOME: home } });
  t.after(() => child.kill("SIGKILL"));
  const stdout = new Heard(child.stdout!);
  await stdout.includes("http:");
  const address = new URL(/http:\S+/.exec(stdout.text)![0]);
  const ask = (method: string, path: string, body?: object): Promise<Response> =>
    fetch(new URL(`/v1${path}`, address), {
      method,
      headers: { authorization: `Bearer ${address.hash.slice(1)}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open("about:blank");
  await page.navigate(address.href);
  const speaker = "document.querySelector('.panel .speaker')?.getAttribute('aria-label')";
  await page.waitFor(speaker, /^Sound: Volume 100 %$/, PATIENCE_MS);
  await page.evaluate(ANALYSER);

  assert.equal((await ask("POST", "/run", { command: PLAY })).status, 201);
  await page.waitFor(speaker, /^Sound: Press a key/, PATIENCE_MS);
  assert.equal(await page.evaluate(HEARD), "nothing");
  await touch(page);
  await page.waitFor(HEARD, /^0\.50 440$/, PATIENCE_MS);

  // The volume of the panel is the machine's.
  await page.evaluate("document.querySelector('.panel .speaker').click()");
  await page.waitFor("document.activeElement?.type", /^range$/, PATIENCE_MS);
  for (const key of ["Home", "PageUp", "PageUp", "PageUp", "PageUp", "PageUp"])
    for (const type of ["keyDown", "keyUp"])
      await page.call("Input.dispatchKeyEvent", {
        ...{ type, key, code: key, windowsVirtualKeyCode: key === "Home" ? 36 : 33 },
      });
  await page.waitFor(speaker, /^Sound: Volume 50 %$/, PATIENCE_MS);
  await page.waitFor(HEARD, /^0\.06 440$/, PATIENCE_MS);
  const told = "pactl get-sink-volume 0 > /tmp/told; pactl set-sink-mute 0 1";
  assert.equal((await ask("POST", "/run", { command: told })).status, 201);
  await page.waitFor(speaker, /^Sound: Muted$/, PATIENCE_MS);
  await page.waitFor("document.querySelector('dialog input[role=switch]').checked", /^true$/, PATIENCE_MS);
  await page.waitFor(HEARD, /^0\.00 0$/, PATIENCE_MS);
  assert.match(await (await ask("GET", "/content?path=/tmp/told")).text(), /front-left: 32768 \/ {2}50%/);

  // A page that is loaded again, and touched, hears it again.
  assert.equal((await ask("POST", "/run", { command: "pactl set-sink-mute 0 0" })).status, 201);
  await page.navigate("about:blank");
  await page.navigate(address.href);
  await page.waitFor(speaker, /^Sound: Press a key/, PATIENCE_MS);
  await page.evaluate(ANALYSER);
  await touch(page);
  await page.waitFor(HEARD, /^0\.06 440$/, PATIENCE_MS);
});

extendedTest(
  "a page of `run --display`, and one of a named system, hear their programs once they were touched",
  async (t) => {
    const env = { STRATOS_HOME: TEST_HOME };
    const name = `heard-${process.pid}`;
    const program = ["-i", SCREEN_IMAGE, "--display", "--", "sh", "-c", PLAY];
    const made = await stratos(["run", "-d", "--name", name, ...program]);
    assert.equal(made.status, 0, made.stderr);
    t.after(() => stratos(["rm", "-f", name]));
    const browser = await Browser.launch();
    t.after(() => browser.close());
    for (const command of [
      ["run", ...program],
      ["display", name],
    ]) {
      const child = start([...launcher, ...command], { env });
      t.after(() => child.kill("SIGKILL"));
      const words = new Heard(command[0] === "run" ? child.stderr! : child.stdout!);
      await words.includes("http:");
      const page = await browser.open(/http:\S+/.exec(words.text)![0]);
      await page.evaluate(ANALYSER);
      await page.waitFor("document.querySelector('p').textContent", /^Press a key/, PATIENCE_MS);
      assert.equal(await page.evaluate(HEARD), "nothing");
      await touch(page);
      await page.waitFor(HEARD, /^0\.50 440$/, PATIENCE_MS);
      child.kill("SIGKILL");
    }
  },
);

extendedTest("a tab without a server hears its machine, too", async (t) => {
  const server = webFolderServer(
    await keepWebFolder({ home: TEST_HOME, image: SCREEN_IMAGE, lines: [], page: tabPage }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open("about:blank");
  await page.navigate(`http://127.0.0.1:${(server.address() as AddressInfo).port}/desktop/`);
  await page.waitFor("document.querySelector('.panel .speaker')?.ariaLabel", /^Sound: Volume 100 %$/, PATIENCE_MS);
  await page.evaluate(ANALYSER);
  await touch(page);
  const terminal = "document.querySelector('.xterm-rows')?.textContent";
  for (const type of ["keyDown", "keyUp"])
    await page.call("Input.dispatchKeyEvent", { type, code: "Enter", key: "Unidentified", modifiers: 3 });
  await page.waitFor(terminal, /[#$] /, PATIENCE_MS);
  await page.type(`${PLAY}\n`);
  await page.waitFor(HEARD, /^0\.50 440$/, PATIENCE_MS);
});
