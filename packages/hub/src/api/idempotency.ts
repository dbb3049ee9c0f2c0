/**
 * Idempotency-Key: a request that changes something is carried out once for each key of who asks, and answered alike
 * each time. One rule for all routes (`takesKey`), of which there are two kinds. What a route does in the transaction
 * that notes the key (`joinsTransaction`) happens with the note or not at all. Of the others each is the same when it
 * is done twice; the key is noted before and its answer after, and a note without an answer, of a hub that died
 * meanwhile, is worth nothing after a while.
 */
import { createHash } from "node:crypto";
import type { Queryable } from "../database/database.ts";
import { jsonText } from "../database/json-text.ts";
import { HubError } from "../store/hub-error.ts";
import type { ApiAnswer, ApiRequest, ApiRoute } from "./route.ts";

/** Longer than any of them takes. */
const UNDER_WAY = "10 minutes";
const UNANSWERED = 0;

/**
 * Workers' routes take none: the token of a run, or the session of a host, says whether it was done already. Nor does
 * content, whose digest says so.
 */
export function takesKey({ method, tag, takes, changesNothing }: ApiRoute): boolean {
  return method !== "get" && tag !== "workers" && takes !== "bytes" && changesNothing !== true;
}

/** @throws HubError 400 for no key, 409 while it is under way, 422 for another request with the same key */
export function carryOutOnce(route: ApiRoute, request: ApiRequest, key: string): Promise<ApiAnswer> {
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new HubError(400, "bad-key", "Idempotency-Key: 1 to 255 printable characters");
  const hash = createHash("sha256")
    .update(`${route.id} ${JSON.stringify(request.parameters)} ${JSON.stringify(request.body)}`)
    .digest("hex");
  const note = [request.principal.name, key, hash];
  return route.joinsTransaction === true ? joined(route, request, note) : apart(route, request, note);
}

type Note = readonly string[];

function joined(route: ApiRoute, request: ApiRequest, note: Note): Promise<ApiAnswer> {
  return request.hub.database.transaction("read committed", async (inside) => {
    if (!(await begin(inside, note))) return answerOf(inside, route, note);
    const answer = (await route.handle({ ...request, inside })) as ApiAnswer;
    await end(inside, route, note, answer);
    return answer;
  });
}

async function apart(route: ApiRoute, request: ApiRequest, note: Note): Promise<ApiAnswer> {
  const { database } = request.hub;
  if (!(await begin(database, note))) return answerOf(database, route, note);
  try {
    const answer = (await route.handle(request)) as ApiAnswer;
    await end(database, route, note, answer);
    return answer;
  } catch (error) {
    await database
      .query("delete from idempotency where principal = $1 and key = $2 and status = $3", [
        ...note.slice(0, 2),
        UNANSWERED,
      ])
      // Then it is as if the hub had died.
      .catch(() => {});
    throw error;
  }
}

/** @returns whether it is to be carried out */
async function begin(on: Queryable, note: Note): Promise<boolean> {
  const rows = await on.query(
    `insert into idempotency (principal, key, request_hash, status, answer) values ($1, $2, $3, $4, 'null')
     on conflict (principal, key) do update set created = now()
     where idempotency.status = $4 and idempotency.request_hash = $3
       and idempotency.created < now() - interval '${UNDER_WAY}'
     returning 1`,
    [...note, UNANSWERED],
  );
  return rows.length > 0;
}

async function end(on: Queryable, route: ApiRoute, note: Note, { status, body }: ApiAnswer): Promise<void> {
  const kept =
    route.tellsOnce === undefined ? body : { ...(body as Readonly<Record<string, unknown>>), [route.tellsOnce]: null };
  await on.query("update idempotency set status = $3, answer = $4::jsonb where principal = $1 and key = $2", [
    ...note.slice(0, 2),
    status ?? route.status ?? 200,
    jsonText(kept ?? null),
  ]);
}

async function answerOf(on: Queryable, route: ApiRoute, [principal, key, hash]: Note): Promise<ApiAnswer> {
  const [before] = await on.query<{ request_hash: string; status: number; answer: unknown }>(
    "select request_hash, status, answer from idempotency where principal = $1 and key = $2",
    [principal, key],
  );
  if (before !== undefined && before.request_hash !== hash)
    throw new HubError(422, "key-reused", "this Idempotency-Key came with another request before");
  if (before === undefined || before.status === UNANSWERED)
    throw new HubError(409, "under-way", "the request that came with this Idempotency-Key first is not done yet", {
      headers: { "Retry-After": "1" },
    });
  if (route.tellsOnce !== undefined)
    throw new HubError(
      409,
      "told-once",
      `this request was carried out when it came first, and its \`${route.tellsOnce}\` was told in that answer alone`,
      { members: { made: before.answer as Readonly<Record<string, unknown>> } },
    );
  const { version } = (before.answer ?? {}) as { version?: unknown };
  return {
    ...{ status: before.status, body: before.answer },
    ...(typeof version === "number" ? { version } : {}),
    headers: { "Idempotent-Replayed": "true" },
  };
}
