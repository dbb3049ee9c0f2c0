/** Names and paths (D-Bus Specification, "Valid Names"; "Valid Object Paths"). */
export const BUS_NAME = "org.freedesktop.DBus";
export const BUS_PATH = "/org/freedesktop/DBus";
const NAME_MAX = 255;

export function isPath(text: string): boolean {
  return text === "/" || /^(?:\/[A-Za-z0-9_]+)+$/.test(text);
}

export function isInterface(text: string): boolean {
  return text.length <= NAME_MAX && /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+$/.test(text);
}

export function isMember(text: string): boolean {
  return text.length <= NAME_MAX && /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

export function isWellKnownName(text: string): boolean {
  return text.length <= NAME_MAX && /^[A-Za-z_-][A-Za-z0-9_-]*(?:\.[A-Za-z_-][A-Za-z0-9_-]*)+$/.test(text);
}

/** Of a service, or of a connection. */
export function isBusName(text: string): boolean {
  return isWellKnownName(text) || (text.length <= NAME_MAX && /^:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+$/.test(text));
}
