/** Secrets that others know, too: kept by name, used by name, never told. */
import type { Database, Queryable } from "../database/database.ts";
import { writeEvents } from "./events.ts";
import { HubError, notFound } from "./hub-error.ts";
import { demandCondition, UNCONDITIONAL, type Condition } from "./versions.ts";

interface SecretView {
  readonly name: string;
  readonly createdBy: string;
  readonly created: string;
  readonly version: number;
}

export async function listSecrets(on: Queryable): Promise<SecretView[]> {
  const rows = await on.query<Omit<SecretView, "created"> & { created: Date }>(
    'select name, created_by as "createdBy", created, version from secret order by name',
  );
  return rows.map((row) => ({ ...row, created: row.created.toISOString() }));
}

/** @returns its version. @throws HubError 412 */
export function putSecret(
  database: Database,
  { name, value }: { readonly name: string; readonly value: string },
  actor: string,
  condition: Condition = UNCONDITIONAL,
): Promise<number> {
  return database.transaction("read committed", async (inside) => {
    await demandCondition(inside, { kind: "secret", name }, condition);
    const [row] = await inside.query<{ version: number }>(
      "insert into secret (name, value, created_by) values ($1, $2, $3) on conflict (name) do update set value = $2, " +
        "created_by = $3, created = now(), version = secret.version + 1 returning version",
      [name, value, actor],
    );
    await writeEvents(inside, [{ actor, what: "SECRET_CHANGED", detail: { secret: name } }]);
    return row!.version;
  });
}

/** @throws HubError 409 while a trigger uses it, 412 */
export function removeSecret(
  database: Database,
  name: string,
  actor: string,
  condition: Condition = UNCONDITIONAL,
): Promise<void> {
  return database.transaction("read committed", async (inside) => {
    await demandCondition(inside, { kind: "secret", name }, condition);
    const rows = await inside.query("delete from secret where name = $1 returning name", [name]);
    if (rows.length === 0) throw notFound(`secret ${name}`);
    const [user] = await inside.query<{ name: string }>(
      "select name from ci_trigger where rule->>'secret' = $1 or rule->'status'->>'secret' = $1 limit 1",
      [name],
    );
    if (user !== undefined) throw new HubError(409, "secret-used", `trigger ${user.name} uses the secret ${name}`);
    await writeEvents(inside, [{ actor, what: "SECRET_REMOVED", detail: { secret: name } }]);
  });
}

export async function readSecret(on: Queryable, name: string): Promise<string | null> {
  return (await on.query<{ value: string }>("select value from secret where name = $1", [name]))[0]?.value ?? null;
}
