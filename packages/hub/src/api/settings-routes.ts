/** What the hub that answers runs with, and what of it is changed while it runs. */
import type { HubSettings } from "@stratos/hub-api";
import { closestName, slipsOfWord } from "@stratos/base";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import type { ApiRequest, ApiRoute } from "./route.ts";
import { SETTING_VALUE, SETTING_VIEW } from "./schemas.ts";

const settingOf = ({ parameters }: ApiRequest): string => parameters["setting"]!;

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
    id: "changeSetting",
    method: "put",
    path: "/settings/{setting}",
    tag: "operation",
    permission: "setting:change",
    body: SETTING_VALUE,
    answer: SETTING_VIEW,
    summary:
      "Changes a setting of all hubs of this database, now and after their next start. One that counts from a start " +
      "on is refused with its option (409).",
    handle: async (request) => {
      const name = settingOf(request);
      demandChangeable(request.hub, name);
      const { value } = request.body as { value: unknown };
      return { body: await request.hub.settings.set(name, value, request.principal.name) };
    },
  },
  {
    id: "resetSetting",
    method: "delete",
    path: "/settings/{setting}",
    tag: "operation",
    permission: "setting:change",
    answer: SETTING_VIEW,
    summary: "Takes back what was set: a hub's option counts again, or its default.",
    handle: async (request) => {
      const name = settingOf(request);
      demandChangeable(request.hub, name);
      return { body: await request.hub.settings.reset(name, request.principal.name) };
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
