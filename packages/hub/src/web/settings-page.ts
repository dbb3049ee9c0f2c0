/**
 * `/settings`: what the hub that answers runs with, and forms for what may be changed. Of secrets it says that there
 * are some.
 */
import { Hono } from "hono";
import { html, raw } from "hono/html";
import type { ChangeableSetting, HubSettings } from "@stratos/hub-api";
import { demandChangeable, settingsOf } from "../api/settings-routes.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import type { PageVisit } from "./page-visit.ts";
import { readForm } from "./read-form.ts";
import { page, table, timeOf, type Html, type Reader } from "./pages.ts";

const HERE = "/settings";

export function settingsPages(hub: HubService, { permitted, require }: PageVisit): Hono {
  const app = new Hono();
  app.get(HERE, async (context) => {
    const who = await permitted(context, "setting:read");
    return context.html(settingsPage(settingsOf(hub), who));
  });
  app.post(`${HERE}/:setting/:verb{set|reset}`, async (context) => {
    const { principal } = await permitted(context, "setting:read");
    await require(context, principal, "setting:change");
    const name = context.req.param("setting");
    demandChangeable(hub, name);
    const form = await readForm(context);
    const seen = form.get("version");
    if (seen !== null && !/^\d{1,9}$/.test(seen)) throw new HubError(422, "bad-form", `version ${seen}: there is none`);
    const change = { actor: principal.name, version: seen === null ? null : Number(seen) };
    if (context.req.param("verb") === "reset") await hub.settings.reset(name, change);
    else {
      const value = form.get("value");
      const isNumber = hub.settings.find(name).kind !== "choice";
      if (value === null || (isNumber && !/^\d{1,15}$/.test(value)))
        throw new HubError(422, "bad-setting", `${name}: expected a whole number`);
      await hub.settings.set(name, isNumber ? Number(value) : value, change);
    }
    return context.redirect(HERE, 303);
  });
  return app;
}

function settingsPage({ groups, changeable = [] }: HubSettings, who: Reader): Html {
  const forms = changeable.map((one) => [
    who.may("setting:change") ? changeForm(one) : html`${one.name}: ${one.value}`,
    one.setBy === null ? "" : html`${one.setBy}, ${timeOf(one.setAt)}`,
    one.setBy === null || !who.may("setting:change") ? String(one.started) : resetForm(one),
  ]);
  return page(
    { title: "Settings", who, here: HERE },
    html`<h2>Changed while it runs</h2>
<p>By all hubs of this database, now and after their next start, until it is taken back.</p>
${table("Settings that may be changed now", ["Setting", "Set by", "As it was started"], forms)}
<h2>What it runs with</h2>
<p>The hub that answered: the options of <code>stratos hub</code>. Those that are not above it takes when it is started
anew.</p>
${Object.entries(groups).map(
  ([name, rows]) => html`<h3>${name}</h3>
${table(
  name,
  ["Setting", "Value"],
  Object.entries(rows).map(([setting, value]) => [setting, String(value ?? "–")]),
)}`,
)}`,
  );
}

/** What says more than a unit. */
const MEANINGS: Readonly<Record<string, string>> = { "rate-limit": "a second, 0: no limit" };

/** A page that somebody left open changes nothing that has changed since. */
const seen = (version: number | undefined): Html => html`<input type="hidden" name="version" value="${version}">`;

function changeForm({ name, kind, unit, value, minimum, maximum, choices = [], version }: ChangeableSetting): Html {
  const meaning = MEANINGS[name] ?? unit ?? "";
  const field =
    kind === "choice"
      ? html`<select name="value">${choices.map(
          (one) => html`<option${raw(one === value ? " selected" : "")}>${one}</option>`,
        )}</select>`
      : html`<input type="number" name="value" value="${value}" min="${minimum}" max="${maximum}" required>`;
  return html`<form method="post" action="${HERE}/${name}/set">${seen(version)}
<label>${name} ${field} ${meaning}</label>
<button aria-label="Set ${name}">Set</button></form>`;
}

function resetForm({ name, started, version }: ChangeableSetting): Html {
  return html`${started} <form method="post" action="${HERE}/${name}/reset">${seen(version)}<button
aria-label="Take back ${name}">Take back</button></form>`;
}
