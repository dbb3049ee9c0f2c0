/** Goal: dashboards and rules ask for metrics and labels that a hub has. Method: `deploy/`, against /metrics of one. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { startTestHub } from "../testing/test-hub.ts";

extendedTest("what deploy/ asks Prometheus for, the hub tells", async (t) => {
  const hub = await startTestHub();
  t.after(() => hub.close());
  await hub.admin.call("POST", "/tasks", { kind: "command", payload: { argv: ["true"] } });
  const answer = await fetch(`${hub.server.url}/metrics`, { headers: { authorization: `Bearer ${hub.adminToken}` } });
  const text = await answer.text();
  const told = new Set(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
      type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name!],
    ),
  );
  for (const path of ["grafana/stratos-hub.json", "prometheus/alerts.yaml"]) {
    const file = readFileSync(join(import.meta.dirname, "../../../../deploy", path), "utf8");
    if (path.endsWith(".json")) JSON.parse(file);
    const asked = new Set(file.match(/stratos_hub_[a-z_]+/g));
    assert.ok(asked.size >= 7, path);
    for (const name of asked) assert.ok(told.has(name), `${path}: ${name}`);
  }
});
