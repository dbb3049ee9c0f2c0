/** Which tasks a push starts: filters, and what is put into the texts of a task, or into a template's values. */
import type { TaskSubmission, TriggerPush, TriggerView } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";
import { FilledTooLong, fillTexts } from "../payloads/fill-texts.ts";
import { HubError } from "../store/hub-error.ts";
import { findTemplate, tasksOf } from "../store/templates.ts";
import { pushFault } from "./forges.ts";

export const PUSH_PLACEHOLDERS = ["commit", "ref", "name", "repository", "clone"] as const;
const LABEL_MAX = 256;

/** `*`: any text without a slash; `**`: any text. Works in the product of both lengths: names come from outside. */
export function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.match(/\*+|[^*]/gs) ?? [];
  /** Parts that may come next. A star may be over before it has begun. */
  const withNext = (places: Iterable<number>): Set<number> => {
    const all = new Set(places);
    for (const place of all) if (parts[place]?.startsWith("*") === true) all.add(place + 1);
    return all;
  };
  let places = withNext([0]);
  for (let index = 0; index < text.length && places.size > 0; index++) {
    const char = text[index]!;
    const next: number[] = [];
    for (const place of places) {
      const part = parts[place];
      if (part?.startsWith("**") === true || (part === "*" && char !== "/")) next.push(place);
      else if (part !== "*" && part === char) next.push(place + 1);
    }
    places = withNext(next);
  }
  return places.has(parts.length);
}

/** What a push starts. */
interface Started {
  /** A template's tasks are one; null: a task alone. */
  readonly workflow: string | null;
  readonly tasks: readonly TaskSubmission[];
}

/** @returns why it starts nothing, in words; null: it is one of those that are meant */
export function refusalOf(trigger: TriggerView, push: TriggerPush): string | null {
  const fault = pushFault(push);
  if (fault !== null) return fault;
  if (trigger.repository !== undefined && trigger.repository !== push.repository)
    return `it is for ${trigger.repository}, not for ${push.repository}`;
  const [, kind, name] = /^refs\/(heads|tags)\/(.*)$/.exec(push.ref)!;
  const branches = trigger.branches.length + trigger.tags.length === 0 ? ["**"] : trigger.branches;
  const wanted = kind === "heads" ? branches : trigger.tags;
  if (!wanted.some((pattern) => matchesPattern(pattern, name!)))
    return wanted.length === 0
      ? `it is not for ${kind === "heads" ? "branches" : "tags"}`
      : `${kind === "heads" ? "branch" : "tag"} ${name} matches ${wanted.join(", ")} not`;
  const { paths } = push;
  if (trigger.paths.length > 0 && paths !== null)
    if (!paths.some((path) => trigger.paths.some((pattern) => matchesPattern(pattern, path))))
      return `no changed file matches ${trigger.paths.join(", ")}`;
  return null;
}

/** @returns what is started, or why nothing is, in words */
export async function startedBy(on: Queryable, trigger: TriggerView, push: TriggerPush): Promise<Started | string> {
  const refusal = refusalOf(trigger, push);
  if (refusal !== null) return refusal;
  const { commit, ref, repository, clone } = push;
  const values = { commit, ref, name: ref.replace(/^refs\/\w+\//, ""), repository, clone };
  if (trigger.task !== undefined) {
    const { label = "{{repository}} {{name}}", payload, ...task } = trigger.task;
    try {
      const filled = fillTexts({ label, payload }, values);
      const shown = filled.label.slice(0, LABEL_MAX).toWellFormed();
      return { workflow: null, tasks: [{ ...task, label: shown, payload: filled.payload }] };
    } catch (error) {
      if (error instanceof FilledTooLong) return error.message;
      throw error;
    }
  }
  const { name, version, values: given, channels } = trigger.template!;
  try {
    const template = await findTemplate(on, name, version ?? null);
    const tasks = tasksOf(template, fillTexts(given, values));
    const other = tasks.find(({ channel = "default" }) => !channels.includes(channel));
    const title = `${name} v${template.version}`;
    // Who may change templates is not therefore permitted what the trigger's maker was not.
    if (other !== undefined)
      return `${title} has a task for channel ${other.channel ?? "default"}, for which the trigger was not set`;
    return { workflow: title, tasks };
  } catch (error) {
    if (error instanceof HubError) return `template ${name}: ${error.message}`;
    throw error;
  }
}
