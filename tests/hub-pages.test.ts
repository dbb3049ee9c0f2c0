/**
 * Goal: one signs in with a browser, and the hub's pages are for those, too, who do not see them, light and dark. Method:
 * Chromium, and axe-core in it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskView } from "@stratos/hub-api";
import { startTestHub } from "../packages/hub/src/testing/test-hub.ts";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser } from "./support/browser.ts";

const LONG_MS = 120_000;

test("a browser signs in, and the pages break no rule of accessibility", async (t) => {
  const hub = await startTestHub();
  t.after(() => hub.close());
  const task = await hub.admin.call<TaskView>("POST", "/tasks", {
    kind: "command",
    arch: "s390x",
    label: "waits for a host",
    payload: { argv: ["true"] },
  });
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open(`${hub.server.url}/login`);
  const check = async (what: string): Promise<void> => {
    for (const value of ["light", "dark"]) {
      await page.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
      assert.deepEqual(await accessibilityViolations(page), [], `${what}, ${value}`);
    }
  };
  await page.waitFor("document.readyState", /complete/, LONG_MS);
  await check("/login");
  await page.evaluate(`document.querySelector("input[name=token]").value = ${JSON.stringify(hub.adminToken)};
    document.querySelector("form").requestSubmit()`);
  await page.waitFor("location.pathname + document.readyState + document.body.innerText", /^\/complete/, LONG_MS);
  for (const path of ["/", "/tasks", `/tasks/${task.id}`, "/packages", "/hosts", "/audit"]) {
    await page.navigate(hub.server.url + path);
    await page.waitFor("location.pathname + document.readyState", new RegExp(`^${path}complete$`), LONG_MS);
    await check(path);
  }
});
