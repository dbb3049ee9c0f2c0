/** What every REST service of ours does with a request, whatever it serves: checks it, refuses it. */
import type { Context, Env, Hono } from "hono";
import type { RestOperation } from "./rest-route.ts";

/** Bodies in JSON are small; content comes as bytes, without a bound of ours. */
const JSON_BODY_MAX = 1 << 20;

/** Why a request is not served, as its sender is told. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Of an Authorization header; empty: there is none. */
export function bearerToken(context: Context): string {
  return /^Bearer (.+)$/.exec(context.req.header("authorization") ?? "")?.[1] ?? "";
}

/** @throws Refusal for a page of another origin, which a browser names */
export function requireOwnOrigin(origin: string | undefined, host: string): void {
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    throw new Refusal(403, "requests from pages of other origins are not served");
}

/** Another site's name may lead here (DNS rebinding). */
export function isLoopbackName(host: string): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host);
}

/** @throws Refusal */
export function readQuery(
  context: Context,
  route: RestOperation,
): Record<string, string | number | boolean | undefined> {
  const given = context.req.query();
  const known = route.query ?? {};
  for (const name of Object.keys(given)) if (!(name in known)) throw new Refusal(400, `${name}: no such parameter`);
  const query: Record<string, string | number | boolean | undefined> = {};
  for (const [name, { schema, required }] of Object.entries(known)) {
    const value = given[name];
    if (value === undefined) {
      if (required === true) throw new Refusal(400, `${name}: missing`);
    } else if (schema["type"] === "integer") {
      if (!/^\d{1,15}$/.test(value)) throw new Refusal(400, `${name}: expected a number`);
      query[name] = Number(value);
    } else if (schema["type"] === "boolean") {
      if (value !== "true" && value !== "false") throw new Refusal(400, `${name}: expected true or false`);
      query[name] = value === "true";
    } else query[name] = value;
  }
  return query;
}

/** @throws Refusal */
export async function readJson(context: Context, lengthMax = JSON_BODY_MAX): Promise<Record<string, unknown>> {
  if (!/^application\/json\b/.test(context.req.header("content-type") ?? ""))
    throw new Refusal(415, "expected a body of type application/json");
  let text = "";
  // What is no UTF-8 would be another name or command than the one that was meant (RFC 8259, 8.1).
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decoded = (piece?: Uint8Array): string => {
    try {
      return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
    } catch {
      throw new Refusal(400, "the body is no JSON: it is not UTF-8");
    }
  };
  for await (const piece of (context.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoded(piece);
    if (text.length > lengthMax) throw new Refusal(413, "the body is too large");
  }
  text += decoded();
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new Refusal(400, `the body is no JSON: ${(error as Error).message}`);
  }
}

/** Of a path that no route answers; 405 where it answers other methods (RFC 9110, 15.5.6). */
export function notServed<E extends Env>(app: Hono<E>, context: Context): Response {
  const { method, path } = context.req;
  const isThere = (each: string): boolean =>
    app.router.match(each, path)[0].some(([[, { method: of }]]) => of === each);
  const methods = ["GET", "PUT", "POST", "DELETE"].filter(isThere);
  if (methods.length === 0)
    return problemDetails(context, 404, "there is nothing of this name; /v1/openapi.json describes what there is");
  const allow = methods.flatMap((each) => (each === "GET" ? ["GET", "HEAD"] : [each])).join(", ");
  context.header("Allow", allow);
  return problemDetails(context, 405, `${method} is not for this; ${allow}`);
}

/** RFC 9457. */
export function problemDetails(context: Context, status: number, detail: string): Response {
  return context.body(JSON.stringify({ title: TITLES[status] ?? "Error", status, detail }), status as 500, {
    "Content-Type": "application/problem+json",
    ...(status === 401 ? { "WWW-Authenticate": "Bearer" } : {}),
  });
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  500: "Internal Server Error",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};
