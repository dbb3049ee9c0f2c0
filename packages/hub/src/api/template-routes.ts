/** Templates of tasks. */
import type { TemplateView } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";
import { submitTasks } from "../store/submit-tasks.ts";
import { findTemplate, listTemplates, putTemplate, removeTemplate, tasksOf } from "../store/templates.ts";
import { silentRoute, type ApiRequest, type ApiRoute } from "./route.ts";
import { TEMPLATE, TEMPLATE_VALUES } from "./schemas.ts";
import { admitOf, requireTasks } from "./task-routes.ts";

const name = ({ parameters }: ApiRequest): string => parameters["template"]!;

export const TEMPLATE_ROUTES: readonly ApiRoute[] = [
  {
    id: "listTemplates",
    method: "get",
    path: "/templates",
    tag: "templates",
    permission: "template:read",
    summary: "Lists templates, the last version of each.",
    handle: async ({ hub }) => ({ body: { items: await listTemplates(hub.database), next: null } }),
  },
  {
    id: "getTemplate",
    method: "get",
    path: "/templates/{template}",
    tag: "templates",
    permission: "template:read",
    query: {
      version: { schema: { type: "integer", minimum: 1, maximum: 2_000_000_000 }, description: "default: the last" },
    },
    summary: "A template: its parameters and tasks.",
    handle: async (request) => {
      const version = (request.query["version"] as number | undefined) ?? null;
      const body = await findTemplate(request.hub.database, name(request), version);
      return { body, version: body.version };
    },
  },
  {
    id: "putTemplate",
    method: "put",
    path: "/templates/{template}",
    tag: "templates",
    permission: "template:change",
    takesConditions: "put",
    body: TEMPLATE,
    summary: "Makes a template, or its next version; versions before stay as they are.",
    handle: async (request) => {
      const { description = "", parameters = {}, tasks } = request.body as Partial<TemplateView> & TemplateView;
      const template = { name: name(request), description, parameters, tasks };
      const body = await putTemplate(request.hub.database, template, request.principal.name, request.precondition);
      return { body, version: body.version };
    },
  },
  silentRoute(
    {
      id: "removeTemplate",
      method: "delete",
      path: "/templates/{template}",
      tag: "templates",
      permission: "template:change",
      takesConditions: "change",
      summary: "Removes a template, all versions.",
    },
    (request) => removeTemplate(request.hub.database, name(request), request.principal.name, request.precondition),
  ),
  {
    id: "submitTemplate",
    method: "post",
    path: "/templates/{template}/submit",
    tag: "templates",
    permission: "template:read",
    body: TEMPLATE_VALUES,
    status: 201,
    joinsTransaction: true,
    summary: "Submits the tasks of a template, with these values for its parameters, as one workflow.",
    handle: async (request) => {
      const body = await submitTemplate(request, name(request), request.body as TemplateValues);
      return { status: 201, body };
    },
  },
];

interface TemplateValues {
  readonly version?: number;
  readonly values?: Readonly<Record<string, string | number | boolean>>;
}

type Submitter = Pick<ApiRequest, "hub" | "principal" | "require" | "inside">;

/** @throws HubError 404, 403 for who may not submit such tasks, 422 for values that do not fit */
export function submitTemplate(
  request: Submitter,
  wanted: string,
  { version, values = {} }: TemplateValues,
): Promise<{ workflow: number; template: string; version: number; tasks: unknown }> {
  const owner = request.principal.name;
  const { database } = request.hub;
  const submit = async (inside: Queryable): ReturnType<typeof submitTemplate> => {
    const template = await findTemplate(inside, wanted, version ?? null);
    const tasks = tasksOf(template, values);
    await requireTasks(request, tasks);
    const [workflow] = await inside.query<{ id: number }>(
      "insert into workflow (name, owner) values ($1, $2) returning id",
      [`${template.name} v${template.version}`, owner],
    );
    const made = await submitTasks(database, tasks, {
      ...{ owner, inside, workflow: workflow!.id },
      admit: admitOf(request),
    });
    return { workflow: workflow!.id, template: template.name, version: template.version, tasks: made };
  };
  return request.inside === undefined ? database.transaction("read committed", submit) : submit(request.inside);
}
