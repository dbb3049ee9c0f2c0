/**
 * Goal: one signs in with a browser; the pages are for those, too, who do not see them, light and dark. Method:
 * Chromium, and axe-core in it.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isExtended } from "@stratos/base/testing";
import type { ProfileView, TaskView } from "@stratos/hub-api";
import { startTestHub } from "../packages/hub/src/testing/test-hub.ts";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser } from "./support/browser.ts";

const LONG_MS = 120_000;

test("a browser signs in, and the pages break no rule of accessibility", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hub-pages-"));
  const hub = await startTestHub({
    profiles: { everySeconds: null, seconds: 1, keep: 2, bytesMax: 1 << 30, software: "stratos hub", folder },
  });
  t.after(async () => {
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const profile = await hub.admin.call<ProfileView>("POST", "/profiles", { seconds: 1 });
  const task = await hub.admin.call<TaskView>("POST", "/tasks", {
    kind: "command",
    arch: "s390x",
    label: "waits for a host",
    payload: { argv: ["true"] },
  });
  await hub.admin.call("PUT", "/templates/deb", {
    parameters: {
      source: { type: "string" },
      suite: { type: "string", choices: ["bookworm", "trixie"] },
      jobs: { type: "integer", minimum: 1, default: 2 },
      tests: { type: "boolean" },
    },
    tasks: [{ kind: "command", label: "{{source}} {{suite}} {{jobs}} {{tests}}", payload: { argv: ["true"] } }],
  });
  await hub.admin.call("PUT", "/triggers/mirror", {
    forge: "git",
    url: "http://127.0.0.1:9/tool.git",
    everySeconds: 86_400,
    task: { kind: "command", payload: { argv: ["true"] } },
  });
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open(`${hub.server.url}/login`);
  let checked = 0;
  const check = async (what: string): Promise<void> => {
    // What colours mean is in one place for all pages, so that by turns shows both.
    for (const value of isExtended ? ["light", "dark"] : [checked++ % 2 === 0 ? "light" : "dark"]) {
      await page.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
      assert.deepEqual(await accessibilityViolations(page), [], `${what}, ${value}`);
    }
  };
  await page.waitFor("document.readyState", /complete/, LONG_MS);
  await check("/login");
  await page.evaluate(`document.querySelector("input[name=token]").value = ${JSON.stringify(hub.adminToken)};
    document.querySelector("form").requestSubmit()`);
  await page.waitFor("location.pathname + document.readyState + document.body.innerText", /^\/complete/, LONG_MS);
  const visit = async (path: string): Promise<void> => {
    await page.navigate(hub.server.url + path);
    await page.waitFor("location.pathname + document.readyState", new RegExp(`^${path}complete$`), LONG_MS);
  };
  const plain = ["/", "/tasks", `/tasks/${task.id}`, "/packages", "/hosts", "/audit", "/failures", "/profiles"];
  for (const path of [
    ...plain,
    `/profiles/${profile.id}`,
    "/triggers",
    "/triggers/mirror",
    "/templates",
    "/templates/deb",
  ]) {
    await visit(path);
    await check(path);
  }
  await page.evaluate(`const form = document.querySelector("main form");
    form.elements["p:source"].value = "hello";
    form.elements["p:suite"].value = "trixie";
    form.elements["p:tests"].click();
    form.requestSubmit()`);
  await page.waitFor("location.pathname + document.body.innerText", /^\/workflows\/[^]*hello trixie 2 true/, LONG_MS);
});
