import { deprecationHeaders } from "./deprecation.ts";
import { takesKey } from "./idempotency.ts";
import { PATH_PARAMETERS } from "./path-parameters.ts";
import type { ApiRoute, JsonSchema } from "./route.ts";
import { PROBLEM } from "./schemas.ts";

/** The API in OpenAPI 3.1, from the same schemas by which requests are checked. */
export function openApiDocument(routes: readonly ApiRoute[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) (paths[`/v1${route.path}`] ??= {})[route.method] = operation(route);
  return {
    openapi: "3.1.1",
    info: {
      title: "Stratos hub",
      version,
      description: "Tasks, hosts, artefacts and their audit. Errors are problems (RFC 9457).",
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } }, schemas: { Problem: PROBLEM } },
    paths,
  };
}

function operation(route: ApiRoute): Record<string, unknown> {
  const header = (name: string, description: string): unknown => ({
    name,
    in: "header",
    required: false,
    schema: { type: "string" },
    description,
  });
  const parameters = [
    ...[...route.path.matchAll(/\{(\w+)\}/g)].map((match) => ({
      name: match[1],
      in: "path",
      required: true,
      schema: PATH_PARAMETERS[match[1]!] ?? { type: "string" },
    })),
    ...Object.entries(route.query ?? {}).map(([name, { schema, description }]) => ({
      name,
      in: "query",
      required: false,
      schema,
      description,
    })),
    ...(takesKey(route) ? [header("Idempotency-Key", "the same request with the same key is carried out once")] : []),
    ...(route.takesConditions === undefined
      ? []
      : [header("If-Match", "the ETag that was read; 412 when the thing has changed since")]),
    ...(route.takesConditions === "put" ? [header("If-None-Match", "`*`: 412 when there is one already")] : []),
    ...(route.answers === "events" ? [header("Last-Event-ID", "goes on behind this event")] : []),
  ];
  const media: Record<string, string> = {
    json: "application/json",
    bytes: "application/octet-stream",
    events: "text/event-stream",
  };
  const answers = route.answers ?? "json";
  const content =
    answers === "nothing"
      ? {}
      : { content: { [media[answers]!]: { schema: answers === "json" ? (route.answer ?? {}) : { type: "string" } } } };
  const problem = {
    description: "a problem",
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  };
  return {
    operationId: route.id,
    summary: route.summary,
    tags: [route.tag],
    "x-permission": route.permission,
    ...(route.deprecated === undefined ? {} : { deprecated: true }),
    parameters,
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.isBodyOptional !== true,
            content: { "application/json": { schema: route.body } },
          },
        }),
    ...(route.takes === "bytes"
      ? {
          requestBody: {
            required: true,
            content: { "application/octet-stream": { schema: { type: "string" } as JsonSchema } },
          },
        }
      : {}),
    responses: {
      [String(route.status ?? 200)]: { description: "done", ...headersOf(route), ...content },
      ...Object.fromEntries(
        Object.entries(route.problems ?? {}).map(([status, description]) => [status, { ...problem, description }]),
      ),
      default: { ...problem, ...headersOf(route) },
    },
  };
}

function headersOf(route: ApiRoute): Record<string, unknown> {
  const entries = Object.entries(deprecationHeaders(route));
  if (entries.length === 0) return {};
  const header = ([name, example]: [string, string]): [string, unknown] => [
    name,
    { schema: { type: "string" }, example },
  ];
  return { headers: Object.fromEntries(entries.map(header)) };
}
