import type { JsonSchema } from "./route.ts";
import { DIGEST_PATTERN } from "./schemas.ts";

const number = { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const name = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" };

/** Of people: what a provider of identities tells stands behind `oidc:`. */
const person = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._+@:-]{0,250}$" };

/** Parts of paths. What does not fit is nowhere: 404. */
export const PATH_PARAMETERS: Readonly<Record<string, JsonSchema>> = {
  task: number,
  run: number,
  workflow: number,
  webhook: number,
  delivery: number,
  host: name,
  channel: name,
  owner: person,
  role: name,
  principal: person,
  token: name,
  serial: { type: "string", pattern: "^[0-9a-f]{2,40}$" },
  digest: { type: "string", pattern: DIGEST_PATTERN },
};

export function fitsParameter(parameter: string, value: string): boolean {
  const schema = PATH_PARAMETERS[parameter];
  if (schema?.["type"] === "integer") return /^[1-9]\d{0,14}$/.test(value);
  return schema?.["pattern"] === undefined || new RegExp(schema["pattern"] as string).test(value);
}
