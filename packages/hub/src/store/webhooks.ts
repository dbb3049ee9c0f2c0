/** Who is told of events, and what of it was told. */
import { randomBytes } from "node:crypto";
import type { Database, Queryable } from "../database/database.ts";
import { writeEvents } from "./events.ts";
import { readNewEvents, type Progress } from "./event-readers.ts";
import { notFound } from "./hub-error.ts";

interface WebhookView {
  readonly id: number;
  readonly url: string;
  readonly events: readonly string[];
  readonly enabled: boolean;
  readonly owner: string;
}
interface DeliveryView {
  readonly id: number;
  readonly webhook: number;
  readonly state: "WAITING" | "DELIVERED" | "DEAD";
  readonly attempt: number;
  readonly status: number | null;
  readonly message: string | null;
  readonly created: string;
}

export function listWebhooks(database: Database): Promise<WebhookView[]> {
  return database.query<WebhookView>("select id, url, events, enabled, owner from webhook order by id");
}

/** @returns with the secret by which deliveries are signed, told this once */
export async function createWebhook(
  database: Database,
  { url, events }: { url: string; events: readonly string[] },
  owner: string,
  within?: Queryable,
): Promise<WebhookView & { secret: string }> {
  const secret = randomBytes(32).toString("base64url");
  const make = async (inside: Queryable): Promise<number> => {
    const [row] = await inside.query<{ id: number }>(
      "insert into webhook (url, secret, events, owner) values ($1, $2, $3, $4) returning id",
      [url, secret, [...events], owner],
    );
    await writeEvents(inside, [{ actor: owner, what: "WEBHOOK_CREATED", detail: { webhook: row!.id, url, events } }]);
    return row!.id;
  };
  const id = await (within === undefined ? database.transaction("read committed", make) : make(within));
  return { id, url, events, enabled: true, owner, secret };
}

export function removeWebhook(database: Database, id: number, actor: string): Promise<void> {
  return database.transaction("read committed", async (inside) => {
    const rows = await inside.query("delete from webhook where id = $1 returning id", [id]);
    if (rows.length === 0) throw notFound(`webhook ${id}`);
    await writeEvents(inside, [{ actor, what: "WEBHOOK_REMOVED", detail: { webhook: id } }]);
  });
}

export async function listDeliveries(database: Database, webhook: number, limit: number): Promise<DeliveryView[]> {
  const rows = await database.query<Omit<DeliveryView, "created"> & { created: Date }>(
    "select id, webhook_id as webhook, state, attempt, status, message, created from delivery where webhook_id = " +
      "$1 order by id desc limit $2",
    [webhook, limit],
  );
  if (rows.length === 0 && (await database.query("select 1 from webhook where id = $1", [webhook])).length === 0)
    throw notFound(`webhook ${webhook}`);
  return rows.map((row) => ({ ...row, created: row.created.toISOString() }));
}

/** A dead letter is tried again. */
export async function redeliver(on: Queryable, id: number): Promise<void> {
  const rows = await on.query(
    "update delivery set state = 'WAITING', attempt = 0, due = now() where id = $1 and state = 'DEAD' returning id",
    [id],
  );
  if (rows.length === 0) throw notFound(`dead delivery ${id}`);
}

const BATCH_EVENTS = 1_000;

/**
 * Makes deliveries of new events, none twice and none forgotten.
 * @returns how many events were looked at
 */
export function queueDeliveries(database: Database): Promise<number> {
  return readNewEvents(database, "webhooks", async (inside, after) => {
    const [moved] = await inside.query<Progress>(
      `
      with e as materialized (
        select tx, id, at, actor, what, task_id, run_id, detail from event
        where (tx, id) > ($1::bigint, $2::bigint) and tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint \
order by tx, id limit $3
      ), d as (
        insert into delivery (webhook_id, state, body)
        select w.id, 'WAITING', jsonb_build_object('id', e.id, 'at', e.at, 'actor', e.actor, 'what', e.what, 'task', \
e.task_id, 'run', e.run_id, 'detail', e.detail)
        from e join webhook w on w.enabled and e.what = any(w.events) order by e.tx, e.id
      )
      select (select count(*) from e) as seen, l.tx, l.id from (select 1) one left join (select tx, id from e order \
by tx desc, id desc limit 1) l on true`,
      [after.tx, after.id, BATCH_EVENTS],
    );
    return moved!;
  });
}
