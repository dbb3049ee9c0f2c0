/** Options of `stratos hub` that say where people sign in. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { oidcFault, type OidcSettings } from "@stratos/hub/settings";
import { CommandError, UsageError } from "../command-error.ts";
import { readGivenFile } from "../given-file.ts";
import { repeatable } from "./hub-options.ts";

export interface HubOidcOptions {
  readonly oidcIssuer?: string;
  readonly oidcClientId?: string;
  readonly oidcClientSecretFile?: string;
  readonly oidcScope: readonly string[];
  readonly oidcNameClaim: string;
  readonly oidcRolesClaim: string;
  readonly oidcRole: readonly { readonly value: string; readonly role: string }[];
  readonly publicUrl?: string;
}

export function oidcOptions(command: Command): Command {
  return command
    .option("--oidc-issuer <url>", "a provider of identities (OpenID Connect), where people may sign in")
    .option("--oidc-client-id <id>", "what the provider knows this hub by")
    .option("--oidc-client-secret-file <file>", "a file with its secret (default: a public client, which has none)")
    .addOption(repeatable("--oidc-scope <scope>", "asked for beside openid, such as groups"))
    .option("--oidc-name-claim <claim>", "names the principal, behind `oidc:`; none that users may choose", "sub")
    .option("--oidc-roles-claim <claim>", "whose values give roles; a path may have dots", "groups")
    .addOption(
      new Option("--oidc-role <value=role>", "who has this value has this role; *=ROLE: all (repeatable)")
        .argParser(collectRole)
        .default([], "none"),
    )
    .option("--public-url <url>", "the hub as browsers reach it (default: the address that is listened at)");
}

function collectRole(text: string, before: HubOidcOptions["oidcRole"]): HubOidcOptions["oidcRole"] {
  const at = text.lastIndexOf("=");
  const [value, role] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  if (value === "" || !/^[a-z][a-z0-9-]{0,62}$/.test(role)) throw new InvalidArgumentError("expected VALUE=ROLE");
  return [...before, { value, role }];
}

/** @returns undefined: no provider is named @throws UsageError, CommandError */
export function readOidc(options: HubOidcOptions): OidcSettings | undefined {
  const { oidcIssuer, oidcClientId, oidcClientSecretFile, publicUrl } = options;
  if (oidcIssuer === undefined) {
    const [other] = [oidcClientId, oidcClientSecretFile, options.oidcRole[0]].filter((one) => one !== undefined);
    if (other !== undefined) throw new UsageError("--oidc-issuer", "is missing: the other --oidc options are of it");
    return undefined;
  }
  if (oidcClientId === undefined) throw new UsageError("--oidc-client-id", "is missing: the provider gave it");
  const settings: OidcSettings = {
    issuer: oidcIssuer,
    clientId: oidcClientId,
    scopes: options.oidcScope,
    nameClaim: options.oidcNameClaim,
    rolesClaim: options.oidcRolesClaim,
    roles: options.oidcRole,
    ...(oidcClientSecretFile === undefined ? {} : { clientSecret: readSecret(oidcClientSecretFile) }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
  };
  const fault = oidcFault(settings);
  if (fault !== null) throw new UsageError("--oidc-issuer", fault);
  return settings;
}

function readSecret(path: string): string {
  const secret = readGivenFile(path).toString("utf8").trim();
  if (secret !== "") return secret;
  throw new CommandError(path, "is empty: it should hold the client's secret");
}
