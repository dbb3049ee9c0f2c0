/** Channels, brakes, keys, roles, events, and the hub itself. */
import type { ComplianceStandard } from "@stratos/hub-api";
import { dumpDatabase } from "../backup/dump.ts";
import { complianceReport } from "../compliance/report.ts";
import {
  findChannel,
  listChannels,
  listOwnerBrakes,
  putOwnerBrake,
  putChannel,
  removeChannel,
  type Brake,
  type ChannelSettings,
} from "../store/channels.ts";
import { chainHead } from "../store/event-chain.ts";
import {
  EVENT_START,
  eventsAfter,
  lastAlerts,
  lastCursor,
  parseCursor,
  placeOf,
  requireNoneGone,
} from "../store/events.ts";
import { fsck } from "../store/fsck.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import { schemaVersion } from "../store/migrations/migrate.ts";
import { countQueue } from "../store/tasks.ts";
import { mayDo } from "../access/access.ts";
import { grants } from "../access/permissions.ts";
import type { Policy } from "../access/policies.ts";
import { eventStream } from "./event-stream.ts";
import { silentRoute, type ApiAnswer, type ApiRequest, type ApiRoute } from "./route.ts";
import { BRAKE, CHANNEL, EVENT_VIEW, page, POLICY, ROLE, time, TOKEN } from "./schemas.ts";
import { PAGE, PAGE_QUERY } from "./task-routes.ts";
import { readSpan } from "./time-span.ts";

const list = (items: unknown): { body: unknown } => ({ body: { items, next: null } });
const one = (request: ApiRequest, name: string): string => request.parameters[name]!;

/** @throws HubError 404 */
function found(
  items: readonly { readonly name: string; readonly version: number }[],
  kind: string,
  name: string,
): ApiAnswer {
  const body = items.find((item) => item.name === name);
  if (body === undefined) throw notFound(`${kind} ${name}`);
  return { body, version: body.version };
}

/**
 * Nobody gives others, or a key of their own, more than they may themselves: whoever may make keys or give roles would
 * be an administrator otherwise. A key for oneself is bounded by what one may anyway, whatever scopes it has.
 *
 * @throws HubError 403
 */
function demandOwn({ principal }: ApiRequest, permissions: readonly string[], { isForSelf = false } = {}): void {
  for (const permission of permissions) {
    const has = isForSelf ? principal.scopes.some((scope) => grants(scope, permission)) : mayDo(principal, permission);
    if (!has) throw new HubError(403, "forbidden", `${permission}: more than this key may itself`);
  }
}

interface NewToken {
  readonly principal: string;
  readonly scopes: readonly string[];
  readonly grants?: readonly string[];
  readonly note?: string;
  readonly expiresSeconds?: number;
}

const EVENTS_BATCH = 500;
const REPORT_DAYS = 90;

const channels: readonly ApiRoute[] = [
  {
    id: "listChannels",
    method: "get",
    path: "/channels",
    tag: "channels",
    permission: "channel:read",
    summary: "Lists channels.",
    handle: async ({ hub }) => list(await listChannels(hub.database)),
  },
  {
    id: "getChannel",
    method: "get",
    path: "/channels/{channel}",
    tag: "channels",
    permission: "channel:read",
    summary: "A channel.",
    handle: async (request) => {
      const body = await findChannel(request.hub.database, one(request, "channel"));
      return { body, version: body.version };
    },
  },
  {
    id: "putChannel",
    method: "put",
    path: "/channels/{channel}",
    tag: "channels",
    permission: "channel:change",
    takesConditions: "put",
    body: CHANNEL,
    summary:
      "Makes or changes a channel: its policy, which hosts its tasks are offered to, how long ended tasks are kept, " +
      "and its brakes.",
    handle: async (request) => {
      const channel = one(request, "channel");
      if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(channel))
        throw new HubError(422, "bad-name", `${channel}: names of channels are of a-z, 0-9, dot, dash and underscore`);
      const body = await putChannel(request.hub.database, channel, request.body as ChannelSettings, {
        actor: request.principal.name,
        ...request.precondition,
      });
      return { body, version: body.version };
    },
  },
  silentRoute(
    {
      id: "removeChannel",
      method: "delete",
      path: "/channels/{channel}",
      tag: "channels",
      permission: "channel:change",
      takesConditions: "change",
      summary: "Removes a channel without open tasks.",
    },
    (request) =>
      removeChannel(request.hub.database, one(request, "channel"), {
        actor: request.principal.name,
        version: request.precondition.version,
      }),
  ),
  {
    id: "listBrakes",
    method: "get",
    path: "/brakes",
    tag: "channels",
    permission: "channel:read",
    summary: "Lists the limits of owners.",
    handle: async ({ hub }) => list(await listOwnerBrakes(hub.database)),
  },
  {
    id: "getBrake",
    method: "get",
    path: "/brakes/{owner}",
    tag: "channels",
    permission: "channel:read",
    summary: "The limits of an owner.",
    handle: async (request) => {
      const owner = one(request, "owner");
      const body = (await listOwnerBrakes(request.hub.database)).find((brake) => brake.owner === owner);
      if (body === undefined) throw notFound(`brake of ${owner}`);
      return { body, version: body.version };
    },
  },
  {
    id: "putBrake",
    method: "put",
    path: "/brakes/{owner}",
    tag: "channels",
    permission: "brake:change",
    takesConditions: "put",
    body: BRAKE,
    summary: "Limits the tasks of an owner that are open, or that run, at once; without limits the brake goes.",
    handle: async (request) => {
      const { hub, principal, precondition } = request;
      const brake = { owner: one(request, "owner"), ...(request.body as Brake) };
      const kept = await putOwnerBrake(hub.database, brake, principal.name, precondition);
      hub.claims.wakeAll();
      return kept === null ? { body: brake } : { body: kept, version: kept.version };
    },
  },
];

