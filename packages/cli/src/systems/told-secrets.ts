/** Secrets that a named system's supervisor is told: from this process's environment, over its own channel. */
import type { NetSecret } from "@stratos/sdk/api";
import type { SecretChoice } from "../option-values.ts";

/** @returns undefined: none were given. @throws UsageError */
export async function toldSecrets(
  choices: readonly SecretChoice[] | undefined,
): Promise<Readonly<Record<string, NetSecret>> | undefined> {
  if (choices === undefined) return undefined;
  const { secretsOf } = await import("../session/host-network.ts");
  return secretsOf(choices, process.env);
}
