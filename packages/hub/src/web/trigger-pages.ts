/**
 * Triggers: which there are, what was pushed, what it started or why nothing, and what a push would start.
 *
 *     GET /triggers
 *     GET /triggers/NAME?ref=REF
 */
import { Hono } from "hono";
import { html } from "hono/html";
import type { TaskSubmission, TriggerDeliveryView, TriggerView } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";
import type { HubService } from "../hub-service.ts";
import { pollFaults } from "../triggers/poll-repositories.ts";
import { startedBy } from "../triggers/trigger-rules.ts";
import { findTrigger, listTriggerDeliveries, listTriggers } from "../triggers/triggers.ts";
import type { PageVisit } from "./page-visit.ts";
import { page, table, taskLink, timeOf, type Html, type Reader } from "./pages.ts";

const HERE = "/triggers";
const DELIVERIES = 100;

export function triggerPages({ database }: HubService, { permitted }: PageVisit): Hono {
  const app = new Hono();
  app.get(HERE, async (context) => {
    const who = await permitted(context, "trigger:read");
    return context.html(triggersPage(await listTriggers(database), await pollFaults(database), who));
  });
  app.get(`${HERE}/:trigger`, async (context) => {
    const who = await permitted(context, "trigger:read");
    const trigger = await findTrigger(database, context.req.param("trigger"));
    const deliveries = await listTriggerDeliveries(database, trigger.name, DELIVERIES);
    const { ref = "" } = context.req.query();
    return context.html(
      triggerPage(trigger, deliveries, { ref, outcome: ref === "" ? null : await tried(database, trigger, ref) }, who),
    );
  });
  return app;
}

/** A push of which only the ref is known: of the trigger's repository, with files that fit. */
async function tried(on: Queryable, trigger: TriggerView, ref: string): Promise<Outcome> {
  const clone = trigger.url ?? "https://forge.example/repository.git";
  const { repository = "repository" } = trigger;
  const outcome = await startedBy(on, trigger, { ref, commit: "0".repeat(40), repository, clone, paths: null });
  if (typeof outcome === "string") return outcome;
  return outcome.workflow === null ? outcome.tasks[0]! : outcome.tasks;
}

type Outcome = TaskSubmission | readonly TaskSubmission[] | string;

function triggersPage(triggers: readonly TriggerView[], faults: ReadonlyMap<string, string>, who: Reader): Html {
  return page(
    { title: "Triggers", who, here: HERE },
    html`${table(
      "Triggers",
      ["Trigger", "Forge", "Repository", "Branches and tags", "Task", "Fault"],
      triggers.map((trigger) => [
        html`<a href="${HERE}/${trigger.name}">${trigger.name}</a>`,
        trigger.forge,
        trigger.repository ?? trigger.url ?? "any",
        refsOf(trigger),
        trigger.task?.kind ?? `template ${trigger.template!.name}`,
        faults.get(trigger.name) ?? "",
      ]),
    )}<p><code>stratos hub trigger set</code> makes them.</p>`,
  );
}

function refsOf({ branches, tags }: TriggerView): string {
  if (branches.length + tags.length === 0) return "all branches";
  return [...branches, ...tags.map((tag) => `tag ${tag}`)].join(", ");
}

function triggerPage(
  trigger: TriggerView,
  deliveries: readonly TriggerDeliveryView[],
  { ref, outcome }: { readonly ref: string; readonly outcome: Outcome | null },
  who: Reader,
): Html {
  const { name, forge, ...rule } = trigger;
  return page(
    { title: `Trigger ${name}`, who, here: HERE },
    html`<p>${forge === "git" ? "The repository is looked at" : html`Webhooks go to <code>/hooks/${name}</code>`}</p>
<h2>What a push would start</h2>
<form method="get" action="${HERE}/${name}"><label>Ref <input name="ref" value="${ref}" size="30" required
placeholder="refs/heads/main"></label> <button>Show</button></form>
${
  outcome === null
    ? ""
    : typeof outcome === "string"
      ? html`<p role="status">Nothing: ${outcome}</p>`
      : html`<div role="status"><pre tabindex="0">${JSON.stringify(outcome, null, 2)}</pre></div>`
}
<h2>Pushes</h2>${table(
      "Pushes, newest first",
      ["Time", "Ref", "Commit", "Task", "Why it started none"],
      deliveries.map(({ at, ref: pushed, commit, task, why }) => [
        timeOf(at),
        pushed,
        html`<code>${commit.slice(0, 12)}</code>`,
        task === null ? "" : taskLink(task, who),
        why ?? "",
      ]),
    )}
<h2>Rule</h2><pre tabindex="0">${JSON.stringify({ forge, ...rule }, null, 2)}</pre>`,
  );
}
