/**
 * Goal: a report says what happened in its span and nothing else, and points at what an auditor would: keys without an
 * end, one's own work released by oneself, guessed keys, a changed audit. Method: a hub of which each is done.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { COMPLIANCE_STANDARDS, type ComplianceReport, type HubProblem } from "@stratos/hub-api";
import { raiseAlerts } from "../leader/raise-alerts.ts";
import { sealEvents } from "../store/event-chain.ts";
import { writeEvents } from "../store/events.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

let hub: TestHub;
before(async () => {
  hub = await startTestHub();
  await raiseAlerts(hub.database);
});
after(() => hub.close());

const report = (standard: string, query = ""): Promise<ComplianceReport> =>
  hub.admin.call("GET", `/compliance/${standard}${query}`);
const findings = ({ clauses }: ComplianceReport): string[] => [...new Set(clauses.flatMap((one) => one.findings))];
const factOf = (of: ComplianceReport, what: string): string | undefined =>
  of.clauses.flatMap(({ facts }) => facts).find((fact) => fact.what === what)?.value;

test("compliance: who has rights, and what was released by whom", async () => {
  await hub.admin.call("PUT", "/grants/kerberos%3Aalice%2Fadmin%40EXAMPLE.ORG/operator");
  await hub.admin.call("POST", "/tokens", { principal: "alice", scopes: ["*"], expiresSeconds: 3_600 });
  const { id } = await hub.admin.call<{ id: number }>("POST", "/tasks", { kind: "command", payload: { argv: ["a"] } });
  await writeEvents(hub.database, [
    { actor: "admin", what: "PUBLISHED", task: id, detail: { channel: "main", packages: ["hello 1"] } },
  ]);
  const sox = await report("sox");
  assert.equal(factOf(sox, "may everything"), "admin");
  assert.equal(factOf(sox, "keys in force"), "2");
  assert.equal(factOf(sox, "of them without an end"), "1");
  const facts = sox.clauses.flatMap((clause) => clause.facts).map(({ value }) => value);
  assert.ok(facts.includes("admin ROLE_GRANTED kerberos:alice/admin@EXAMPLE.ORG operator"));
  assert.ok(facts.includes(`1 packages into main by admin, of task ${id} of admin`));
  assert.ok(findings(sox).some((text) => text.endsWith(`admin released their own task ${id} into main`)));
  assert.ok(findings(sox).some((text) => /^the key of admin \(\w+\) never expires$/.test(text)));
  const long = await report("iso27001", "?since=2001-01-01T00:00:00Z&until=2001-02-01T00:00:00Z");
  assert.deepEqual(long.clauses.find(({ clause }) => clause === "A.8.32")!.facts, [], "nothing happened then");
});

test("compliance: each standard; guessed keys and a changed audit are pointed at", async () => {
  for (let round = 0; round < 10; round++)
    await fetch(`${hub.server.url}/v1/whoami`, { headers: { authorization: "Bearer stratos_guess" } });
  await hub.server.service.accessLog.flush();
  await raiseAlerts(hub.database);
  await sealEvents(hub.database);
  for (const standard of COMPLIANCE_STANDARDS) {
    const found = await report(standard);
    assert.ok(found.clauses.length >= 5);
    assert.ok(
      findings(found).some((text) => text.includes("10 failed sign-ins from 127.0.0.1")),
      standard,
    );
    assert.equal(factOf(found, "chain"), "computed again, whole");
  }
  await hub.database.query("update event set actor = 'nobody' where what = 'PUBLISHED'");
  const gdpr = await report("gdpr");
  assert.ok(
    findings(gdpr).some((text) => /^the chain of events is broken: entry \d+, .* by nobody, was changed/.test(text)),
  );
  await assert.rejects(report("pci"), /there is nothing of this name|none/);
  await assert.rejects(report("sox", "?since=2030-01-01T00:00:00Z"), /since: expected a time before until/);
  for (const query of [
    "since=yesterday",
    "since=2026-13-01T00:00:00Z",
    "since=%2B275760-09-13T00:00:00Z",
    "since=0000-01-01T00:00:00Z",
    "since=0001-01-01T00:00:00%2B14:00",
    "until=1969-12-31T23:59:59Z",
    "until=9999-12-31T23:59:59-12:00",
  ])
    await assert.rejects(report("sox", `?${query}`), (error) => (error as HubProblem).status === 422, query);
  for (const query of ["until=9999-12-31T23:59:59Z", "until=1970-01-01T00:00:00Z", "since=1970-01-01T00:00:00Z"])
    assert.ok((await report("sox", `?${query}`)).clauses.length >= 5, query);
});