const access: readonly ApiRoute[] = [
  {
    id: "whoAmI",
    method: "get",
    path: "/whoami",
    tag: "access",
    permission: "status:whoami",
    isScoped: true,
    summary: "Whose key this is, and what it may do.",
    handle: async ({ principal }) => ({
      body: {
        principal: principal.name,
        token: principal.keyId,
        permissions: principal.permissions,
        scopes: principal.scopes,
      },
    }),
  },
  silentRoute(
    {
      id: "revokeOwnToken",
      method: "delete",
      path: "/whoami",
      tag: "access",
      permission: "status:whoami",
      isScoped: true,
      problems: { 409: "no key of its own was shown" },
      summary: "Revokes the key that this request shows, as `hub logout --revoke` does.",
    },
    ({ hub, principal: { name, keyId, host, isVouchedFor } }) => {
      // Else whoever may look at a console would end it for all.
      if (isVouchedFor === true || host !== undefined)
        throw new HubError(409, "no-own-token", `${name} has shown no key of its own`);
      return hub.access.revokeKey(keyId, name);
    },
  ),
  {
    id: "listTokens",
    method: "get",
    path: "/tokens",
    tag: "access",
    permission: "token:read",
    summary: "Lists keys, without what they are.",
    handle: async ({ hub }) => list(await hub.access.listKeys()),
  },
  {
    id: "createToken",
    method: "post",
    path: "/tokens",
    tag: "access",
    permission: "token:create",
    body: TOKEN,
    status: 201,
    joinsTransaction: true,
    tellsOnce: "token",
    summary:
      "Makes a key. Its `token` is in this answer alone. Nobody can make one that may more than their own. `grants`: " +
      "roles that its owner is given with it, which takes `role:grant`; when one is refused, there is no key either.",
    handle: async (request) => {
      const key = request.body as NewToken;
      demandOwn(request, key.scopes, { isForSelf: key.principal === request.principal.name });
      if (key.grants !== undefined) {
        await request.require("role:grant");
        demandOwn(request, await request.hub.access.permissionsOfRoles(key.grants, request.inside));
      }
      return { status: 201, body: await request.hub.access.createKey(key, request.principal.name, request.inside) };
    },
  },
  silentRoute(
    {
      id: "revokeToken",
      method: "delete",
      path: "/tokens/{token}",
      tag: "access",
      permission: "token:revoke",
      summary: "Revokes a key.",
    },
    (request) => request.hub.access.revokeKey(one(request, "token"), request.principal.name),
  ),
  {
    id: "listRoles",
    method: "get",
    path: "/roles",
    tag: "access",
    permission: "role:read",
    summary: "Lists roles.",
    handle: async ({ hub }) => list(await hub.access.listRoles()),
  },
  {
    id: "getRole",
    method: "get",
    path: "/roles/{role}",
    tag: "access",
    permission: "role:read",
    summary: "A role.",
    handle: async (request) => found(await request.hub.access.listRoles(), "role", one(request, "role")),
  },
  {
    id: "putRole",
    method: "put",
    path: "/roles/{role}",
    tag: "access",
    permission: "role:change",
    takesConditions: "put",
    body: ROLE,
    summary: "Makes or changes a role. Circles are refused, and so is a role that may more than who makes it.",
    handle: async (request) => {
      const { inherits, permissions } = request.body as { inherits?: string[]; permissions?: string[] };
      const name = one(request, "role");
      if (!/^[a-z][a-z0-9-]{0,62}$/.test(name))
        throw new HubError(422, "bad-name", `${name}: names of roles are of a-z, 0-9 and dash`);
      const inherited = await request.hub.access.permissionsOfRoles(inherits ?? []);
      demandOwn(request, [...inherited, ...(permissions ?? [])]);
      const body = await request.hub.access.putRole(
        { name, inherits: inherits ?? [], permissions: permissions ?? [] },
        request.principal.name,
        request.precondition,
      );
      return { body, version: body.version };
    },
  },
  silentRoute(
    {
      id: "removeRole",
      method: "delete",
      path: "/roles/{role}",
      tag: "access",
      permission: "role:change",
      takesConditions: "change",
      summary: "Removes a role that nobody has.",
    },
    (request) => request.hub.access.removeRole(one(request, "role"), request.principal.name, request.precondition),
  ),
  {
    id: "listGrants",
    method: "get",
    path: "/grants",
    tag: "access",
    permission: "role:read",
    summary: "Lists who has which role.",
    handle: async ({ hub }) => list(await hub.access.listGrants()),
  },
  silentRoute(
    {
      id: "grantRole",
      method: "put",
      path: "/grants/{principal}/{role}",
      tag: "access",
      permission: "role:grant",
      summary: "Gives somebody a role, that may no more than who gives it.",
    },
    async (request) => {
      const role = one(request, "role");
      demandOwn(request, await request.hub.access.permissionsOfRoles([role]));
      await request.hub.access.grant(one(request, "principal"), role, request.principal.name);
    },
  ),
  silentRoute(
    {
      id: "takeRole",
      method: "delete",
      path: "/grants/{principal}/{role}",
      tag: "access",
      permission: "role:grant",
      summary: "Takes a role from somebody.",
    },
    (request) => request.hub.access.ungrant(one(request, "principal"), one(request, "role"), request.principal.name),
  ),
  {
    id: "listPolicies",
    method: "get",
    path: "/policies",
    tag: "access",
    permission: "role:read",
    summary: "Lists policies: conditions that requests have to meet beside roles.",
    handle: async ({ hub }) => list(await hub.policies.list()),
  },
  {
    id: "getPolicy",
    method: "get",
    path: "/policies/{policy}",
    tag: "access",
    permission: "role:read",
    summary: "A policy.",
    handle: async (request) => found(await request.hub.policies.list(), "policy", one(request, "policy")),
  },
  {
    id: "putPolicy",
    method: "put",
    path: "/policies/{policy}",
    tag: "access",
    permission: "policy:change",
    takesConditions: "put",
    body: POLICY,
    summary: "Makes or changes a policy. This takes a role, and is subject to no policy.",
    handle: async (request) => {
      const { principals = [], ...rule } = request.body as Omit<Policy, "name">;
      const policy = { name: one(request, "policy"), principals, ...rule };
      const version = await request.hub.policies.put(policy, request.principal.name, request.precondition);
      return { body: { ...policy, version }, version };
    },
  },
  silentRoute(
    {
      id: "removePolicy",
      method: "delete",
      path: "/policies/{policy}",
      tag: "access",
      permission: "policy:change",
      takesConditions: "change",
      summary: "Removes a policy.",
    },
    (request) => request.hub.policies.remove(one(request, "policy"), request.principal.name, request.precondition),
  ),
];

