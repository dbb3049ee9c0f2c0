/** Triggers, and the secrets that they name. */
import type { TriggerPush, TriggerView } from "@stratos/hub-api";
import { listSecrets, putSecret, removeSecret } from "../store/secrets.ts";
import { pollFaults } from "../triggers/poll-repositories.ts";
import { startedBy } from "../triggers/trigger-rules.ts";
import { findTrigger, listTriggerDeliveries, listTriggers, putTrigger, removeTrigger } from "../triggers/triggers.ts";
import { notFound } from "../store/hub-error.ts";
import { findTemplate } from "../store/templates.ts";
import { requireChannels } from "./task-routes.ts";
import { silentRoute, type ApiRequest, type ApiRoute } from "./route.ts";
import { SECRET, TRIGGER, TRIGGER_PUSH } from "./schemas.ts";

const name = ({ parameters }: ApiRequest): string => parameters["trigger"]!;
const DELIVERIES_MAX = 100;

export const TRIGGER_ROUTES: readonly ApiRoute[] = [
  {
    id: "listTriggers",
    method: "get",
    path: "/triggers",
    tag: "triggers",
    permission: "trigger:read",
    summary: "Lists triggers; `fault` is what went wrong when a repository was looked at last.",
    handle: async ({ hub }) => {
      const faults = await pollFaults(hub.database);
      const items = (await listTriggers(hub.database)).map((one) => ({ ...one, fault: faults.get(one.name) ?? null }));
      return { body: { items, next: null } };
    },
  },
  {
    id: "getTrigger",
    method: "get",
    path: "/triggers/{trigger}",
    tag: "triggers",
    permission: "trigger:read",
    summary: "A trigger.",
    handle: async (request) => {
      const body = await findTrigger(request.hub.database, name(request));
      return { body, version: body.version };
    },
  },
  {
    id: "putTrigger",
    method: "put",
    path: "/triggers/{trigger}",
    tag: "triggers",
    permission: "trigger:change",
    takesConditions: "put",
    body: TRIGGER,
    summary:
      "Makes or changes a trigger: pushes that start a task, or a template's. It takes the permissions to submit " +
      "these, and to use the secrets (`secret:use:NAME`). Forges deliver to /hooks/TRIGGER.",
    handle: async (request) => {
      const { branches = [], tags = [], paths = [], ...rule } = request.body as Omit<TriggerView, "name">;
      const { template } = rule;
      const wanted =
        template === undefined
          ? [rule.task ?? { kind: "", payload: {} }]
          : (await findTemplate(request.hub.database, template.name, template.version ?? null)).tasks;
      await requireChannels(request, wanted);
      const channels = [...new Set(wanted.map(({ channel = "default" }) => channel))];
      const trigger: TriggerView = {
        ...{ name: name(request), ...rule, branches, tags, paths },
        ...(template === undefined ? {} : { template: { ...template, values: template.values ?? {}, channels } }),
      };
      // Who says where a secret is sent could have it sent to himself.
      for (const secret of [trigger.secret, trigger.status?.secret])
        if (secret !== undefined) await request.require(`secret:use:${secret}`);
      const version = await putTrigger(request.hub.database, trigger, request.principal.name, request.precondition);
      return { body: { ...trigger, version }, version };
    },
  },
  silentRoute(
    {
      id: "removeTrigger",
      method: "delete",
      path: "/triggers/{trigger}",
      tag: "triggers",
      permission: "trigger:change",
      takesConditions: "change",
      summary: "Removes a trigger, and what is known of its deliveries.",
    },
    (request) => removeTrigger(request.hub.database, name(request), request.principal.name, request.precondition),
  ),
  {
    id: "testTrigger",
    method: "post",
    path: "/triggers/{trigger}/test",
    tag: "triggers",
    permission: "trigger:read",
    changesNothing: true,
    body: TRIGGER_PUSH,
    summary: "What a push would start, or why nothing; starts nothing.",
    handle: async (request) => {
      const trigger = await findTrigger(request.hub.database, name(request));
      const outcome = await startedBy(request.hub.database, trigger, request.body as TriggerPush);
      const submissions = typeof outcome === "string" ? [] : outcome.tasks;
      const why = typeof outcome === "string" ? outcome : null;
      return { body: { task: null, why, submission: submissions[0] ?? null, submissions } };
    },
  },
  {
    id: "listTriggerDeliveries",
    method: "get",
    path: "/triggers/{trigger}/deliveries",
    tag: "triggers",
    permission: "trigger:read",
    summary: `The last ${DELIVERIES_MAX} pushes that were told of: what each started, or why nothing.`,
    handle: async (request) => ({
      body: { items: await listTriggerDeliveries(request.hub.database, name(request), DELIVERIES_MAX), next: null },
    }),
  },
  {
    id: "listSecrets",
    method: "get",
    path: "/secrets",
    tag: "triggers",
    permission: "secret:read",
    summary: "Lists the names of secrets, and who set them.",
    handle: async ({ hub }) => ({ body: { items: await listSecrets(hub.database), next: null } }),
  },
  {
    id: "getSecret",
    method: "get",
    path: "/secrets/{secret}",
    tag: "triggers",
    permission: "secret:read",
    summary: "Who set a secret, and when; not what it is.",
    handle: async ({ hub, parameters }) => {
      const body = (await listSecrets(hub.database)).find(({ name }) => name === parameters["secret"]);
      if (body === undefined) throw notFound(`secret ${parameters["secret"]}`);
      return { body, version: body.version };
    },
  },
  {
    id: "putSecret",
    method: "put",
    path: "/secrets/{secret}",
    tag: "triggers",
    permission: "secret:change",
    takesConditions: "put",
    body: SECRET,
    answers: "nothing",
    status: 204,
    summary: "Sets a secret. It is told to nobody.",
    handle: async ({ hub, parameters, body, principal, precondition }) => {
      const secret = { name: parameters["secret"]!, value: (body as { value: string }).value };
      return { version: await putSecret(hub.database, secret, principal.name, precondition) };
    },
  },
  silentRoute(
    {
      id: "removeSecret",
      method: "delete",
      path: "/secrets/{secret}",
      tag: "triggers",
      permission: "secret:change",
      takesConditions: "change",
      summary: "Removes a secret that no trigger uses.",
    },
    ({ hub, parameters, principal, precondition }) =>
      removeSecret(hub.database, parameters["secret"]!, principal.name, precondition),
  ),
];
