/** `/plugins`: which there are at the hub that answers, and whether they work. */
import { Hono } from "hono";
import { html } from "hono/html";
import type { PluginView } from "@stratos/hub-api";
import type { HubService } from "../hub-service.ts";
import type { PageVisit } from "./page-visit.ts";
import { page, table, type Html, type Reader } from "./pages.ts";

const HERE = "/plugins";

export function pluginPages({ plugins }: HubService, { permitted, require }: PageVisit): Hono {
  const app = new Hono();
  app.get(HERE, async (context) => {
    const who = await permitted(context, "plugin:read");
    return context.html(pluginsPage(plugins.list(), who));
  });
  app.post(`${HERE}/:plugin/restart`, async (context) => {
    const { principal } = await permitted(context, "plugin:read");
    await require(context, principal, "plugin:change");
    await plugins.restart(context.req.param("plugin"), principal.name);
    return context.redirect(HERE, 303);
  });
  return app;
}

function pluginsPage(plugins: readonly PluginView[], who: Reader): Html {
  const again = (name: string): Html =>
    html`<form method="post" action="${HERE}/${name}/restart"><button>Load anew</button></form>`;
  return page(
    { title: "Plugins", who, here: HERE },
    html`${table(
      "Plugins",
      ["Plugin", "State", "Version", "Description", "Asked about", "Calls", "Failures", "Last fault", ""],
      plugins.map(({ name, version, description, state, isRequired, hooks, events, calls, failures, message }) => [
        name,
        html`<span class="state ${state === "READY" ? "COMPLETED" : "FAILED"}">${state}</span>${
          isRequired ? ", required" : ""
        }`,
        version ?? "",
        description,
        [...(hooks.includes("submission") ? ["submissions"] : []), ...events].join(", "),
        calls,
        failures,
        message ?? "",
        who.may("plugin:change") ? again(name) : "",
      ]),
    )}<p><code>stratos hub --plugins FOLDER</code> loads them.</p>`,
  );
}
