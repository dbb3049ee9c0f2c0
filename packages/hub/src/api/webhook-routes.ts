/** Webhooks and their deliveries. */
import { closestName } from "@stratos/base";
import { EVENT_NAMES } from "../store/event-names.ts";
import {
  createWebhook,
  listDeliveries,
  listWebhooks,
  redeliver,
  redeliverDead,
  removeWebhook,
} from "../store/webhooks.ts";
import { deliverTest } from "../leader/deliver-webhooks.ts";
import { HubError } from "../store/hub-error.ts";
import { silentRoute, type ApiRoute } from "./route.ts";
import { WEBHOOK } from "./schemas.ts";

export const WEBHOOK_ROUTES: readonly ApiRoute[] = [
  {
    id: "listWebhooks",
    method: "get",
    path: "/webhooks",
    tag: "webhooks",
    permission: "webhook:read",
    summary: "Lists webhooks, without their secrets, and how many of their deliveries wait and are dead.",
    handle: async ({ hub }) => ({ body: { items: await listWebhooks(hub.database), next: null } }),
  },
  {
    id: "createWebhook",
    method: "post",
    path: "/webhooks",
    tag: "webhooks",
    permission: "webhook:change",
    body: WEBHOOK,
    status: 201,
    joinsTransaction: true,
    tellsOnce: "secret",
    summary: "Has events told to a URL, signed by the `secret` that is in this answer alone.",
    handle: async ({ hub, body, principal, inside }) => {
      const { url, events } = body as { url: string; events: string[] };
      if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
        throw new HubError(422, "bad-url", `${url}: expected a URL of http or https`);
      const { username, password } = new URL(url);
      // Nobody would be asked: fetch refuses it, and whoever may read webhooks would read the password.
      if (username !== "" || password !== "")
        throw new HubError(
          422,
          "bad-url",
          "the URL has a name or a password in it, which are not sent; deliveries are signed by the webhook's secret",
        );
      for (const [index, name] of events.entries()) requireEvent(name, `events[${index}]`);
      return { status: 201, body: await createWebhook(hub.database, { url, events }, principal.name, inside) };
    },
  },
  silentRoute(
    {
      id: "removeWebhook",
      method: "delete",
      path: "/webhooks/{webhook}",
      tag: "webhooks",
      permission: "webhook:change",
      summary: "Removes a webhook and its deliveries.",
    },
    ({ hub, parameters, principal }) => removeWebhook(hub.database, Number(parameters["webhook"]), principal.name),
  ),
  {
    id: "listDeliveries",
    method: "get",
    path: "/webhooks/{webhook}/deliveries",
    tag: "webhooks",
    permission: "webhook:read",
    summary: "The last hundred deliveries of a webhook; DEAD ones are tried no more.",
    handle: async ({ hub, parameters }) => ({
      body: { items: await listDeliveries(hub.database, Number(parameters["webhook"]), 100), next: null },
    }),
  },
  {
    id: "testWebhook",
    method: "post",
    path: "/webhooks/{webhook}/test",
    tag: "webhooks",
    permission: "webhook:change",
    changesNothing: true,
    status: 200,
    summary: "Tells a webhook of an event TEST, now and this once; the answer is the receiver's `status`, or why none.",
    handle: async ({ hub, parameters, principal }) => ({
      body: await deliverTest(hub.database, { webhook: Number(parameters["webhook"]), actor: principal.name }),
    }),
  },
  {
    id: "redeliverDead",
    method: "post",
    path: "/webhooks/{webhook}/retry",
    tag: "webhooks",
    permission: "webhook:change",
    joinsTransaction: true,
    status: 200,
    summary: "Tries all dead deliveries of a webhook again; `count` of them.",
    handle: async ({ hub, parameters, inside }) => {
      const count = await redeliverDead(inside ?? hub.database, Number(parameters["webhook"]));
      hub.housekeeping.nudge();
      return { body: { count } };
    },
  },
  {
    id: "redeliver",
    method: "post",
    path: "/deliveries/{delivery}/retry",
    tag: "webhooks",
    permission: "webhook:change",
    joinsTransaction: true,
    summary: "Tries a delivery now, whether it waits, is dead, or was delivered before.",
    answers: "nothing",
    status: 204,
    handle: async ({ hub, parameters, inside }) => {
      await redeliver(inside ?? hub.database, Number(parameters["delivery"]));
      hub.housekeeping.nudge();
      return { status: 204 };
    },
  },
];

/** A name that no event has would be waited for in vain. @throws HubError */
function requireEvent(name: string, field: string): void {
  if ((EVENT_NAMES as readonly string[]).includes(name)) return;
  const near = closestName(name.toUpperCase(), EVENT_NAMES, (meant) => Math.floor(meant.length / 3));
  const advice = near === undefined ? `there are ${EVENT_NAMES.join(", ")}` : `did you mean ${near}?`;
  throw new HubError(422, "bad-event", `${field}: ${name}: there is no such event; ${advice}`);
}
