/** What the hub that answers runs with, and what of it is changed while it runs. */
import type { ChangeableSetting, HubSettings } from "@stratos/hub-api";
import { closestName, slipsOfWord } from "@stratos/base";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import type { ApiAnswer, ApiRequest, ApiRoute } from "./route.ts";
import { SETTING_VALUE, SETTING_VIEW } from "./schemas.ts";

const versioned = (body: ChangeableSetting): ApiAnswer => ({ body, version: body.version! });

/** @throws HubError as demandChangeable() */
function changeOf({ hub, parameters, principal, precondition }: ApiRequest) {
  const name = parameters["setting"]!;
  demandChangeable(hub, name);
  return { name, change: { actor: principal.name, version: precondition.version } };
}

export const SETTINGS_ROUTES: readonly ApiRoute[] = [
  {
    id: "getSettings",
    method: "get",
    path: "/settings",
    tag: "operation",
    permission: "setting:read",
    summary: "What the hub that answers runs with, by group, and which of it may be changed now; no secrets.",
    handle: async ({ hub }) => ({ body: settingsOf(hub) }),
  },
  {
    id: "getSetting",
    method: "get",
    path: "/settings/{setting}",
    tag: "operation",
    permission: "setting:read",
    answer: SETTING_VIEW,
    summary: "A setting that may be changed now, and who has set it.",
    handle: async ({ hub, parameters }) => {
      const name = parameters["setting"]!;
      demandChangeable(hub, name);
      return versioned(hub.settings.find(name));
    },
  },
  {
    id: "changeSetting",
    method: "put",
    path: "/settings/{setting}",
    tag: "operation",
    permission: "setting:change",
    takesConditions: "change",
    body: SETTING_VALUE,
    answer: SETTING_VIEW,
    summary:
      "Changes a setting of all hubs of this database, now and after their next start. One that counts from a start " +
      "on is refused with its option (409).",
    handle: async (request) => {
      const { name, change } = changeOf(request);
      return versioned(await request.hub.settings.set(name, (request.body as { value: unknown }).value, change));
    },
  },
  {
    id: "resetSetting",
    method: "delete",
    path: "/settings/{setting}",
    tag: "operation",
    permission: "setting:change",
    takesConditions: "change",
    answer: SETTING_VIEW,
    summary: "Takes back what was set: a hub's option counts again, or its default.",
    handle: async (request) => {
      const { name, change } = changeOf(request);
      return versioned(await request.hub.settings.reset(name, change));
    },
  },
];

export function settingsOf(hub: HubService): HubSettings {
  return hub.options.settings?.() ?? { groups: {}, changeable: hub.settings.list() };
}

/** @throws HubError 404 for a name that there is not, with what was meant; 409 for what takes a restart */
export function demandChangeable(hub: HubService, name: string): void {
  if (hub.settings.value(name as never) !== undefined) return;
  const options = optionsOf(settingsOf(hub));
  if (options.includes(name))
    throw new HubError(
      409,
      "needs-restart",
      `${name}: a hub takes it when it is started anew: \`stratos hub --${name} …\``,
    );
  const near = closestName(name, options, slipsOfWord);
  throw new HubError(
    404,
    "no-such-setting",
    `${name}: there is no such setting; ` +
      (near === undefined ? "GET /v1/settings lists them" : `did you mean ${near}?`),
  );
}

/** Names of the options that settings are called after: of `--lease, s` and `rules of --failure-rules`. */
function optionsOf({ groups }: HubSettings): string[] {
  return Object.values(groups).flatMap((rows) =>
    Object.keys(rows).flatMap((row) => /--([a-z0-9-]+)/.exec(row)?.[1] ?? []),
  );
}
