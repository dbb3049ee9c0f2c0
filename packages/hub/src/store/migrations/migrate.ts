/** Brings the tables to a version, forward or back, each step in a transaction of its own. */
import type { Database } from "../../database/database.ts";
import { tasks } from "./0001-tasks.ts";
import { access } from "./0002-access.ts";
import { artefacts } from "./0003-artefacts.ts";
import { repositories } from "./0004-repositories.ts";
import { balance } from "./0005-balance.ts";
import { rebuilds } from "./0006-rebuilds.ts";
import { signIn } from "./0007-sign-in.ts";
import { workerCertificates } from "./0008-worker-certificates.ts";
import { kerberos } from "./0009-kerberos.ts";
import { alerts } from "./0010-alerts.ts";
import { policies } from "./0011-policies.ts";
import { triggers } from "./0012-triggers.ts";
import { artefactCaches } from "./0013-artefact-caches.ts";
import { failures } from "./0014-failures.ts";
import { queueOrder } from "./0015-queue-order.ts";
import { auditRotation } from "./0016-audit-rotation.ts";
import { versions } from "./0017-versions.ts";
import { openDeliveries } from "./0018-open-deliveries.ts";
import type { Migration } from "./migration.ts";
import { ADVISORY_LOCKS } from "../../database/advisory-locks.ts";

export const MIGRATIONS: readonly Migration[] = [
  tasks,
  access,
  artefacts,
  repositories,
  balance,
  rebuilds,
  signIn,
  workerCertificates,
  kerberos,
  alerts,
  policies,
  triggers,
  artefactCaches,
  failures,
  queueOrder,
  auditRotation,
  versions,
  openDeliveries,
];
export const SCHEMA_VERSION = MIGRATIONS.length;

/** @returns 0 when there are no tables yet */
export async function schemaVersion(database: Database): Promise<number> {
  const [row] = await database.query<{ there: boolean }>("select to_regclass('schema_version') is not null as there");
  if (row!.there !== true) return 0;
  const [version] = await database.query<{ version: number }>(
    "select coalesce(max(version), 0) as version from schema_version",
  );
  return version!.version;
}

/**
 * @param target  version to reach
 * @returns titles of the steps that were taken
 * @throws Error when the tables are of a newer program than this one
 */
export async function migrate(database: Database, target: number = SCHEMA_VERSION): Promise<string[]> {
  const taken: string[] = [];
  const found = await schemaVersion(database);
  if (found > SCHEMA_VERSION) {
    throw new Error(
      `${database.name}: its tables are of version ${found}, newer than this program (${SCHEMA_VERSION})`,
    );
  }
  for (;;) {
    const step = await database.transaction("read committed", async (inside) => {
      await inside.query("select pg_advisory_xact_lock($1)", [ADVISORY_LOCKS.migration]);
      await inside.query(
        "create table if not exists schema_version (version integer primary key, title text not null, at " +
          "timestamptz default now())",
      );
      const [row] = await inside.query<{ version: number }>(
        "select coalesce(max(version), 0) as version from schema_version",
      );
      const current = row!.version;
      if (current === target) return null;
      const migration = MIGRATIONS[current < target ? current : current - 1]!;
      // Statements without parameters may stand in one string on a server, not on PGlite.
      for (const statement of statementsOf(current < target ? migration.up : migration.down))
        await inside.query(statement);
      if (current < target)
        await inside.query("insert into schema_version (version, title) values ($1, $2)", [
          migration.version,
          migration.title,
        ]);
      else await inside.query("delete from schema_version where version = $1", [current]);
      return `${current < target ? "to" : "back from"} ${migration.version}: ${migration.title}`;
    });
    if (step === null) return taken;
    taken.push(step);
  }
}

/** Our migrations hold no semicolon but at the ends of statements. */
function statementsOf(text: string): string[] {
  return text
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
