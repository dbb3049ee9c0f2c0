/** What a system has around it whenever it begins, or goes on; whoever its program is may show windows. */
import type { SystemSpec } from "@stratos/sdk/api";
import type { CreateRequest } from "@stratos/sdk/wire";
import type { Secrets } from "./system-secrets.ts";

type Surroundings = Pick<
  CreateRequest,
  "memoryBytes" | "network" | "net" | "ports" | "mounts" | "codeCache" | "display"
>;

export function surroundingsOf(spec: SystemSpec, secrets: Secrets): Surroundings {
  const { memoryBytes, network, policy, ca, ports, mounts, codeCache, display, user } = spec;
  const isPlain = policy === undefined && spec.secrets === undefined;
  const net = { policy: policy ?? "allow", secrets, ...(ca === undefined ? {} : { ca }) };
  return {
    ...{ memoryBytes, ports, mounts, codeCache },
    ...(isPlain ? { network } : { net }),
    display: display === true ? { user } : undefined,
  };
}
