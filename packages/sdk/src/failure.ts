import { StateError } from "@stratos/base";
import { StratosError } from "./api.ts";
import type { Failure } from "./protocol.ts";

/** What a call's caller is told of what was thrown; a defect with all that its report needs. */
export function failureOf(error: unknown): Failure {
  if (error instanceof StratosError) return { kind: error.kind, message: error.message, data: error.data };
  if (error instanceof StateError) return { kind: "state", message: error.message, data: { reason: error.kind } };
  const log = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: "engine", message: `internal error: ${log}`, data: { exitCode: null, signal: null, log } };
}
