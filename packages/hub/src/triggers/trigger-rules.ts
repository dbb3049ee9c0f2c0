/** Which task a push starts: filters, and what is put into the task's texts. */
import type { TaskSubmission, TriggerPush, TriggerTask, TriggerView } from "@stratos/hub-api";
import { pushFault } from "./forges.ts";

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;
const PLACEHOLDERS = ["commit", "ref", "name", "repository", "clone"] as const;
const LABEL_MAX = 256;

/** `*`: any text without a slash; `**`: any text. */
export function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern
    .split(/(\*+)/)
    .map((part) =>
      part.startsWith("**") ? ".*" : part === "*" ? "[^/]*" : part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"),
    )
    .join("");
  return new RegExp(`^${source}$`, "s").test(text);
}

/** @returns the task, or why there is none in words */
export function applyTrigger(trigger: TriggerView, push: TriggerPush): TaskSubmission | string {
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
  const values = { ...push, name: name! };
  const fill = (text: string): string =>
    text.replace(PLACEHOLDER, (_, key: string) => values[key.trim() as (typeof PLACEHOLDERS)[number]]);
  const { label = "{{repository}} {{name}}", payload, ...task } = trigger.task;
  return {
    ...task,
    label: fill(label).slice(0, LABEL_MAX),
    payload: mapTexts(payload, fill) as TaskSubmission["payload"],
  };
}

/** A placeholder that is none, or null. */
export function unknownPlaceholder({ label = "", payload }: TriggerTask): string | null {
  let found: string | null = null;
  mapTexts([label, payload], (text) => {
    for (const [whole, key] of text.matchAll(PLACEHOLDER))
      if (!PLACEHOLDERS.some((known) => known === key!.trim())) found = whole;
    return text;
  });
  return found;
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]));
}
