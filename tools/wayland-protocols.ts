/**
 * Writes packages/wayland/src/protocol from the protocols' XML, as Debian's libwayland-dev and wayland-protocols bring
 * it: `npm run wayland:protocols -- --dir FOLDER`, where FOLDER has usr/share/wayland and usr/share/wayland-protocols.
 *
 * Each file becomes a module of data: its interfaces with the signatures of libwayland's wl_message (a version from
 * which it is known, then a letter for each argument), the types of what handles requests, a function for each event,
 * and the values of enums. What the XML's authors ask to be kept of their notices stands at the head of each.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** Modules by name, and where their XML is. */
const SOURCES: Readonly<Record<string, string>> = {
  wayland: "wayland/wayland.xml",
  "xdg-shell": "wayland-protocols/stable/xdg-shell/xdg-shell.xml",
  viewporter: "wayland-protocols/stable/viewporter/viewporter.xml",
  "presentation-time": "wayland-protocols/stable/presentation-time/presentation-time.xml",
  "xdg-decoration": "wayland-protocols/unstable/xdg-decoration/xdg-decoration-unstable-v1.xml",
  "single-pixel-buffer": "wayland-protocols/staging/single-pixel-buffer/single-pixel-buffer-v1.xml",
  "cursor-shape": "wayland-protocols/staging/cursor-shape/cursor-shape-v1.xml",
  "fractional-scale": "wayland-protocols/staging/fractional-scale/fractional-scale-v1.xml",
  "xwayland-shell": "wayland-protocols/staging/xwayland-shell/xwayland-shell-v1.xml",
  "primary-selection": "wayland-protocols/unstable/primary-selection/primary-selection-unstable-v1.xml",
  "text-input": "wayland-protocols/unstable/text-input/text-input-unstable-v3.xml",
  "xdg-output": "wayland-protocols/unstable/xdg-output/xdg-output-unstable-v1.xml",
  "xdg-activation": "wayland-protocols/staging/xdg-activation/xdg-activation-v1.xml",
  "idle-inhibit": "wayland-protocols/unstable/idle-inhibit/idle-inhibit-unstable-v1.xml",
  "relative-pointer": "wayland-protocols/unstable/relative-pointer/relative-pointer-unstable-v1.xml",
  "pointer-constraints": "wayland-protocols/unstable/pointer-constraints/pointer-constraints-unstable-v1.xml",
};
/** Of the modules that are written: this one has none. */
const EXPORT = "export";
const OUTPUT = join(import.meta.dirname, "../packages/wayland/src/protocol");

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** Elements and their text; these files have neither entities within attributes nor CDATA. */
function parseXml(text: string): Element {
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  for (const [, tag, between] of text.replace(/<!--[^]*?-->|<\?[^]*?\?>/g, "").matchAll(/<([^>]+)>([^<]*)/g)) {
    if (tag!.startsWith("/")) open.pop();
    else {
      const name = /^[\w-]+/.exec(tag!)![0];
      const attributes = Object.fromEntries(
        [...tag!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      );
      const element: Element = { name, attributes, children: [], text: "" };
      open.at(-1)!.children.push(element);
      if (!tag!.endsWith("/")) open.push(element);
    }
    open.at(-1)!.text += between!;
  }
  return root.children[0]!;
}

const of = (element: Element, name: string): Element[] => element.children.filter((child) => child.name === name);

const LETTERS: Readonly<Record<string, string>> = {
  int: "i",
  uint: "u",
  fixed: "f",
  string: "s",
  object: "o",
  new_id: "n",
  array: "a",
  fd: "h",
};

/** wl_registry.bind names the interface with the object: libwayland's "sun". */
const isUntyped = ({ attributes }: Element): boolean =>
  attributes["type"] === "new_id" && attributes["interface"] === undefined;

function messageRow(message: Element): string {
  let signature = "";
  const types: string[] = [];
  for (const arg of of(message, "arg")) {
    const { type, interface: target, "allow-null": nullable } = arg.attributes;
    if (isUntyped(arg)) {
      signature += "suu";
      types.push("null", "null", "null");
      continue;
    }
    signature += (nullable === "true" ? "?" : "") + LETTERS[type!]!;
    types.push(target === undefined ? "null" : JSON.stringify(target));
  }
  const row = [
    `name: ${JSON.stringify(message.attributes["name"])}`,
    `since: ${message.attributes["since"] ?? 1}`,
    `signature: "${signature}"`,
    `types: [${types.join(", ")}]`,
    ...(message.attributes["type"] === "destructor" ? ["isDestructor: true"] : []),
  ];
  return `{ ${row.join(", ")} }`;
}

const camel = (name: string): string =>
  name === "interface" ? "interface_" : name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

function parameters(message: Element): { name: string; type: string }[] {
  return of(message, "arg").flatMap((arg) => {
    const { name, type, "allow-null": nullable } = arg.attributes;
    const orNull = nullable === "true" ? " | null" : "";
    if (isUntyped(arg))
      return [
        { name: "interfaceName", type: "string" },
        { name: "version", type: "number" },
        { name: "id", type: "number" },
      ];
    const types: Record<string, string> = { string: "string", array: "Uint8Array", fd: "SharedFile" };
    const isObject = type === "object" || type === "new_id";
    return [{ name: camel(name!), type: (isObject ? "Resource" : (types[type!] ?? "number")) + orNull }];
  });
}

const parameterList = (message: Element): string =>
  parameters(message)
    .map(({ name, type }) => `${name}: ${type}`)
    .join(", ");

function interfaceTable(each: Element): string {
  const rows = (kind: string): string =>
    of(each, kind)
      .map((message) => `${messageRow(message)},`)
      .join("\n");
  const { name, version } = each.attributes;
  const messages = `requests: [${rows("request")}], events: [${rows("event")}]`;
  return `${name}: { name: "${name}", version: ${version}, ${messages} },`;
}

function requestTypes(each: Element): string {
  const methods = of(each, "request").map(
    (request) => `${request.attributes["name"]}(${parameterList(request)}): void;`,
  );
  return `${each.attributes["name"]}: { ${methods.join("\n")} };`;
}

function eventFunctions(each: Element): string {
  const functions = of(each, "event").map((event, opcode) => {
    const list = parameterList(event);
    const values = parameters(event).map(({ name }) => name);
    return `${event.attributes["name"]}: (to: Resource${list === "" ? "" : `, ${list}`}): void =>
      to.send(${opcode}, [${values.join(", ")}]),`;
  });
  return `${each.attributes["name"]}: { ${functions.join("\n")} },`;
}

function enumValues(each: Element): string {
  const enums = of(each, "enum").map((one) => {
    const entries = of(one, "entry").map(({ attributes }) => {
      const { name, value } = attributes;
      return `${/^\d/.test(name!) ? JSON.stringify(name) : name}: ${value}`;
    });
    return `${one.attributes["name"]}: { ${entries.join(", ")} },`;
  });
  return `${each.attributes["name"]}: { ${enums.join("\n")} },`;
}

function moduleText(source: string, protocol: Element): string {
  const notice = of(protocol, "copyright")[0]!
    .text.trim()
    .replace(/^[ \t]+/gm, "");
  const interfaces = of(protocol, "interface");
  const has = (kind: string): boolean => interfaces.some((each) => of(each, kind).length > 0);
  const name = camel(`_${protocol.attributes["name"]}`);
  const usesFile = / h|"[^"]*h[^"]*", types/.test(interfaces.map(interfaceTable).join(""));
  const part = (condition: boolean, text: string): string => (condition ? text : "");
  return `/**
 * Generated from ${source} by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
${notice
  .split("\n")
  .map((line) => ` * ${line}`.trimEnd())
  .join("\n")}
 */
import type { Interface, Resource } from "../core/resource.ts";
${part(usesFile, `import type { SharedFile } from "../core/ports.ts";\n`)}
${EXPORT} const interfaces = {
${interfaces.map(interfaceTable).join("\n")}
} as const satisfies Record<string, Interface>;

${EXPORT} interface ${name}Requests {
${interfaces.map(requestTypes).join("\n")}
}

${part(
  has("event"),
  `${EXPORT} const events = {\n${interfaces
    .filter((each) => of(each, "event").length > 0)
    .map(eventFunctions)
    .join("\n")}\n} as const;\n`,
)}
${part(
  has("enum"),
  `${EXPORT} const enums = {\n${interfaces
    .filter((each) => of(each, "enum").length > 0)
    .map(enumValues)
    .join("\n")}\n} as const;\n`,
)}`;
}

const { values } = parseArgs({ options: { dir: { type: "string", default: "/" } } });
for (const [name, source] of Object.entries(SOURCES)) {
  const protocol = parseXml(readFileSync(join(values.dir, "usr/share", source), "utf8"));
  writeFileSync(join(OUTPUT, `${name}.ts`), moduleText(source.split("/").at(-1)!, protocol));
}
