import { StratosError } from "@stratos/sdk/client";
import { isSystemName } from "@stratos/sdk/systems";

/** Of a system, or a label of a snapshot. @throws StratosError of kind option */
export function checkName(what: "name" | "label", text: string): string {
  if (isSystemName(text)) return text;
  throw new StratosError(
    "option",
    `${text}: a ${what} has letters, digits, '.', '_' and '-', begins with a letter or digit, and has at most 64 ` +
      "characters",
    { option: what },
  );
}
