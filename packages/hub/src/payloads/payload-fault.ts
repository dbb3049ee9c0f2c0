/** Whether a task's payload is one that workers take: told when it is submitted, not when a worker has it at last. */
import type { TaskSubmission } from "@stratos/hub-api";
import { readBuildPayload } from "./build-payload.ts";
import { readCommandPayload } from "./command-payload.ts";

type Reader = (payload: Readonly<Record<string, unknown>>) => object | string;

/** Of kinds that are ours; workers may have others, by plugins. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["build", readBuildPayload],
  ["command", readCommandPayload],
]);

/** @returns why not, in words; null: it is, as far as is known */
export function payloadFault({ kind, payload }: Pick<TaskSubmission, "kind" | "payload">): string | null {
  const read = READERS.get(kind)?.(payload);
  return typeof read === "string" ? read : null;
}
