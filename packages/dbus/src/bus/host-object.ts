/** An object of the host on a bus: its methods by interface, and what it says of itself. */
import type { Message } from "../wire/message.ts";
import { typesOf } from "../wire/signature.ts";
import type { Value } from "../wire/value-reader.ts";
import { BusError } from "./peer.ts";

/** A method's answer that comes by itself. */
export const LATER: readonly Value[] = [];

/** Arguments and answer by their signatures. */
export interface HostMethod {
  readonly takes: string;
  readonly gives: string;
  /** @returns the answer's values. @throws BusError */
  call(values: readonly Value[], message: Message): readonly Value[];
}

interface HostInterface {
  readonly methods: Readonly<Record<string, HostMethod>>;
  /** Signatures by name. */
  readonly signals: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, { readonly type: string; get(): Value }>>;
}

export type HostObject = Readonly<Record<string, HostInterface>>;

const HEAD =
  '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n' +
  ' "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n';

/** With the interfaces that each object has (D-Bus Specification, "Standard Interfaces"). */
export function wholeObject(object: HostObject, machineId: () => string): HostObject {
  const whole: HostObject = {
    ...object,
    "org.freedesktop.DBus.Peer": plain({
      Ping: { takes: "", gives: "", call: () => [] },
      GetMachineId: { takes: "", gives: "s", call: () => [machineId()] },
    }),
    "org.freedesktop.DBus.Introspectable": plain({
      Introspect: { takes: "", gives: "s", call: () => [introspection(whole)] },
    }),
    "org.freedesktop.DBus.Properties": {
      methods: {
        Get: {
          takes: "ss",
          gives: "v",
          call: ([name, property]) => [propertyOf(whole, String(name), String(property))],
        },
        GetAll: { takes: "s", gives: "a{sv}", call: ([name]) => [allProperties(whole, String(name))] },
        Set: { takes: "ssv", gives: "", call: readOnly },
      },
      signals: { PropertiesChanged: "sa{sv}as" },
      properties: {},
    },
  };
  return whole;
}

function plain(methods: HostInterface["methods"]): HostInterface {
  return { methods, signals: {}, properties: {} };
}

function readOnly(values: readonly Value[]): never {
  throw new BusError("PropertyReadOnly", `${String(values[1])} of ${String(values[0])} cannot be set`);
}

function propertyOf(object: HostObject, name: string, property: string): Value {
  const properties = Object.hasOwn(object, name) ? object[name]!.properties : null;
  if (properties === null) throw new BusError("UnknownInterface", `${name}: there is no such interface`);
  if (!Object.hasOwn(properties, property)) throw new BusError("UnknownProperty", `${name} has no ${property}`);
  const { type, get } = properties[property]!;
  return { signature: type, value: get() };
}

function allProperties(object: HostObject, name: string): Value {
  if (!Object.hasOwn(object, name)) throw new BusError("UnknownInterface", `${name}: there is no such interface`);
  return Object.keys(object[name]!.properties).map((property) => [property, propertyOf(object, name, property)]);
}

/** @throws BusError when it is not there, or takes other arguments */
export function methodOf(object: HostObject, { interface: name, member = "", signature }: Message): HostMethod {
  // Without an interface the first that has it, as the specification leaves it open.
  const names = name === undefined ? Object.keys(object) : Object.hasOwn(object, name) ? [name] : [];
  for (const each of names) {
    const { methods } = object[each]!;
    if (!Object.hasOwn(methods, member)) continue;
    const method = methods[member]!;
    if (method.takes === signature) return method;
    throw new BusError("InvalidArgs", `${each}.${member} takes '${method.takes}', not '${signature}'`);
  }
  throw new BusError("UnknownMethod", `${name === undefined ? "" : `${name}.`}${member}: there is no such method`);
}

function introspection(object: HostObject): string {
  const lines = [HEAD + "<node>"];
  for (const [name, { methods, signals, properties }] of Object.entries(object)) {
    lines.push(`  <interface name="${name}">`);
    for (const [member, { takes, gives }] of Object.entries(methods)) {
      lines.push(`    <method name="${member}">`, ...args(takes, "in"), ...args(gives, "out"), "    </method>");
    }
    for (const [member, signature] of Object.entries(signals))
      lines.push(`    <signal name="${member}">`, ...args(signature, null), "    </signal>");
    for (const [property, { type }] of Object.entries(properties))
      lines.push(`    <property name="${property}" type="${type}" access="read"/>`);
    lines.push("  </interface>");
  }
  return [...lines, "</node>\n"].join("\n");
}

function args(signature: string, direction: string | null): string[] {
  const way = direction === null ? "" : ` direction="${direction}"`;
  return (typesOf(signature) ?? []).map((type) => `      <arg type="${type}"${way}/>`);
}
