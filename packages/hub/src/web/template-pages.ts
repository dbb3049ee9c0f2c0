/**
 * Templates: which there are, and a form for the parameters of each that submits its tasks.
 *
 *     GET  /templates
 *     GET  /templates/NAME?version=N
 *     POST /templates/NAME             to the workflow that it became
 */
import { Hono, type Context } from "hono";
import { html, raw } from "hono/html";
import type { TemplateParameter, TemplateView } from "@stratos/hub-api";
import { wholeBody } from "../api/bounded-body.ts";
import { submitTemplate } from "../api/template-routes.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import { findTemplate, listTemplates } from "../store/templates.ts";
import type { PageVisit } from "./page-visit.ts";
import { page, table, timeOf, type Html, type Reader } from "./pages.ts";

const HERE = "/templates";
/** Links to so many versions; any can be asked for. */
const VERSIONS = 20;
const FORM_MAX = 1_000_000;
/** What a form has of each parameter, so that none is named as fields of the form itself are. */
const FIELD = "p:";

type Texts = Readonly<Record<string, string>>;

export function templatePages(hub: HubService, { permitted, require }: PageVisit): Hono {
  const app = new Hono();
  const { database } = hub;

  app.get(HERE, async (context) => {
    const who = await permitted(context, "template:read");
    return context.html(templatesPage(await listTemplates(database), who));
  });
  app.get(`${HERE}/:template`, async (context) => {
    const who = await permitted(context, "template:read");
    return context.html(await show(context, context.req.query("version"), { who, fault: null, texts: null }));
  });
  app.post(`${HERE}/:template`, async (context) => {
    const who = await permitted(context, "template:read");
    const { principal } = who;
    const texts = Object.fromEntries(new URLSearchParams((await wholeBody(context, FORM_MAX)).toString()));
    const template = await wanted(context, texts["version"]);
    const visit = {
      hub,
      principal,
      inside: undefined,
      require: (permission: string, task?: Parameters<typeof require>[3]) =>
        require(context, principal, permission, task),
    };
    try {
      const { version } = template;
      const made = await submitTemplate(visit, template.name, { version, values: valuesOf(template, texts) });
      return context.redirect(`/workflows/${made.workflow}`, 303);
    } catch (error) {
      if (!(error instanceof HubError) || error.status !== 422) throw error;
      const form = { who, fault: error.message, texts };
      return context.html(await show(context, texts["version"], form), 422);
    }
  });

  const wanted = (context: Context, text = ""): Promise<TemplateView> => {
    if (!/^([1-9]\d{0,8})?$/.test(text)) throw new HubError(404, "not-found", `version ${text}: there is none`);
    return findTemplate(database, context.req.param("template")!, text === "" ? null : Number(text));
  };
  const show = async (context: Context, version: string | undefined, form: Form): Promise<Html> => {
    const template = await wanted(context, version);
    return templatePage(template, (await findTemplate(database, template.name, null)).version, form);
  };
  return app;
}

interface Form {
  readonly who: Reader;
  readonly fault: string | null;
  /** What was sent; null: what is usual. */
  readonly texts: Texts | null;
}

/** What a form says. An empty field is a text, and no number: there the default is meant. */
function valuesOf({ parameters }: TemplateView, texts: Texts): Record<string, string | number | boolean> {
  const values: Record<string, string | number | boolean> = {};
  for (const [name, { type, choices }] of Object.entries(parameters)) {
    const text = texts[FIELD + name];
    if (type === "boolean" && choices === undefined) values[name] = text === "true";
    else if (text === undefined || (text === "" && type !== "string")) continue;
    // What is no number stays text, and is refused as such.
    else if (type === "integer") values[name] = /^-?\d+$/.test(text) ? Number(text) : text;
    else values[name] = type === "boolean" ? text === "true" : text;
  }
  return values;
}

function templatesPage(templates: readonly TemplateView[], who: Reader): Html {
  return page(
    { title: "Templates", who, here: HERE },
    table(
      "Templates",
      ["Template", "Version", "Description", "Tasks", "By", "Changed"],
      templates.map(({ name, version, description, tasks, owner, created }) => [
        html`<a href="${HERE}/${name}">${name}</a>`,
        version,
        description,
        tasks.length,
        owner,
        timeOf(created),
      ]),
    ),
  );
}

function templatePage(template: TemplateView, last: number, { who, fault, texts }: Form): Html {
  const { name, version, description, parameters, tasks, owner, created } = template;
  const [refused] = tasks.flatMap(({ channel = "default", label = "" }) => {
    const permission = `task:submit:${channel}`;
    return who.may(permission, { owner: who.name, label }) ? [] : [permission];
  });
  const versions = Array.from({ length: Math.min(last, VERSIONS) }, (_, index) => last - index);
  return page(
    { title: `Template ${name}`, who, here: HERE },
    html`<p>${description}</p><p>Version ${version} of ${last}, by ${owner}, ${timeOf(created)}</p>
${fault === null ? "" : html`<p role="alert">${fault}</p>`}
<form method="post" action="${HERE}/${name}"><input type="hidden" name="version" value="${version}">
<fieldset${raw(refused === undefined ? "" : " disabled")}>\
${Object.entries(parameters).map(([key, rule]) => field(key, rule, texts))}</fieldset>
${
  refused === undefined
    ? html`<p><button>Submit ${tasks.length} ${tasks.length === 1 ? "task" : "tasks"}</button></p>`
    : html`<p>To submit it takes the permission <code>${refused}</code>, within the policies.</p>`
}</form>
<h2>Versions</h2><p>${versions.map((one) =>
      one === version ? html`<strong>${one}</strong> ` : html`<a href="${HERE}/${name}?version=${one}">${one}</a> `,
    )}</p>
<h2>Tasks</h2><pre tabindex="0">${JSON.stringify(tasks, null, 2)}</pre>`,
  );
}

function field(key: string, rule: TemplateParameter, texts: Texts | null): Html {
  const { type, description = "", choices, default: usual, minimum, maximum } = rule;
  const name = FIELD + key;
  const value = texts === null ? String(usual ?? "") : (texts[name] ?? "");
  const bound = (word: string, limit: number | undefined): Html | string =>
    limit === undefined ? "" : html` ${word}="${limit}"`;
  const input =
    choices !== undefined
      ? html`<select name="${name}">${choices
          .map(String)
          .map((one) => html`<option value="${one}"${raw(one === value ? " selected" : "")}>${one}</option>`)}</select>`
      : type === "boolean"
        ? html`<input type="checkbox" name="${name}" value="true"${raw(value === "true" ? " checked" : "")}>`
        : type === "integer"
          ? html`<input type="number" name="${name}" value="${value}"${bound("min", minimum)}${bound("max", maximum)}\
${raw(usual === undefined ? " required" : "")}>`
          : html`<input name="${name}" value="${value}" size="40">`;
  return html`<p><label>${key} ${input}</label> ${description}</p>`;
}
