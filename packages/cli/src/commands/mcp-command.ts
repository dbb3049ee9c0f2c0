/** `stratos mcp`: sandboxes as tools for agents. */
import { Command, Option } from "commander";
import { join } from "node:path";
import type { SharedFolder } from "@stratos/images";
import type { SandboxOptions } from "@stratos/sdk/api";
import { stratosHome } from "@stratos/host-node/home";
import { VERSION } from "@stratos/sdk/version";
import { UsageError } from "../command-error.ts";
import {
  type NetTarget,
  parseImageName,
  parseListen,
  parseMemory,
  parseNetTarget,
  type SecretChoice,
  parseVolume,
} from "../option-values.ts";
import { requireNetwork } from "../session/network-options.ts";
import { warnOfSharedToken } from "../shared-token.ts";
import type { Finish } from "./row-options.ts";
import { secretOption } from "./run-options.ts";

export function mcpCommand(finish: Finish): Command {
  return new Command("mcp")
    .summary("serve sandboxes as tools for agents")
    .description(
      "Serves sandboxes as tools of the Model Context Protocol: over standard streams, for a client that starts this " +
        "command, or over HTTP with --listen. All sandboxes end with it.",
    )
    .option("-i, --image <name>", "image of sandboxes (default: the settings' image)", parseImageName)
    .option("--memory <size>", "memory of each sandbox (default: 2G)", parseMemory)
    .addOption(
      new Option("--net <how>", "what sandboxes reach of the network").choices(["none", "host"]).default("none"),
    )
    .addOption(
      new Option(
        "--allow <target[:ports]>",
        "with --net host: let programs connect to this alone, as `run --allow` (repeatable)",
      ).argParser(parseNetTarget),
    )
    .addOption(
      new Option("--deny <target[:ports]>", "… and never to this, whatever is allowed (repeatable)").argParser(
        parseNetTarget,
      ),
    )
    .addOption(secretOption("programs of sandboxes"))
    .addOption(
      new Option("-v, --volume <spec>", "HOST:GUEST[:ro]: a folder of the host that each sandbox sees (repeatable)")
        .argParser(parseVolume)
        .default([] as readonly SharedFolder[], "none"),
    )
    .addOption(new Option("--max <n>", "sandboxes at once").argParser(parseCount).default(16))
    .option(
      "--listen <address>",
      "serve HTTP there, at /mcp: HOST:PORT of the loopback; port 0 takes a free one",
      parseListen,
    )
    .option(
      "--token-file <file>",
      "the token that HTTP requests need (Authorization: Bearer …); made when it is not there (default: mcp.token in " +
        "$STRATOS_HOME)",
    )
    .action(async (options: McpCommandOptions) => finish(await serveTools(options)));
}

interface McpCommandOptions {
  readonly image?: string;
  readonly memory?: number;
  readonly net: "none" | "host";
  readonly allow?: readonly NetTarget[];
  readonly deny?: readonly NetTarget[];
  readonly secret?: readonly SecretChoice[];
  readonly volume: readonly SharedFolder[];
  readonly max: number;
  readonly listen?: { readonly host: string; readonly port: number };
  readonly tokenFile?: string;
}

/** @throws UsageError  rules or secrets without a network; a rule or a secret cannot be */
async function networkOf({
  net,
  allow = [],
  deny = [],
  secret = [],
}: McpCommandOptions): Promise<Pick<SandboxOptions, "network" | "net">> {
  requireNetwork(net, { allow, deny, secret });
  if (allow.length + deny.length + secret.length === 0) return { network: net };
  const { policyOf, secretsOf } = await import("../session/host-network.ts");
  return { net: { policy: await policyOf(allow, deny), secrets: await secretsOf(secret, process.env) } };
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!(Number.isInteger(count) && count >= 1 && count <= 1000)) throw new UsageError("--max", "1 to 1000 is expected");
  return count;
}

async function serveTools(given: McpCommandOptions): Promise<number> {
  const { image, memory, volume, max, listen, tokenFile } = given;
  if (tokenFile !== undefined && listen === undefined) throw new UsageError("--token-file", "is for --listen");
  if (listen !== undefined && !/^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(listen.host))
    throw new UsageError("--listen", `${listen.host}: only addresses of the loopback are served`);
  const { fittingMemory } = await import("../session/machine-options.ts");
  const memoryBytes = memory === undefined ? undefined : fittingMemory(memory);
  const network = await networkOf(given);
  const { serveOverHttp, serveOverStdio } = await import("@stratos/mcp");
  const options = {
    version: VERSION,
    most: max,
    sandbox: {
      ...network,
      mounts: volume.map(({ host, guest, isReadOnly }) => ({ host, guest, readOnly: isReadOnly })),
      ...(image === undefined ? {} : { image }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
    },
  };
  if (listen === undefined) {
    await serveOverStdio(options);
    return 0;
  }
  const { serviceToken } = await import("@stratos/volumes/serve");
  const token = serviceToken(tokenFile ?? join(stratosHome(), "mcp.token"));
  await serveOverHttp({ ...options, ...listen, token: token.text }, (address) => {
    process.stdout.write(`${address}\n`);
    process.stderr.write(`stratos: requests need the token in ${token.path}: Authorization: Bearer …\n`);
    warnOfSharedToken(token);
  });
  return 0;
}
