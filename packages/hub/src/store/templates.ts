/** Templates: tasks with parameters, by name and version. A version never changes; a change makes the next one. */
import type { TaskSubmission, TemplateParameter, TemplateView } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import { jsonText } from "../database/json-text.ts";
import { writeEvents } from "./events.ts";
import { FilledTooLong, fillTexts, unknownPlaceholder } from "../payloads/fill-texts.ts";
import { lastingFault } from "../payloads/lasting-fault.ts";
import { HubError, notFound } from "./hub-error.ts";
import { demandCondition, UNCONDITIONAL, type Condition } from "./versions.ts";

type Body = Pick<TemplateView, "description" | "parameters" | "tasks">;
type Value = string | number | boolean;
const LABEL_MAX = 256;

const COLUMNS = "name, version, body, owner, created";
interface Row {
  name: string;
  version: number;
  body: Body;
  owner: string;
  created: Date;
}
const viewOf = ({ body, created, ...row }: Row): TemplateView => ({ ...row, ...body, created: created.toISOString() });

/** The last version of each. */
export async function listTemplates(database: Database): Promise<TemplateView[]> {
  const rows = await database.query<Row>(
    `select distinct on (name) ${COLUMNS} from template order by name, version desc`,
  );
  return rows.map(viewOf);
}

/** @param version  null: the last @throws HubError 404 */
export async function findTemplate(on: Queryable, name: string, version: number | null): Promise<TemplateView> {
  const [row] = await on.query<Row>(
    `select ${COLUMNS} from template where name = $1 and ($2::int is null or version = $2) \
order by version desc limit 1`,
    [name, version],
  );
  if (row === undefined) throw notFound(`template ${name}${version === null ? "" : ` in version ${version}`}`);
  return viewOf(row);
}

/**
 * @returns the version that says so: the last one, when it does already. @throws HubError 412, 422 for what cannot work
 */
export function putTemplate(
  database: Database,
  { name, ...body }: Body & { readonly name: string },
  actor: string,
  condition: Condition = UNCONDITIONAL,
): Promise<TemplateView> {
  for (const [parameter, rule] of Object.entries(body.parameters)) {
    const fault = parameterFault(parameter, rule);
    if (fault !== null) throw new HubError(422, "bad-template", fault);
  }
  const known = Object.keys(body.parameters);
  const unknown = unknownPlaceholder(
    body.tasks.map(({ label, payload }) => [label, payload]),
    known,
  );
  if (unknown !== null)
    throw new HubError(422, "bad-template", `${unknown}: no such parameter; it has ${known.join(", ") || "none"}`);
  for (const [index, task] of body.tasks.entries()) {
    const fault = lastingFault(task, (parameter) => formsOf(body.parameters[parameter]!));
    if (fault !== null) throw new HubError(422, "bad-template", `tasks[${index}].${fault}`);
  }
  return database.transaction("read committed", async (inside) => {
    // Two changes at once make two versions.
    await inside.query("lock table template in share row exclusive mode");
    await demandCondition(inside, { kind: "template", name }, condition);
    const made = await inside.query(
      `
      with last as (select version, body from template where name = $1 order by version desc limit 1)
      insert into template (name, version, body, owner)
      select $1, coalesce((select version from last), 0) + 1, $2::jsonb, $3
      where not exists (select 1 from last where body = $2::jsonb) returning version`,
      [name, jsonText(body), actor],
    );
    const template = await findTemplate(inside, name, null);
    if (made.length > 0)
      await writeEvents(inside, [
        { actor, what: "TEMPLATE_CHANGED", detail: { template: name, version: template.version } },
      ]);
    return template;
  });
}

export async function removeTemplate(
  database: Database,
  name: string,
  actor: string,
  condition: Condition = UNCONDITIONAL,
): Promise<void> {
  await database.transaction("read committed", async (inside) => {
    await demandCondition(inside, { kind: "template", name }, condition);
    if ((await inside.query("delete from template where name = $1 returning 1", [name])).length === 0)
      throw notFound(`template ${name}`);
    await writeEvents(inside, [{ actor, what: "TEMPLATE_REMOVED", detail: { template: name } }]);
  });
}

