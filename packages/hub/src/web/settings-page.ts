/** `/settings`: what the hub that answers runs with. Of secrets it says that there are some. */
import { html } from "hono/html";
import type { HubSettings } from "@stratos/hub-api";
import { page, table, type Html, type Reader } from "./pages.ts";

export function settingsPage(settings: HubSettings, who: Reader): Html {
  const groups = Object.entries(settings.groups);
  return page(
    { title: "Settings", who, here: "/settings" },
    html`<p>What the hub that answered runs with: the options of <code>stratos hub</code>. It takes others when it is
started anew.</p>
${groups.map(
  ([name, rows]) => html`<h2>${name}</h2>
${table(
  name,
  ["Setting", "Value"],
  Object.entries(rows).map(([setting, value]) => [setting, String(value ?? "–")]),
)}`,
)}`,
  );
}
