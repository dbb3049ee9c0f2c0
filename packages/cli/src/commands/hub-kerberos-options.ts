/** Options of `stratos hub` that say whose Kerberos tickets it takes. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { isPrincipalPattern, serviceKeys, type KerberosSettings } from "@stratos/hub/settings";
import { CommandError, UsageError } from "../command-error.ts";
import { readGivenFile } from "../given-file.ts";

export interface HubKerberosOptions {
  readonly kerberosKeytab?: string;
  readonly kerberosRole: KerberosSettings["roles"];
}

export function kerberosOptions(command: Command): Command {
  return command
    .option("--kerberos-keytab <file>", "keys of HTTP/HOST@REALM: who shows a ticket for them is signed in")
    .addOption(
      new Option(
        "--kerberos-role <principal=role>",
        "NAME@REALM has this role; * is any one part of a name, as in */admin@REALM (repeatable)",
      )
        .argParser(collectRole)
        .default([], "none"),
    );
}

function collectRole(text: string, before: KerberosSettings["roles"]): KerberosSettings["roles"] {
  const at = text.lastIndexOf("=");
  const [pattern, role] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  if (!isPrincipalPattern(pattern) || !/^[a-z][a-z0-9-]{0,62}$/.test(role))
    throw new InvalidArgumentError("expected NAME@REALM=ROLE");
  return [...before, { pattern, role }];
}

/** @returns undefined: no keytab is named @throws UsageError, CommandError */
export function readKerberos({
  kerberosKeytab: file,
  kerberosRole: roles,
}: HubKerberosOptions): KerberosSettings | undefined {
  if (file === undefined) {
    if (roles.length > 0) throw new UsageError("--kerberos-keytab", "is missing: --kerberos-role is of it");
    return undefined;
  }
  if (roles.length === 0)
    throw new UsageError("--kerberos-role", "is missing: nobody would have a role, so that nobody could sign in");
  const keytab = readGivenFile(file);
  try {
    serviceKeys(keytab);
  } catch (error) {
    throw new CommandError(file, (error as Error).message, { cause: error });
  }
  return { keytab, roles };
}