/** @throws HubError 422 for values that are missing, unknown, or do not fit */
export function tasksOf(
  { name, parameters, tasks }: TemplateView,
  given: Readonly<Record<string, Value>>,
): TaskSubmission[] {
  const refuse = (why: string): never => {
    throw new HubError(422, "bad-parameter", why);
  };
  for (const parameter of Object.keys(given))
    if (!Object.hasOwn(parameters, parameter))
      refuse(`${parameter}: ${name} has no such parameter, but ${Object.keys(parameters).join(", ") || "none"}`);
  const values: Record<string, Value> = {};
  for (const [parameter, rule] of Object.entries(parameters)) {
    const value = Object.hasOwn(given, parameter) ? given[parameter] : rule.default;
    if (value === undefined) return refuse(`${parameter} is missing: ${wantedOf(rule)}`);
    if (!fits(value, rule)) refuse(`${parameter}: ${JSON.stringify(value)} is not ${wantedOf(rule)}`);
    values[parameter] = value;
  }
  try {
    // As one, so that what all of them become has one bound.
    const payloads = fillTexts(
      tasks.map(({ payload }) => payload),
      values,
    );
    return tasks.map((task, index) => ({
      ...task,
      ...(task.label === undefined ? {} : { label: filledLabel(task.label, values) }),
      payload: payloads[index]!,
    }));
  } catch (error) {
    throw error instanceof FilledTooLong ? new HubError(413, "too-large", `${name}: ${error.message}`) : error;
  }
}

const filledLabel = (label: string, values: Readonly<Record<string, Value>>): string =>
  String(fillTexts(label, values)).slice(0, LABEL_MAX).toWellFormed();

/**
 * Of values that are known only in part.
 * @param isLater  whether a value is yet to become what it will be
 * @returns what can never fit, in words
 */
export function valuesFault(
  { name, parameters }: TemplateView,
  given: Readonly<Record<string, Value>>,
  isLater: (value: Value) => boolean,
): string | null {
  for (const [parameter, value] of Object.entries(given)) {
    if (!Object.hasOwn(parameters, parameter)) return `${parameter}: ${name} has no such parameter`;
    const rule = parameters[parameter]!;
    if (!isLater(value) && !fits(value, rule)) return `${parameter}: ${JSON.stringify(value)} is not ${wantedOf(rule)}`;
    // What is put in is text.
    if (isLater(value) && rule.type !== "string") return `${parameter}: what is pushed is text, not ${wantedOf(rule)}`;
  }
  for (const [parameter, rule] of Object.entries(parameters))
    if (!Object.hasOwn(given, parameter) && rule.default === undefined)
      return `${parameter} is missing: ${wantedOf(rule)}`;
  return null;
}

/** Some values that a parameter may have; undefined: any text. */
function formsOf(rule: TemplateParameter): readonly Value[] | undefined {
  const { type, choices, minimum, maximum, default: usual } = rule;
  if (choices !== undefined) return choices;
  if (type === "boolean") return [true, false];
  const ends = [minimum, maximum, usual, 1].filter((value) => value !== undefined);
  return type === "string" ? undefined : ends.filter((value) => fits(value, rule));
}

/**
 * Of a template's tasks, with values that are known only in part.
 *
 * @returns what no worker takes, whatever is filled in later
 */
export function lastingTemplateFault(
  { name, parameters, tasks }: TemplateView,
  given: Readonly<Record<string, Value>>,
): string | null {
  const usual = Object.entries(parameters).map(([parameter, rule]) => [parameter, rule.default!]);
  const values: Record<string, Value> = { ...Object.fromEntries(usual), ...given };
  try {
    for (const [index, task] of tasks.entries()) {
      const fault = lastingFault({ ...task, payload: fillTexts(task.payload, values) });
      if (fault !== null) return `${name}: tasks[${index}].${fault}`;
    }
  } catch (error) {
    if (error instanceof FilledTooLong) return `${name}: ${error.message}`;
    throw error;
  }
  return null;
}

function parameterFault(name: string, rule: TemplateParameter): string | null {
  const { choices, default: usual } = rule;
  const odd = [...(choices ?? []), ...(usual === undefined ? [] : [usual])].find((value) => !fits(value, rule));
  return odd === undefined ? null : `${name}: ${JSON.stringify(odd)} is not ${wantedOf(rule)}`;
}

function fits(value: Value, { type, choices, minimum, maximum }: TemplateParameter): boolean {
  if (type === "integer" ? !Number.isSafeInteger(value) : typeof value !== type) return false;
  if (choices !== undefined && !choices.includes(value)) return false;
  return typeof value !== "number" || (value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity));
}

function wantedOf({ type, choices, minimum, maximum }: TemplateParameter): string {
  if (choices !== undefined) return `one of ${choices.join(", ")}`;
  const bounds = [minimum === undefined ? "" : ` from ${minimum}`, maximum === undefined ? "" : ` to ${maximum}`];
  return { string: "text", integer: `a whole number${bounds.join("")}`, boolean: "true or false" }[type];
}
