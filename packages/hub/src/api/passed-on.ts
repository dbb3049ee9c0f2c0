/**
 * Requests that a console passes on (`stratos serve --hub`): who asks and from where is what the console says, when its
 * key may vouch for that role. Others who say so are refused, so that a header alone means nothing.
 */
import type { Context } from "hono";
import { GATEWAY_HEADERS } from "@stratos/hub-api";
import type { Principal } from "../access/access.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import type { AttemptLimit } from "./attempt-limit.ts";

interface PassedOn {
  /** Where the request came from, to the console. */
  readonly from: string;
  /** Null: the console vouches for nobody, and the request shows a key of the hub's own or is of a stranger. */
  readonly principal: Principal | null;
  /** Whom the console vouches for, as it is now; null when it may no longer. */
  again(): Promise<Principal | null>;
}

const VARIABLE = "passed on";
const CLIENT = /^[0-9A-Za-z.:%_-]{1,64}$/;
/** As principals are written, without what stands before a colon. */
const PERSON = /^[A-Za-z0-9][A-Za-z0-9._+@-]{0,127}$/;
const ROLE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Null: it came by itself. */
export function passedOn(context: Context): PassedOn | null {
  return (context.get(VARIABLE) as PassedOn | undefined) ?? null;
}

/**
 * Reads and checks what a console says of a request, for {@link passedOn}.
 *
 * @param from  where the console's connection comes from
 * @throws HubError 400, 401, 403, 429
 */
export async function readPassedOn(
  hub: HubService,
  context: Context,
  { attempts, from }: { readonly attempts: AttemptLimit; readonly from: string },
): Promise<void> {
  const key = context.req.header(GATEWAY_HEADERS.key);
  if (key === undefined) return;
  await hub.accessLog.prepare();
  const gateway = await hub.access.authenticate(key);
  const { method, path } = context.req;
  if (gateway === null) {
    // A console on the computer of somebody that guesses is served all the same.
    attempts.demandRoom(from, "keys");
    attempts.count(from);
    hub.accessLog.add({ actor: "nobody", isAllowed: false, permission: "authenticate", method, path, from });
    throw new HubError(401, "no-gateway", "the key of the console before this hub is unknown, expired or revoked");
  }
  const client = context.req.header(GATEWAY_HEADERS.client) ?? "";
  if (!CLIENT.test(client)) throw new HubError(400, "bad-gateway", `${GATEWAY_HEADERS.client}: expected an address`);
  const mayVouch = (of: string): boolean => hub.accessLog.wouldPermit(gateway, `identity:vouch:${of}`, { from });
  const person = context.req.header(GATEWAY_HEADERS.person);
  if (person === undefined) {
    // An address is said by those alone who may say more.
    if (!VOUCHABLE.some(mayVouch)) await hub.accessLog.demand(gateway, "identity:vouch", { method, path, from });
    const again: PassedOn["again"] = () => Promise.resolve(null);
    context.set(VARIABLE, { from: client, principal: null, again } satisfies PassedOn);
    return;
  }
  const role = context.req.header(GATEWAY_HEADERS.role) ?? "";
  if (!PERSON.test(person) || !ROLE.test(role))
    throw new HubError(400, "bad-gateway", "expected the name of a person, and of a role");
  if (!mayVouch(role)) await hub.accessLog.demand(gateway, `identity:vouch:${role}`, { method, path, from });
  const principal = await hub.access.vouchedFor(gateway, person, role);
  const again = async (): Promise<Principal | null> => {
    const now = await hub.access.authenticate(key);
    if (now === null || !hub.accessLog.wouldPermit(now, `identity:vouch:${role}`, { from })) return null;
    return hub.access.vouchedFor(now, person, role);
  };
  context.set(VARIABLE, { from: client, principal, again } satisfies PassedOn);
}

/** Roles of a hub that a console's own roles are. */
const VOUCHABLE = ["viewer", "operator", "admin"] as const;
