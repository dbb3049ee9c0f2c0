/** `stratos desktop` as users have it, and a page of a headless Chromium before it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Browser, type Page } from "./browser.ts";
import { launcher, start } from "./stratos.ts";
import { sendKeys } from "./page-keys.ts";
import { SCREEN_IMAGE, shareTranslations, TEST_HOME } from "./test-image.ts";
import { until } from "./until.ts";

/** For a host under load. */
export const PATIENCE_MS = 300_000;

/** `stratos desktop` of a user. */
export class Served {
  /** STRATOS_HOME. */
  readonly home = mkdtempSync(join(tmpdir(), "stratos-desktop-"));
  address = new URL("http://localhost");
  ended: Promise<unknown> = Promise.resolve();

  /** The image of the tests with screens has to be there. */
  static async start(t: TestContext, more: readonly string[] = []): Promise<Served> {
    const served = new Served();
    const { home } = served;
    symlinkSync(join(TEST_HOME, "images"), join(home, "images"));
    shareTranslations(home);
    const child = start([...launcher, "desktop", "-i", SCREEN_IMAGE, ...more], { env: { STRATOS_HOME: home } });
    t.after(async () => {
      child.kill("SIGKILL");
      await served.ended;
      rmSync(home, { recursive: true, force: true });
    });
    let words = "";
    child.stdout!.setEncoding("utf8").on("data", (part: string) => void (words += part));
    child.stderr!.setEncoding("utf8").on("data", (part: string) => void (words += part));
    served.ended = new Promise((resolve) => child.once("close", resolve));
    const address = /http:\S+\n/;
    await until("the address is told", () => address.test(words) || child.exitCode !== null);
    assert.match(words, address);
    served.address = new URL(address.exec(words)![0]);
    return served;
  }

  async ask(method: string, path: string, body?: object | string): Promise<{ status: number; text: string }> {
    const isText = typeof body === "string";
    const response = await fetch(new URL(`/v1${path}`, this.address), {
      method,
      headers: {
        authorization: `Bearer ${this.address.hash.slice(1)}`,
        ...(body === undefined ? {} : { "content-type": isText ? "application/octet-stream" : "application/json" }),
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }
}

export async function opened(t: TestContext, served: Served): Promise<Page> {
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open("about:blank");
  const size = { width: 1280, height: 800, deviceScaleFactor: 1, mobile: false };
  await page.call("Emulation.setDeviceMetricsOverride", size);
  await page.navigate(served.address.href);
  await page.waitFor("document.querySelectorAll('.panel button').length", /^[6-9]|\d\d$/, PATIENCE_MS);
  return page;
}

export const CTRL_ALT = 3,
  SHIFT = 8;

export async function press(page: Page, code: string, modifiers = 0, key = "Unidentified"): Promise<void> {
  await sendKeys(
    page,
    ["keyDown", "keyUp"].map((type) => ({ type, code, key, modifiers })),
  );
}

/** Starts what the launcher finds by that text. */
export async function launch(page: Page, text: string): Promise<void> {
  await press(page, "Space", CTRL_ALT);
  await page.waitFor("document.activeElement?.getAttribute('role')", /combobox/, PATIENCE_MS);
  await page.type(text);
  await page.waitFor(
    "document.querySelector('.launcher-item[aria-selected=true]')?.textContent",
    new RegExp(text, "i"),
    PATIENCE_MS,
  );
  await page.type("\n");
}

/** What `POST /terminals` is asked for. */
export function terminalOf(command: readonly string[]): object {
  return { title: "terminal", columns: 80, rows: 24, command };
}
