/**
 * Goal: a program of Debian's that stands in the panel is seen there with its menu, by keys, too, and does what was
 * chosen. Method: Ayatana's library for such programs, from Python, in `stratos desktop`; a headless Chromium.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser } from "./support/browser.ts";
import { launcher, start } from "./support/stratos.ts";
import { ensureScreenImage, SCREEN_IMAGE, shareTranslations, TEST_HOME } from "./support/test-image.ts";
import { Heard, until } from "./support/until.ts";

/** For a host under load. */
const PATIENCE_MS = 300_000;
const PROGRAM = `
import gi
gi.require_version("Gtk", "3.0")
gi.require_version("AyatanaAppIndicator3", "0.1")
from gi.repository import Gtk, AyatanaAppIndicator3 as Indicators

indicator = Indicators.Indicator.new("mail", "absent-icon", Indicators.IndicatorCategory.COMMUNICATIONS)
indicator.set_status(Indicators.IndicatorStatus.ACTIVE)
indicator.set_title("Letters")
menu = Gtk.Menu()

def add(item, act, to=menu):
    item.connect("activate", act)
    to.append(item)
    return item

def rename(_):
    indicator.set_title("No letters")

add(Gtk.MenuItem(label="Read all"), rename)
menu.append(Gtk.SeparatorMenuItem())
more = Gtk.MenuItem(label="More")
below = Gtk.Menu()
add(Gtk.CheckMenuItem(label="Quiet"), lambda item: open("/tmp/quiet", "w").write(str(item.get_active())), below)
more.set_submenu(below)
menu.append(more)
add(Gtk.MenuItem(label="Quit"), Gtk.main_quit)
menu.show_all()
indicator.set_menu(menu)
Gtk.main()
`;
let folder = "";

if (isExtended) before(prepare);
after(() => rmSync(folder, { recursive: true, force: true }));

async function prepare(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), "stratos-desktop-tray-"));
  await ensureScreenImage();
}

extendedTest("an indicator is in the panel with its menu, until its program ends", async (t) => {
  const home = join(folder, "home");
  mkdirSync(home);
  symlinkSync(join(TEST_HOME, "images"), join(home, "images"));
  shareTranslations(home);
  const child = start([...launcher, "desktop", "-i", SCREEN_IMAGE], { env: { STRATOS_HOME: home } });
  t.after(() => child.kill("SIGKILL"));
  const stdout = new Heard(child.stdout!);
  await stdout.includes("http:");
  const address = new URL(/http:\S+/.exec(stdout.text)![0]);
  const ask = (method: string, path: string, body?: string): Promise<Response> =>
    fetch(new URL(`/v1${path}`, address), {
      method,
      headers: { authorization: `Bearer ${address.hash.slice(1)}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body }),
    });
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open("about:blank");
  await page.navigate(address.href);
  await page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
  assert.equal((await ask("PUT", "/content?path=/tmp/indicator.py", PROGRAM)).status, 200);
  const command = JSON.stringify({ command: "exec python3 /tmp/indicator.py" });
  assert.equal((await ask("POST", "/run", command)).status, 201);

  const sign = "document.querySelector('.tray-item')?.getAttribute('aria-label')";
  await page.waitFor(sign, /^Letters$/, PATIENCE_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  const press = async (key: string, code = 0): Promise<void> => {
    for (const type of ["keyDown", "keyUp"])
      await page.call("Input.dispatchKeyEvent", {
        ...{ type, key, code: key, windowsVirtualKeyCode: code, ...(key === "Enter" ? { text: "\r" } : {}) },
      });
  };
  const menu = "[...document.querySelectorAll('.menu button')].map((each) => each.textContent).join()";
  // Its sign is reached by keys, and so is what is in its menu.
  const open = async (): Promise<void> => {
    await page.evaluate("document.querySelector('.tray-item').focus()");
    await press("Enter", 13);
    await page.waitFor(menu, /^Read all,More ▸,Quit$/, PATIENCE_MS);
  };
  await open();
  await press("Enter", 13);
  await page.waitFor(sign, /^No letters$/, PATIENCE_MS);
  await open();
  await press("ArrowDown", 40);
  await press("Enter", 13);
  await page.waitFor(menu, /^Quiet$/, PATIENCE_MS);
  assert.equal(await page.evaluate("document.querySelector('.menu button').getAttribute('aria-checked')"), "false");
  await press("Enter", 13);
  const isQuiet = async (): Promise<boolean> =>
    (await (await ask("GET", "/content?path=/tmp/quiet")).text()) === "True";
  await until("the program was told", isQuiet);

  // A page that is loaded again has it, too.
  await page.navigate("about:blank");
  await page.navigate(address.href);
  await page.waitFor(sign, /^No letters$/, PATIENCE_MS);
  await open();
  await press("End", 35);
  await press("Enter", 13);
  await page.waitFor("document.querySelectorAll('.tray-item').length", /^0$/, PATIENCE_MS);
});
