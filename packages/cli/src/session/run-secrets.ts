/**
 * `--secret`: what programs have in place of secrets, and the authority that they trust, since the host ends their TLS
 * where a secret is put in (decision 0068).
 */
import { nodeTls } from "@stratos/engine-node/tls";
import { MachineFiles } from "@stratos/sdk/machine-files";
import { AUTHORITY_ENVIRONMENT, AUTHORITY_SUBJECT, standInsOf, writeAuthority } from "@stratos/sdk/secrets";
import type { EnvironmentSetting, MachineSession } from "@stratos/session";
import { UsageError } from "../command-error.ts";
import { type NetworkSecrets, secretsOf } from "./host-network.ts";
import type { RunOptions } from "./run-options.ts";

export interface RunSecrets {
  readonly ofNetwork: NetworkSecrets;
  /** Of programs. */
  readonly environment: readonly EnvironmentSetting[];
  /** Writes the authority where programs look for whom to trust. */
  attach(session: MachineSession): void;
}

/**
 * @param environment  the host's, which has the secrets
 * @throws UsageError  a secret cannot be; what the run leaves would trust an authority that is no more
 */
export async function openSecrets(
  { secret = [], record, keep }: Pick<RunOptions, "secret" | "record" | "keep">,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RunSecrets> {
  if (record !== undefined)
    throw new UsageError("--record", "a run with secrets is not recorded: a replay has no authority to trust");
  if (keep !== undefined)
    throw new UsageError("--keep", "a run with secrets is not kept: the image would trust the run's authority");
  const secrets = await secretsOf(secret, environment);
  const authority = await nodeTls.createAuthority(AUTHORITY_SUBJECT);
  const settings = { ...AUTHORITY_ENVIRONMENT, ...standInsOf(secrets) };
  return {
    ofNetwork: { secrets, tls: nodeTls.openGateway(authority, []) },
    environment: Object.entries(settings).map(([name, value]) => ({ name, value })),
    attach: ({ machine }) => {
      writeAuthority(new MachineFiles(machine.kernel), { authority, roots: nodeTls.trusted });
    },
  };
}
