/** Whether what did not come as a request is a task that could have: what plugins answer. */
import type { TaskSubmission } from "@stratos/hub-api";
import { Ajv2020 } from "ajv/dist/2020.js";
import { payloadFault } from "../payloads/payload-fault.ts";
import { addDateTime } from "./date-time-format.ts";
import { FAULTS_WITH_SCHEMAS, schemaFault } from "./schema-fault.ts";
import { SUBMISSION } from "./schemas.ts";

const ajv = addDateTime(new Ajv2020({ strict: true, allowUnionTypes: true, ...FAULTS_WITH_SCHEMAS }));
const check = ajv.compile({
  ...SUBMISSION,
  // In its own batch; the store refuses places that are none.
  properties: { ...(SUBMISSION["properties"] as object), afterInBatch: { type: "array" } },
});

/** @returns why not, in words */
export function taskFault(task: unknown): string | null {
  if (!check(task)) return schemaFault(check.errors, "task", "task");
  const fault = payloadFault(task as TaskSubmission);
  return fault === null ? null : `task.${fault}`;
}
