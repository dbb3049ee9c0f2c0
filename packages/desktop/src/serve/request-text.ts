import { Refusal } from "@stratos/volumes/rest-input";

/** @throws Refusal for what is no text that a path or a command can be */
export function textOf(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "" || value.length > 8192 || value.includes("\0"))
    throw new Refusal(400, `${name}: text is expected`);
  return value;
}
