/** Goal: what somebody did stays in the log, whoever else fills it. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AuditLog } from "./audit-log.ts";

test("a viewer who is refused without end pushes out none of what others did", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-audit-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "serve.audit");
  const log = new AuditLog(path, assert.fail, 1000);
  log.add({ name: "owner", role: "administrator", operation: "removeSystem", target: "db", status: 200 });
  for (let count = 0; count < 100; count++)
    log.add({ name: "anna", role: "viewer", operation: "getAudit", target: String(count), status: 403 });
  // As a power cut or another program left them.
  appendFileSync(`${path}.viewer`, 'null\n{"atMs": 1');
  const entries = log.last(1000);
  assert.deepEqual(
    entries.filter(({ name }) => name === "owner").map(({ target }) => target),
    ["db"],
  );
  assert.deepEqual(
    log.last(2).map(({ target }) => target),
    ["99", "98"],
  );
  for (const name of readdirSync(folder)) assert.ok(statSync(join(folder, name)).size < 1300, name);
});
