/** The OpenAPI 3.1 description of the service, from its routes. */
import type { RestOperation, Schema } from "./rest-route.ts";

export interface ApiAbout {
  /** The path that all operations begin with. */
  readonly root: string;
  readonly title: string;
  readonly description: string;
  /** Where the token is, and what needs none. */
  readonly token: string;
}

export function openApiDocument(
  routes: readonly RestOperation[],
  about: ApiAbout,
  version: string,
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) (paths[about.root + route.path] ??= {})[route.method] = operation(route);
  return {
    openapi: "3.1.0",
    info: {
      title: about.title,
      version,
      description: `${about.description} Errors are problem details (RFC 9457).`,
      license: { name: "MIT OR Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: about.token,
        },
      },
      schemas: { Problem: PROBLEM },
    },
  };
}

const PROBLEM: Schema = {
  type: "object",
  properties: { title: { type: "string" }, status: { type: "integer" }, detail: { type: "string" } },
  required: ["title", "status", "detail"],
};

function operation(route: RestOperation): Record<string, unknown> {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(route.query ?? {}).map(([name, { schema, required, description }]) => ({
    name,
    in: "query",
    required: required === true,
    description,
    schema,
  }));
  const body =
    route.takesBytes === true
      ? { required: true, content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } } }
      : route.body === undefined
        ? undefined
        : { required: true, content: { "application/json": { schema: route.body } } };
  const type =
    route.answer === "bytes" ? "application/octet-stream" : route.answer === "text" ? "text/plain" : "application/json";
  const schema = typeof route.answer === "string" ? { type: "string" } : route.answer;
  return {
    operationId: route.id,
    summary: route.summary,
    ...(route.role === undefined ? {} : { "x-role": route.role }),
    parameters: [...inPath, ...inQuery],
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      [String(route.status ?? 200)]: { description: "done", content: { [type]: { schema } } },
      default: {
        description: "why not",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}
