/**
 * Tells webhooks of events: a POST of the event as JSON, signed.
 *
 *     Stratos-Signature: t=1700000000,v1=hex(HMAC-SHA256(secret, "1700000000." + body))
 *     Stratos-Delivery: 42        the same for each attempt, so that a receiver can tell repetitions
 *
 * An answer of 2xx is a delivery. Else it is tried again after 2^attempt × 5 s; after twelve attempts, about six hours,
 * it is dead, and waits for somebody to ask for it again.
 */
import { createHmac, randomUUID } from "node:crypto";
import type { Database } from "../database/database.ts";
import { notFound } from "../store/hub-error.ts";
import { queueDeliveries } from "../store/webhooks.ts";
import type { Chore } from "./housekeeping.ts";
import { isSuccess, postJson } from "./post-json.ts";

export const DELIVERY_ATTEMPTS_MAX = 12;
const PAUSE_SECONDS = 5;
const TOGETHER_MAX = 16;
const KEPT_DAYS = 14;

export function webhookChore(database: Database, send: typeof fetch = fetch): Chore {
  return {
    name: "webhooks",
    everyMs: 1_000,
    work: async (limit) => {
      const queued = await queueDeliveries(database);
      const delivered = await deliverDue(database, send);
      await database.query(
        "delete from delivery where state <> 'WAITING' and created < now() - make_interval(days => $1)",
        [KEPT_DAYS],
      );
      return queued >= limit || delivered >= TOGETHER_MAX ? limit : 0;
    },
  };
}

interface Due {
  id: number;
  body: unknown;
  attempt: number;
  url: string;
  secret: string;
  now_seconds: number;
}

/** @returns how many were tried */
export async function deliverDue(database: Database, send: typeof fetch): Promise<number> {
  // Counted before it is sent: one that kills the hub does not do so for ever.
  const due = await database.query<Due>(`
    update delivery d set attempt = d.attempt + 1, due = now() + make_interval(secs => ${PAUSE_SECONDS} * power(2, \
d.attempt))
    from webhook w where w.id = d.webhook_id and d.id in (
      select id from delivery where state = 'WAITING' and due <= now() order by due limit ${TOGETHER_MAX} for update \
skip locked)
    returning d.id, d.body, d.attempt, w.url, w.secret, extract(epoch from now())::bigint as now_seconds`);
  await Promise.all(
    due.map(async (delivery) => {
      const { status, message } = await post(delivery, send);
      const state = isSuccess(status) ? "DELIVERED" : delivery.attempt >= DELIVERY_ATTEMPTS_MAX ? "DEAD" : "WAITING";
      await database.query("update delivery set state = $2, status = $3, message = $4 where id = $1", [
        delivery.id,
        state,
        status,
        message,
      ]);
    }),
  );
  return due.length;
}

/**
 * Tells a webhook of an event `TEST` that was none, now and this once. @throws HubError 404
 *
 * @returns the answer's status, or null and what went wrong in words
 */
export async function deliverTest(
  database: Database,
  { webhook, actor }: { webhook: number; actor: string },
  send: typeof fetch = fetch,
): ReturnType<typeof postJson> {
  const [found] = await database.query<Omit<Due, "id" | "body" | "attempt"> & { at: Date }>(
    "select url, secret, now() as at, extract(epoch from now())::bigint as now_seconds from webhook where id = $1",
    [webhook],
  );
  if (found === undefined) throw notFound(`webhook ${webhook}`);
  const { at, ...to } = found;
  const body = { id: 0, at: at.toISOString(), actor, what: "TEST", task: null, run: null, detail: null };
  // Of its own, since receivers pass over what they have had.
  return post({ ...to, id: `test-${randomUUID()}`, body }, send);
}

function post(
  { id, body, url, secret, now_seconds: now }: Omit<Due, "attempt" | "id"> & { readonly id: number | string },
  send: typeof fetch,
): ReturnType<typeof postJson> {
  const text = JSON.stringify(body);
  const signature = createHmac("sha256", secret).update(`${now}.${text}`).digest("hex");
  return postJson(send, url, {
    text,
    headers: { "stratos-signature": `t=${now},v1=${signature}`, "stratos-delivery": String(id) },
  });
}
