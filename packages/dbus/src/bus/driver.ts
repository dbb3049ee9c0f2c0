/** The bus's own methods (D-Bus Specification, "Message Bus Messages"). */
import type { Message } from "../wire/message.ts";
import { BUS_NAME, isBusName, isWellKnownName } from "../wire/names.ts";
import type { Value } from "../wire/value-reader.ts";
import type { BusNames } from "./bus-names.ts";
import { type HostMethod, type HostObject, LATER } from "./host-object.ts";
import { MatchRule } from "./match-rule.ts";
import { BusError, type Credentials, type Peer } from "./peer.ts";

/** Of one program, and of all. */
const NAMES_MAX = 512,
  NAMES_ALL_MAX = 4096,
  RULES_MAX = 2048,
  RULES_ALL_MAX = 8192;
/** Variables that programs have set, and characters of them all. */
export const VARIABLES_MAX = 1024,
  VARIABLES_TEXT_MAX = 1 << 17;
/** Answers of StartServiceByName. */
const ALREADY_RUNNING = 2;

/** What its methods do something with. */
export interface BusOfDriver {
  readonly names: BusNames<Peer>;
  /** Variables that programs have set. */
  environment: ReadonlyMap<string, string>;
  /** Of all programs. */
  readonly ruleCount: number;
  /** By their unique names. */
  readonly peers: ReadonlyMap<string, Peer>;
  readonly ports: {
    readonly guid: string;
    activatable(): readonly string[];
    updateEnvironment(variables: ReadonlyMap<string, string>): void;
  };
  find(name: string): Peer | null;
  activate(name: string, sender: Peer, message: Message): boolean;
  becomeMonitor(peer: Peer): void;
}

export function driverObject(bus: BusOfDriver): HostObject {
  const callerOf = ({ sender }: Message): Peer => bus.peers.get(sender!)!;
  const ownerOf = (name: Value): Peer => {
    const owner = bus.find(String(name));
    if (owner === null)
      throw new BusError("NameHasNoOwner", `Could not get owner of name '${String(name)}': no such name`);
    return owner;
  };
  const credentialsOf = (name: Value): Credentials => {
    // The bus and what the host serves are the machine's first process.
    if (name === BUS_NAME) return { uid: 0, pid: 1 };
    return ownerOf(name).credentials ?? { uid: 0, pid: 1 };
  };
  const methods: Record<string, HostMethod> = {
    Hello: {
      takes: "",
      gives: "s",
      call: (_values, message) => hello(bus, message),
    },
    RequestName: {
      takes: "su",
      gives: "u",
      call: ([name, flags], message) => [request(bus, callerOf(message), String(name), Number(flags))],
    },
    ReleaseName: {
      takes: "s",
      gives: "u",
      call: ([name], message) => [bus.names.release(ownable(String(name)), callerOf(message))],
    },
    ListQueuedOwners: {
      takes: "s",
      gives: "as",
      call: ([name]) => {
        if (name === BUS_NAME) return [[BUS_NAME]];
        const owner = ownerOf(name!);
        const queue = bus.names.queueOf(String(name));
        return [(queue.length === 0 ? [owner] : queue).map(({ unique }) => unique)];
      },
    },
    ListNames: { takes: "", gives: "as", call: () => [[BUS_NAME, ...bus.peers.keys(), ...bus.names.all]] },
    ListActivatableNames: { takes: "", gives: "as", call: () => [[BUS_NAME, ...bus.ports.activatable()]] },
    NameHasOwner: {
      takes: "s",
      gives: "b",
      call: ([name]) => [name === BUS_NAME || bus.find(String(name)) !== null],
    },
    GetNameOwner: {
      takes: "s",
      gives: "s",
      call: ([name]) => [name === BUS_NAME ? BUS_NAME : ownerOf(name!).unique],
    },
    StartServiceByName: {
      takes: "su",
      gives: "u",
      call: ([name], message) => startService(bus, String(name), message, callerOf(message)),
    },
    UpdateActivationEnvironment: {
      takes: "a{ss}",
      gives: "",
      call: ([variables]) => {
        const all = new Map([...bus.environment, ...(variables as readonly (readonly [string, string])[])]);
        const length = [...all].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
        if (all.size > VARIABLES_MAX || length > VARIABLES_TEXT_MAX)
          throw new BusError("LimitsExceeded", `${VARIABLES_MAX} variables, or ${VARIABLES_TEXT_MAX} characters`);
        bus.environment = all;
        bus.ports.updateEnvironment(all);
        return [];
      },
    },
    GetConnectionUnixUser: { takes: "s", gives: "u", call: ([name]) => [credentialsOf(name!).uid] },
    GetConnectionUnixProcessID: { takes: "s", gives: "u", call: ([name]) => [credentialsOf(name!).pid] },
    GetConnectionCredentials: {
      takes: "s",
      gives: "a{sv}",
      call: ([name]) => {
        const { uid, pid } = credentialsOf(name!);
        return [
          [
            ["UnixUserID", { signature: "u", value: uid }],
            ["ProcessID", { signature: "u", value: pid }],
          ],
        ];
      },
    },
    AddMatch: {
      takes: "s",
      gives: "",
      call: ([text], message) => {
        const { rules } = callerOf(message);
        checkRules(bus, rules.length, 1);
        rules.push(ruleOf(String(text)));
        return [];
      },
    },
    RemoveMatch: {
      takes: "s",
      gives: "",
      call: ([text], message) => {
        const { rules } = callerOf(message);
        const { key } = ruleOf(String(text));
        const at = rules.findIndex((rule) => rule.key === key);
        if (at < 0) throw new BusError("MatchRuleNotFound", `there is no rule ${String(text)}`);
        rules.splice(at, 1);
        return [];
      },
    },
    GetId: { takes: "", gives: "s", call: () => [bus.ports.guid] },
  };
  return {
    [BUS_NAME]: {
      methods,
      signals: { NameOwnerChanged: "sss", NameLost: "s", NameAcquired: "s" },
      properties: {
        Features: { type: "as", get: () => [] },
        Interfaces: { type: "as", get: () => [`${BUS_NAME}.Monitoring`] },
      },
    },
    [`${BUS_NAME}.Monitoring`]: {
      methods: {
        BecomeMonitor: {
          takes: "asu",
          gives: "",
          call: ([texts], message) => becomeMonitor(bus, callerOf(message), texts as readonly string[]),
        },
      },
      signals: {},
      properties: {},
    },
  };
}

