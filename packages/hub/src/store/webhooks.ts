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
  /** Deliveries that are still tried, and that are tried no more. */
  readonly waiting: number;
  readonly dead: number;
}
interface DeliveryView {
  readonly id: number;
  readonly webhook: number;
  readonly state: "WAITING" | "DELIVERED" | "DEAD";
  /** What it tells of. */
  readonly event: string;
  readonly task: number | null;
  readonly attempt: number;
  readonly status: number | null;
  readonly message: string | null;
  readonly created: string;
  /** When it is tried again; null: it is not. */
  readonly next: string | null;
}

export function listWebhooks(on: Queryable): Promise<WebhookView[]> {
  return on.query<WebhookView>(`
    select id, url, events, enabled, owner, coalesce(waiting, 0) as waiting, coalesce(dead, 0) as dead
    from webhook w left join (
      select webhook_id, count(*) filter (where state = 'WAITING') as waiting,
        count(*) filter (where state = 'DEAD') as dead
      from delivery where state <> 'DELIVERED' group by webhook_id
    ) d on d.webhook_id = w.id
    order by id`);
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
  return { id, url, events, enabled: true, owner, waiting: 0, dead: 0, secret };
}

export function removeWebhook(database: Database, id: number, actor: string): Promise<void> {
  return database.transaction("read committed", async (inside) => {
    const rows = await inside.query("delete from webhook where id = $1 returning id", [id]);
    if (rows.length === 0) throw notFound(`webhook ${id}`);
    await writeEvents(inside, [{ actor, what: "WEBHOOK_REMOVED", detail: { webhook: id } }]);
  });
}

export async function listDeliveries(database: Database, webhook: number, limit: number): Promise<DeliveryView[]> {
  const rows = await database.query<Omit<DeliveryView, "created" | "next"> & { created: Date; next: Date | null }>(
    `
    select id, webhook_id as webhook, state, body->>'what' as event, (body->>'task')::bigint as task, attempt, status,
      message, created, case when state = 'WAITING' then due end as next
    from delivery where webhook_id = $1 order by id desc limit $2`,
    [webhook, limit],
  );
  if (rows.length === 0) await requireWebhook(database, webhook);
  return rows.map((row) => ({
    ...row,
    created: row.created.toISOString(),
    next: row.next?.toISOString() ?? null,
  }));
}

async function requireWebhook(on: Queryable, id: number): Promise<void> {
  if ((await on.query("select 1 from webhook where id = $1", [id])).length === 0) throw notFound(`webhook ${id}`);
}

const AGAIN = "update delivery set state = 'WAITING', attempt = 0, due = now()";

/** It is told now, whether it waits, is dead, or was told: the receiver may have lost it. @throws HubError 404 */
export async function redeliver(on: Queryable, id: number): Promise<void> {
  const rows = await on.query(`${AGAIN} where id = $1 returning id`, [id]);
  if (rows.length === 0) throw notFound(`delivery ${id}`);
}

/** All dead letters of a webhook are told now. @returns how many. @throws HubError 404 */
export async function redeliverDead(on: Queryable, webhook: number): Promise<number> {
  await requireWebhook(on, webhook);
  return (await on.query(`${AGAIN} where webhook_id = $1 and state = 'DEAD' returning id`, [webhook])).length;
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
