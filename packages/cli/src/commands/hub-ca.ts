/** `stratos hub ca`: certificates of workers. */
import type { Command } from "commander";
import type { CertificateView } from "@stratos/hub-api";
import { OperationError } from "@stratos/operation";
import { hubFailure } from "@stratos/hub/client";
import { hubUrl, withHub, type HubOptions } from "../hub/hub-client.ts";
import { listOf, printJson, type Listing } from "../hub/hub-listing.ts";
import { noun, parseSeconds, repeatable, row } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface Common extends HubOptions {
  readonly json?: true;
}

export function caCommand(finish: Finish): Command {
  const ca = noun("ca", "certificates by which workers prove which host they are");
  ca.addCommand(
    row(
      "enrol",
      "let a host have a certificate",
      "Prints a token by which one worker gets the certificate of this host, once: `stratos worker --name HOST " +
        "--enrol-file FILE`. The hub must serve over TLS.",
    )
      .argument("<host>", "its name at the hub")
      .option("--expires <time>", "until when it must be used", parseSeconds, 3_600)
      .addOption(jsonOption())
      .action(async (host: string, options: Common & { expires: number }) => finish(await enrolHost(host, options))),
  );
  ca.addCommand(
    row("ls", "list certificates", "Lists certificates of workers.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await listCertificates(options))),
  );
  ca.addCommand(
    row(
      "revoke",
      "revoke certificates",
      "Revokes certificates, for good. What shows one is refused from its next request on.",
    )
      .argument("[serial...]", "their serial numbers (`hub ca ls`)")
      .addOption(repeatable("--host <host>", "all of a host's that are good"))
      .action(async (serials: string[], options: HubOptions & { host: readonly string[] }) =>
        finish(await revokeCertificates(serials, options)),
      ),
  );
  for (const [name, file, summary, description] of [
    ["show", "certificate.pem", "print the hub's authority", "Prints the certificate that signs those of workers."],
    [
      "crl",
      "revoked.pem",
      "print the revoked certificates",
      "Prints the list of revoked certificates (RFC 5280), for a proxy that checks certificates itself.",
    ],
  ] as const)
    ca.addCommand(
      row(name, summary, `${description} It takes no key.`).action(async (options: HubOptions) =>
        finish(await printFile(file, options)),
      ),
    );
  return ca;
}

/** The token alone on stdout, so that it can go into a file. */
function enrolHost(host: string, options: Listing & { readonly expires: number }): Promise<number> {
  return withHub(options, async (client) => {
    const made = await client.call<{ token: string }>("POST", "/certificates/invitations", {
      host,
      expiresSeconds: options.expires,
    });
    if (options.json === true) printJson(made);
    else process.stdout.write(`${made.token}\n`);
  });
}

function listCertificates(options: Listing): Promise<number> {
  return listOf<CertificateView>("/certificates", options, {
    SERIAL: ({ serial }) => serial,
    HOST: ({ host }) => host,
    STATE: ({ state }) => state,
    CREATED: ({ created }) => created,
    EXPIRES: ({ expires }) => expires,
  });
}

function revokeCertificates(
  serials: readonly string[],
  options: HubOptions & { readonly host: readonly string[] },
): Promise<number> {
  return withHub(options, async (client) => {
    const { items } = await client.call<{ items: CertificateView[] }>("GET", "/certificates");
    const ofHosts = items.filter(({ host, state }) => options.host.includes(host) && state === "good");
    const lacking = options.host.find((host) => !ofHosts.some((one) => one.host === host));
    if (lacking !== undefined) throw new OperationError("hub", lacking, "has no certificate that is good");
    const all = [...serials, ...ofHosts.map(({ serial }) => serial)];
    if (all.length === 0) throw new OperationError("option", "hub ca revoke", "expected serial numbers, or --host");
    for (const serial of all) await client.call("DELETE", `/certificates/${encodeURIComponent(serial)}`);
  });
}

async function printFile(file: string, options: HubOptions): Promise<number> {
  const url = hubUrl(options);
  try {
    const response = await fetch(`${url}/ca/${file}`);
    if (!response.ok) throw new OperationError("hub", url, `HTTP ${response.status}: this hub has no authority`);
    process.stdout.write(await response.text());
    return 0;
  } catch (error) {
    throw hubFailure(error, url);
  }
}