const EVENTS_GONE = {
  410:
    "Events behind this one were taken out of the hub by a rotation of the audit (`events-gone`); `first`, an event, " +
    "is the first that there still is, and its `cursor` goes on behind it.",
} as const;

const operation: readonly ApiRoute[] = [
  {
    id: "listEvents",
    method: "get",
    path: "/events",
    tag: "audit",
    permission: "event:read",
    summary: "What happened, in order.",
    answer: page(EVENT_VIEW),
    query: PAGE_QUERY,
    problems: EVENTS_GONE,
    handle: async ({ hub, query }) => {
      const limit = (query["limit"] as number | undefined) ?? PAGE;
      const cursor = query["cursor"] as string | undefined;
      const after = cursor === undefined ? EVENT_START : await placeOf(hub.database, parseCursor(cursor));
      const items = await eventsAfter(hub.database, after, limit);
      if (cursor !== undefined) await requireNoneGone(hub.database, after);
      return { body: { items, next: items.at(-1)?.cursor ?? null } };
    },
  },
  {
    id: "getChainHead",
    method: "get",
    path: "/events/head",
    tag: "audit",
    permission: "event:read",
    summary:
      "The number and hash of the last seal over the events. Kept elsewhere, it proves later that nothing before " +
      "was changed.",
    handle: async ({ hub }) => ({ body: await chainHead(hub.database) }),
  },
  {
    id: "followEvents",
    method: "get",
    path: "/events/stream",
    tag: "audit",
    permission: "event:read",
    answers: "events",
    problems: EVENTS_GONE,
    summary: "Follows what happens, from now or from Last-Event-ID.",
    handle: async (request) => {
      const { hub, headers } = request;
      const last = headers.get("last-event-id");
      let after = last === null ? await lastCursor(hub.database) : await placeOf(hub.database, parseCursor(last));
      if (last !== null) await requireNoneGone(hub.database, after);
      return eventStream(request, async () => {
        const items = await eventsAfter(hub.database, after, EVENTS_BATCH);
        if (items.length > 0) {
          // Taken out while a slow reader was behind them: the stream breaks off, and who comes back is told.
          if (after !== EVENT_START) await requireNoneGone(hub.database, after);
          after = parseCursor(items.at(-1)!.cursor);
        }
        return { events: items.map((item) => ({ id: item.cursor, event: item.what, data: item })), end: false };
      });
    },
  },
  {
    id: "listAlerts",
    method: "get",
    path: "/alerts",
    tag: "audit",
    permission: "event:read",
    summary: "The last alerts, the newest first. They are events, `ALERT`, of which webhooks can tell.",
    answer: page(EVENT_VIEW),
    query: { limit: PAGE_QUERY.limit },
    handle: async ({ hub, query }) => list(await lastAlerts(hub.database, (query["limit"] as number) ?? PAGE)),
  },
  {
    id: "getComplianceReport",
    method: "get",
    path: "/compliance/{standard}",
    tag: "audit",
    permission: "token:read",
    summary: "What the audit and the tables say of the clauses of a standard: evidence, and what to look at.",
    query: {
      since: { schema: time, description: "from when on (default: 90 days ago)" },
      until: { schema: time, description: "up to when, without it (default: now)" },
    },
    handle: async ({ hub, parameters, query }) => {
      const { since: from, until } = readSpan(query, REPORT_DAYS);
      const standard = parameters["standard"] as ComplianceStandard;
      return { body: await complianceReport(hub.database, standard, { from, until }, hub.options.isTls === true) };
    },
  },
  {
    id: "getStatus",
    method: "get",
    path: "/status",
    tag: "operation",
    permission: "status:read",
    summary: "The hub and its queue.",
    handle: async ({ hub }) => {
      const [leader] = await hub.database.query<{ holder: string; term: number }>("select holder, term from leader");
      return {
        body: {
          database: hub.database.name,
          schema: await schemaVersion(hub.database),
          leader: leader ?? null,
          leads: hub.leadership.isLeader,
          waitingHosts: hub.claims.waiting,
          watchers: hub.feed.watchers,
          queue: await countQueue(hub.database),
        },
      };
    },
  },
  {
    id: "runFsck",
    method: "post",
    path: "/fsck",
    tag: "operation",
    permission: "fsck:run",
    changesNothing: true,
    status: 200,
    summary: "Checks what must hold between rows, and the chain of events.",
    handle: async ({ hub }) => ({ body: { findings: await fsck(hub.database), head: await chainHead(hub.database) } }),
  },
  {
    id: "backUp",
    method: "get",
    path: "/backup",
    tag: "operation",
    permission: "backup:read",
    answers: "bytes",
    summary:
      "All rows of one moment, as JSON lines, while the hub works. It holds digests of keys and secrets of webhooks.",
    handle: async ({ hub, signal }) =>
      new Response(dumpDatabase(hub.database, signal), { headers: { "Content-Type": "application/x-ndjson" } }),
  },
];

export const ADMIN_ROUTES: readonly ApiRoute[] = [...channels, ...access, ...operation];
