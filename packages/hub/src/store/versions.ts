/** What is put by name has a version, which counts its changes; a change may be made on the condition of one. */
import { ADVISORY_CLASSES } from "../database/advisory-locks.ts";
import type { Queryable } from "../database/database.ts";
import { HubError } from "./hub-error.ts";

export interface Condition {
  /** It must have this version; null: any. */
  readonly version: number | null;
  /** It must be there before, or must not; null: either. */
  readonly mustExist: boolean | null;
}

export const UNCONDITIONAL: Condition = { version: null, mustExist: null };

const VERSION_OF = {
  role: "select version from role where name = $1",
  policy: "select version from policy where name = $1",
  trigger: "select version from ci_trigger where name = $1",
  secret: "select version from secret where name = $1",
  brake: "select version from brake where scope = 'owner' and name = $1",
  template: "select version from template where name = $1 order by version desc limit 1",
} as const;

/**
 * Before something is put or removed. It stays so until the transaction ends.
 * @throws HubError 412 when the condition does not hold
 */
export async function demandCondition(
  inside: Queryable,
  what: { readonly kind: keyof typeof VERSION_OF; readonly name: string },
  { version, mustExist }: Condition,
): Promise<void> {
  const { kind, name } = what;
  await inside.query("select pg_advisory_xact_lock($1::int, hashtext($2))", [
    ADVISORY_CLASSES.change,
    `${kind} ${name}`,
  ]);
  if (version === null && mustExist === null) return;
  const [row] = await inside.query<{ version: number }>(VERSION_OF[kind], [name]);
  if (row === undefined && mustExist === true) throw new HubError(412, "changed", `${kind} ${name} is not there`);
  if (row !== undefined && mustExist === false)
    throw new HubError(412, "changed", `there is a ${kind} ${name} already`);
  if (row !== undefined && version !== null && row.version !== version)
    throw new HubError(412, "changed", `${kind} ${name} has changed: it is version ${row.version} now`);
}
