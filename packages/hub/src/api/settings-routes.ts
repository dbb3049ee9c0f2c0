/** What the hub that answers runs with. */
import type { ApiRoute } from "./route.ts";

export const SETTINGS_ROUTES: readonly ApiRoute[] = [
  {
    id: "getSettings",
    method: "get",
    path: "/settings",
    tag: "operation",
    permission: "setting:read",
    summary: "What the hub that answers runs with, by group; no secrets.",
    handle: async ({ hub }) => ({ body: hub.options.settings ?? { groups: {} } }),
  },
];