function hello(bus: BusOfDriver, { sender }: Message): readonly Value[] {
  if (bus.peers.has(sender!)) throw new BusError("Failed", "Already handled an Hello message");
  return [sender!];
}

function ownable(name: string): string {
  if (!isWellKnownName(name) || name === BUS_NAME)
    throw new BusError("InvalidArgs", `${name}: is no name that a program can own`);
  return name;
}

function request(bus: BusOfDriver, caller: Peer, name: string, flags: number): number {
  ownable(name);
  if (bus.names.countOf(caller) >= NAMES_MAX || bus.names.count >= NAMES_ALL_MAX)
    throw new BusError("LimitsExceeded", `${NAMES_MAX} names are the most, and ${NAMES_ALL_MAX} of all programs`);
  return bus.names.request(name, caller, flags);
}

function startService(bus: BusOfDriver, name: string, message: Message, caller: Peer): readonly Value[] {
  if (!isBusName(name)) throw new BusError("InvalidArgs", `${name}: is no name`);
  if (name === BUS_NAME || bus.find(name) !== null) return [ALREADY_RUNNING];
  if (bus.activate(name, caller, message)) return LATER;
  throw new BusError("ServiceUnknown", `The name ${name} was not provided by any .service files`);
}

/** @throws BusError */
function checkRules(bus: BusOfDriver, own: number, more: number): void {
  if (own + more > RULES_MAX || bus.ruleCount + more > RULES_ALL_MAX)
    throw new BusError("LimitsExceeded", `${RULES_MAX} match rules are the most, and ${RULES_ALL_MAX} of all programs`);
}

function ruleOf(text: string): MatchRule {
  const rule = MatchRule.parse(text);
  if (rule === null) throw new BusError("MatchRuleInvalid", `${text}: is no match rule`);
  return rule;
}

/** It has no name any more, says nothing, and is told all that its rules want. */
function becomeMonitor(bus: BusOfDriver, caller: Peer, texts: readonly string[]): readonly Value[] {
  const rules = texts.map(ruleOf);
  checkRules(bus, 0, rules.length);
  caller.rules.splice(0, caller.rules.length, ...rules);
  bus.becomeMonitor(caller);
  return [];
}
