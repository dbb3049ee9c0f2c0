import { COMPLIANCE_STANDARDS } from "@stratos/hub-api";
import { PROFILE_ID } from "../profiling/profile-folder.ts";
import type { JsonSchema } from "./route.ts";
import { DIGEST_PATTERN } from "./schemas.ts";

const number = { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const name = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" };

/** Of people: `oidc:` and `kerberos:` stand before names of others, such as `kerberos:alice/admin@EXAMPLE.ORG`. */
const person = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._+@:$/-]{0,250}$" };

/** Parts of paths. What does not fit is nowhere: 404. */
export const PATH_PARAMETERS: Readonly<Record<string, JsonSchema>> = {
  source: { type: "string", pattern: "^[a-z0-9][a-z0-9+.-]{1,127}$" },
  task: number,
  run: number,
  workflow: number,
  webhook: number,
  delivery: number,
  host: name,
  channel: name,
  owner: person,
  role: name,
  policy: name,
  trigger: name,
  secret: name,
  template: name,
  plugin: name,
  failure: { type: "string", pattern: "^[0-9a-f]{16}$" },
  profile: { type: "string", pattern: PROFILE_ID.source },
  principal: person,
  token: name,
  serial: { type: "string", pattern: "^[0-9a-f]{2,40}$" },
  standard: { type: "string", enum: [...COMPLIANCE_STANDARDS] },
  setting: { type: "string", pattern: "^[a-z][a-z0-9-]{0,62}$" },
  digest: { type: "string", pattern: DIGEST_PATTERN },
};

export function fitsParameter(parameter: string, value: string): boolean {
  const schema = PATH_PARAMETERS[parameter];
  if (schema?.["type"] === "integer") return /^[1-9]\d{0,14}$/.test(value);
  if (schema?.["enum"] !== undefined) return (schema["enum"] as string[]).includes(value);
  return schema?.["pattern"] === undefined || new RegExp(schema["pattern"] as string).test(value);
}
