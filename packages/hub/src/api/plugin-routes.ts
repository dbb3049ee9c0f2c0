/** Plugins of the hub that answers. */
import type { ApiRoute } from "./route.ts";

export const PLUGIN_ROUTES: readonly ApiRoute[] = [
  {
    id: "listPlugins",
    method: "get",
    path: "/plugins",
    tag: "plugins",
    permission: "plugin:read",
    summary: "Lists the plugins of the hub that answers: whether they work, and what went wrong last.",
    handle: async ({ hub }) => ({ body: { items: hub.plugins.list(), next: null } }),
  },
  {
    id: "restartPlugin",
    method: "post",
    path: "/plugins/{plugin}/restart",
    tag: "plugins",
    permission: "plugin:change",
    status: 200,
    summary: "Loads a plugin of the hub that answers anew, from its files as they are now.",
    handle: async ({ hub, parameters, principal }) => ({
      body: await hub.plugins.restart(parameters["plugin"]!, principal.name),
    }),
  },
];
