/**
 * Looks at what happens, and raises alerts: events of their own (`ALERT`), of which webhooks tell, and which the pages
 * and `stratos hub alert ls` show.
 *
 *     brute-force          many keys, codes or tickets were refused from one address
 *     probing              somebody with a key was refused many times what it takes
 *     privileges-changed   who may what was changed, or a key was made for somebody else
 */
import type { Database, Queryable } from "../database/database.ts";
import { readNewEvents, type Progress } from "../store/event-readers.ts";
import { writeEvents, type NewEvent } from "../store/events.ts";
import type { Chore } from "./housekeeping.ts";

const BATCH_EVENTS = 5_000;
/** Within the window; less than the brake on attempts lets through in a minute (`AttemptLimit`). */
const REFUSED_MIN = { "brute-force": 10, probing: 20 } as const;
const WINDOW = "interval '5 minutes'";
/** An alert of the same rule and subject is not repeated for so long. */
const QUIET = "interval '10 minutes'";
const CHANGES = [
  "ROLE_GRANTED",
  "ROLE_TAKEN",
  "ROLE_CHANGED",
  "ROLE_REMOVED",
  "TOKEN_CREATED",
  "POLICY_CHANGED",
  "POLICY_REMOVED",
];

interface Seen {
  readonly actor: string;
  readonly what: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export function alertChore(database: Database): Chore {
  return {
    name: "alerts",
    everyMs: 1_000,
    work: async (limit) => ((await raiseAlerts(database)) >= BATCH_EVENTS ? limit : 0),
  };
}

/** @returns how many events were looked at */
export function raiseAlerts(database: Database): Promise<number> {
  return readNewEvents(database, "alerts", async (inside, after) => {
    const [moved] = await inside.query<Progress & { found: readonly Seen[] }>(
      `
      with e as materialized (
        select tx, id, actor, what, detail from event
        where (tx, id) > ($1::bigint, $2::bigint) and tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint \
order by tx, id limit $3
      )
      select (select count(*) from e) as seen, l.tx, l.id,
        (select coalesce(jsonb_agg(jsonb_build_object('actor', actor, 'what', what, 'detail', detail) order by tx, \
id), '[]') from e where what = 'REFUSED' or what = any($4)) as found
      from (select 1) one left join (select tx, id from e order by tx desc, id desc limit 1) l on true`,
      [after.tx, after.id, BATCH_EVENTS, CHANGES],
    );
    const { found } = moved!;
    const alerts: NewEvent[] = [];
    for (const event of found) {
      const text = changeIn(event);
      if (text !== null) alerts.push(alert("privileges-changed", event.actor, text, { by: event.what }));
    }
    const refused = found.filter(({ what }) => what === "REFUSED");
    const isSignIn = ({ detail }: Seen): boolean => detail["permission"] === "authenticate";
    for (const from of new Set(refused.filter(isSignIn).map(({ detail }) => String(detail["from"]))))
      alerts.push(...(await alertOfRefusals(inside, "brute-force", from)));
    for (const actor of new Set(refused.filter((event) => !isSignIn(event)).map((event) => event.actor)))
      alerts.push(...(await alertOfRefusals(inside, "probing", actor)));
    if (alerts.length > 0) await writeEvents(inside, alerts);
    return moved!;
  });
}

function alert(rule: string, subject: string, text: string, more: object): NewEvent {
  return { actor: "hub", what: "ALERT", detail: { rule, subject, text, ...more } };
}

/** @returns null: nothing that others should know */
function changeIn({ actor, what, detail }: Seen): string | null {
  const { principal, role, policy } = detail as { principal?: string; role?: string; policy?: string };
  switch (what) {
    case "ROLE_GRANTED":
      return `${actor} gave ${principal} the role ${role}`;
    case "ROLE_TAKEN":
      return `${actor} took the role ${role} from ${principal}`;
    case "ROLE_CHANGED":
      return `${actor} changed what the role ${role} may`;
    case "ROLE_REMOVED":
      return `${actor} removed the role ${role}`;
    case "POLICY_CHANGED":
      return `${actor} changed the policy ${policy}`;
    case "POLICY_REMOVED":
      return `${actor} removed the policy ${policy}`;
    case "TOKEN_CREATED":
      // Who signs in makes a key for themselves.
      return principal === actor ? null : `${actor} made a key for ${principal}`;
    default:
      return null;
  }
}

/** @param subject  an address for sign-ins, else who was refused */
async function alertOfRefusals(
  inside: Queryable,
  rule: keyof typeof REFUSED_MIN,
  subject: string,
): Promise<NewEvent[]> {
  const isOfRule =
    rule === "brute-force"
      ? "detail->>'permission' = 'authenticate' and detail->>'from' = $1"
      : "detail->>'permission' <> 'authenticate' and actor = $1";
  const [row] = await inside.query<{ count: number; since: Date; told: boolean }>(
    `select count(*) as count, min(at) as since, exists (
       select 1 from event where what = 'ALERT' and at > now() - ${QUIET} and detail->>'rule' = $2 and \
detail->>'subject' = $1
     ) as told from event where what = 'REFUSED' and at > now() - ${WINDOW} and ${isOfRule}`,
    [subject, rule],
  );
  const { count, since, told } = row!;
  if (count < REFUSED_MIN[rule] || told) return [];
  const text =
    rule === "brute-force"
      ? `${count} failed sign-ins from ${subject} in five minutes`
      : `${subject} was refused ${count} requests in five minutes`;
  return [alert(rule, subject, text, { count, since: since.toISOString() })];
}
