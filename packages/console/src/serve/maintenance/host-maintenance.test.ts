/**
 * Goal: a service that offers maintenance alone starts nothing else. Method: its requests, over an empty home; the
 * command line is a program that prints its words.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Hono } from "hono";
import { Refusal } from "@stratos/volumes/serve";
import { AuditLog } from "../access/audit-log.ts";
import { HostMaintenance } from "./host-maintenance.ts";

type Ask = (method: string, path: string, body?: unknown) => Promise<{ status: number; text: string }>;

function served(t: TestContext, script = "console.log(...process.argv.slice(1))"): { home: string; ask: Ask } {
  const home = mkdtempSync(join(tmpdir(), "stratos-maintenance-"));
  mkdirSync(join(home, "composes"));
  mkdirSync(join(home, "downloads"));
  writeFileSync(join(home, "downloads/package"), new Uint8Array(100_000));
  const commandLine = { program: process.execPath, words: ["-e", script, "--"] };
  const maintenance = new HostMaintenance({ home, commandLine, onDefect: assert.fail });
  t.after(async () => {
    await maintenance.close();
    rmSync(home, { recursive: true, force: true });
  });
  const app = new Hono();
  app.onError((error, context) => context.text(error.message, error instanceof Refusal ? (error.status as 400) : 500));
  maintenance.addTo(app, "/v1/host");
  const ask: Ask = async (method, path, body) => {
    const response = await app.request(`http://localhost/v1/host${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    return { status: response.status, text: await response.text() };
  };
  return { home, ask };
}

async function untilEnded(ask: Ask, id: number): Promise<void> {
  while (
    (JSON.parse((await ask("GET", "/jobs")).text) as { id: number; isRunning: boolean }[]).some(
      (job) => job.id === id && job.isRunning,
    )
  )
    await delay(20);
}

test("what takes the disk is told and can be cleaned up, as a job with a log, which the audit has", async (t) => {
  const { home, ask } = served(t);
  const { folders } = JSON.parse((await ask("GET", "/disk-use")).text) as {
    folders: { name: string; bytes: number }[];
  };
  assert.ok(folders.find(({ name }) => name === "downloads")!.bytes >= 100_000);
  const started = await ask("POST", "/jobs", { command: ["pkg", "clean"] });
  assert.equal(started.status, 202);
  const { id } = JSON.parse(started.text) as { id: number };
  await untilEnded(ask, id);
  assert.equal((await ask("GET", `/jobs/${id}/log`)).text, "pkg clean\n");
  assert.equal((await ask("GET", `/jobs/${id}/log?from=4`)).text, "clean\n");
  assert.equal((await ask("DELETE", `/jobs/${id}`)).status, 200);
  assert.equal((await ask("GET", "/jobs")).text, "[]");
  const audit = new AuditLog(join(home, "serve.audit"), assert.fail).last(9);
  assert.deepEqual(
    audit.map(({ operation, target }) => `${operation} ${target}`),
    [`removeJob ${id}`, "startJob pkg clean"],
  );
});

test("commands that the rows do not offer are refused, and so is the rest of the console", async (t) => {
  const { home, ask } = served(t);
  for (const command of [
    ["pkg", "clean", "--all"],
    ["image", "rm", "--", "debian"],
    ["compose", "clean"],
    ["fs", "format", "/dev/null"],
    ["pkg"],
    [],
    "pkg clean",
    null,
    { 0: "pkg", 1: "clean", length: 2 },
  ])
    assert.equal((await ask("POST", "/jobs", { command })).status, 400, JSON.stringify(command));
  // What is there now is offered.
  mkdirSync(join(home, "compose"));
  const started = await ask("POST", "/jobs", { command: ["compose", "clean"] });
  assert.equal(started.status, 202);
  for (const path of ["/audit", "/composes", "/images/debian/packages", "/systems"])
    assert.equal((await ask("GET", path)).status, 404, path);
  for (const path of ["/jobs/0/log", "/jobs/x/log", "/jobs/99/log"])
    assert.equal((await ask("GET", path)).status, 404, path);
  assert.equal((await ask("GET", "/jobs/1/log?upTo=9")).status, 400);
});

test("a job that runs is cancelled, and a report tells what there is", async (t) => {
  const { ask } = served(t, "setInterval(() => {}, 1000)");
  const { id } = JSON.parse((await ask("POST", "/jobs", { command: ["pkg", "clean"] })).text) as { id: number };
  const report = JSON.parse((await ask("GET", "/report")).text) as { jobs: { id: number; isRunning: boolean }[] };
  assert.deepEqual(
    report.jobs.map((job) => [job.id, job.isRunning]),
    [[id, true]],
  );
  assert.equal((await ask("POST", `/jobs/${id}/cancel`)).status, 200);
  await untilEnded(ask, id);
  assert.equal((await ask("POST", `/jobs/${id}/cancel`)).status, 409);
});
