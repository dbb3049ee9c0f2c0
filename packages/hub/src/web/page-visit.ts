/** Who looks at a page, and whether they may; the decision is written down. */
import type { Context } from "hono";
import type { Principal } from "../access/access.ts";
import type { Circumstances } from "../access/policies.ts";
import type { Reader } from "./pages.ts";

export interface Visitor extends Reader {
  readonly principal: Principal;
}

export interface PageVisit {
  /** @throws HubError 403; who is not signed in is sent to do so */
  permitted(context: Context, permission: string): Promise<Visitor>;
  /** @param task  that it is about @throws HubError 403 */
  require(context: Context, principal: Principal, permission: string, task?: Circumstances["task"]): Promise<void>;
}
