/** What a form of the pages sends; of what is too long for one nothing is kept. */
import type { Context } from "hono";
import { wholeBody } from "../api/bounded-body.ts";
import { HubError } from "../store/hub-error.ts";

/** As much as a request of the API may have. */
const FORM_BYTES_MAX = 1 << 20;

/** @throws HubError 413, 415 */
export async function readForm(context: Context): Promise<URLSearchParams> {
  const type = context.req.header("content-type") ?? "";
  const body = await wholeBody(context, FORM_BYTES_MAX);
  if (body.length > 0 && !/^application\/x-www-form-urlencoded\b/i.test(type))
    throw new HubError(415, "bad-media", "expected a form of type application/x-www-form-urlencoded");
  return new URLSearchParams(body.toString("utf8"));
}
