/** What of the host's network programs reach: nothing, its sockets, or these under rules. */
import type { SocketProvider } from "@stratos/host";
import { NodeSocketProvider, nodePorts } from "@stratos/host-node";
import type { TlsGateway } from "@stratos/sdk";
import { type NetRule, type NetSecret, StratosError } from "@stratos/sdk/api";
import type { DeniedPlace } from "@stratos/sdk/policy-sockets";
import { UsageError } from "../command-error.ts";
import type { NetTarget, SecretChoice } from "../option-values.ts";
import { placeWords, requireFreePorts, requireNetwork } from "./network-options.ts";
import type { AskedNames } from "./asked-names.ts";
import type { RunOptions } from "./run-options.ts";

/** Lines that tell of denials at the end of a run: programs may try any number of addresses. */
const DENIALS_MAX = 20;

/** Secrets that hosts read in place of stand-ins, and what ends programs' TLS for it. */
export interface NetworkSecrets {
  readonly secrets: Readonly<Record<string, NetSecret>>;
  readonly tls: TlsGateway;
}

type NetworkChoice = Pick<RunOptions, "net" | "publish" | "allow" | "deny" | "secret">;

/** What is told of a network when the run is over. */
export interface NetworkNews {
  readonly denied: DeniedConnections;
  readonly names: AskedNames;
}

/** What was denied, for who asks why something does not work. */
export class DeniedConnections {
  readonly #counts = new Map<string, number>();
  #others = 0;

  readonly note = ({ host, port, protocol, reason }: DeniedPlace): void => {
    const what = `denied: ${host}, ${placeWords(port, protocol)}: ${reason}`;
    if (this.#counts.size === DENIALS_MAX && !this.#counts.has(what)) this.#others++;
    else this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  };

  /** Lines without a newline, without "stratos: ". */
  get lines(): string[] {
    const lines = Array.from(this.#counts, ([what, count]) => (count === 1 ? what : `${what}, ${count} times`));
    return this.#others === 0 ? lines : [...lines, `denied: ${this.#others} others`];
  }
}

/**
 * What carries the guest's sockets beyond the machine; null: nothing.
 *
 * @throws UsageError  ports are to be published, rules to hold, or secrets to be had, without a network; a rule cannot
 *   be
 */
export async function openNetwork(
  { net, publish, allow = [], deny = [], secret = [] }: NetworkChoice,
  { denied, names }: NetworkNews,
  secrets: NetworkSecrets | null,
): Promise<SocketProvider | null> {
  requireNetwork(net, { publish, allow, deny, secret });
  if (net !== "host") return null;
  await requireFreePorts(publish);
  const onDatagram = names.watch(await import("@stratos/sdk/dns-message"));
  const sockets = new NodeSocketProvider({ published: publish, onDatagram });
  if (allow.length + deny.length === 0 && secrets === null) return sockets;
  const { PolicySockets } = await import("@stratos/sdk/policy-sockets");
  const { loop } = nodePorts();
  return new PolicySockets(sockets, { policy: await policyOf(allow, deny), loop, ...secrets }, denied.note);
}

/** @throws UsageError  a rule cannot be */
export async function policyOf(allow: readonly NetTarget[], deny: readonly NetTarget[]): Promise<readonly NetRule[]> {
  const { checkNetPolicy } = await import("@stratos/sdk/policy-sockets");
  const rules = rulesOf(allow, deny);
  try {
    checkNetPolicy(rules);
  } catch (error) {
    if (!(error instanceof StratosError)) throw error;
    throw new UsageError(allow.length === 0 ? "--deny" : "--allow", error.message.replace(/^net: /, ""));
  }
  return rules;
}

/** @throws UsageError  the environment has none of that name; a secret or a host cannot be */
export async function secretsOf(
  choices: readonly SecretChoice[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Readonly<Record<string, NetSecret>>> {
  const { checkSecrets } = await import("@stratos/sdk/secrets");
  const secrets = Object.fromEntries(
    choices.map(({ name, hosts }) => {
      const value = environment[name];
      if (value === undefined) throw new UsageError("--secret", `${name}: the environment has no such variable`);
      return [name, { value, hosts }];
    }),
  );
  try {
    checkSecrets(secrets);
  } catch (error) {
    if (!(error instanceof StratosError)) throw error;
    throw new UsageError("--secret", error.message.replace(/^net(?:\.secrets)?: /, ""));
  }
  return secrets;
}

/** What is denied is so even where something else permits it. */
function rulesOf(allow: readonly NetTarget[], deny: readonly NetTarget[]): NetRule[] {
  return [...denials(deny), ...(allow.length === 0 ? [{ allow: "*" }] : allowances(allow))];
}

function denials(targets: readonly NetTarget[]): NetRule[] {
  return targets.map(({ target, ...rest }) => ({ deny: target, ...rest }));
}

function allowances(targets: readonly NetTarget[]): NetRule[] {
  return targets.map(({ target, ...rest }) => ({ allow: target, ...rest }));
}

interface RelayChoice {
  readonly relay?: true;
  readonly relayAllow: readonly NetTarget[];
  readonly relayDeny: readonly NetTarget[];
  readonly relayOrigin: readonly string[];
}

interface RelayRequest {
  readonly allow: readonly NetRule[];
  readonly deny: readonly NetRule[];
  readonly origins: readonly string[];
}

/**
 * What `serve --relay` is to let through, without the rules that hold for every relay; null: it is no relay.
 *
 * @throws UsageError  rules or origins without a relay; a rule cannot be
 */
export async function relayOptionsOf(options: RelayChoice): Promise<RelayRequest | null> {
  const { relay, relayAllow, relayDeny, relayOrigin } = options;
  const lists = { "--relay-allow": relayAllow, "--relay-deny": relayDeny, "--relay-origin": relayOrigin };
  const needed = Object.entries(lists).find(([, given]) => given.length > 0);
  if (relay !== true) {
    if (needed !== undefined) throw new UsageError(needed[0], "is of a relay: add --relay");
    return null;
  }
  const { checkNetPolicy } = await import("@stratos/sdk/policy-sockets");
  const checked = (name: string, rules: readonly NetRule[]): readonly NetRule[] => {
    try {
      checkNetPolicy(rules);
      return rules;
    } catch (error) {
      if (!(error instanceof StratosError)) throw error;
      throw new UsageError(name, error.message.replace(/^net: /, ""));
    }
  };
  return {
    allow: checked("--relay-allow", allowances(relayAllow)),
    deny: checked("--relay-deny", denials(relayDeny)),
    origins: relayOrigin,
  };
}
