/**
 * Menus that programs have elsewhere than in their windows (com.canonical.dbusmenu, version 3): what GetLayout answers,
 * as a person is shown it. What is hidden, too much, or not as it should be is left out.
 */
import type { Value, Variant } from "../wire/value-reader.ts";

const NODES_MAX = 500;
const DEPTH_MAX = 8;
const LABEL_MAX = 256;

export interface MenuNode {
  readonly id: number;
  readonly kind: "item" | "line";
  readonly label: string;
  readonly isEnabled: boolean;
  /** Null: it cannot be on or off. */
  readonly isChecked: boolean | null;
  /** Null: it is no menu itself. */
  readonly children: readonly MenuNode[] | null;
}

/** @param layout  of type (ia{sv}av): the root. @returns what is below it */
export function menuNodes(layout: Value): readonly MenuNode[] {
  let left = NODES_MAX;
  const below = (children: Value | undefined, depth: number): MenuNode[] => {
    if (!Array.isArray(children) || depth > DEPTH_MAX) return [];
    return (children as readonly Value[]).flatMap((child) => {
      const node = isVariant(child) && child.signature === "(ia{sv}av)" ? child.value : null;
      if (!Array.isArray(node) || --left < 0) return [];
      const [id, pairs, deeper] = node as unknown as readonly [number, readonly (readonly [string, Variant])[], Value];
      const properties = new Map(pairs.map(([key, { value }]) => [key, value]));
      if (properties.get("visible") === false) return [];
      const isMenu = properties.get("children-display") === "submenu";
      const toggle = properties.get("toggle-type");
      return {
        id,
        kind: properties.get("type") === "separator" ? "line" : "item",
        label: withoutMnemonic(properties.get("label")),
        isEnabled: properties.get("enabled") !== false,
        isChecked: toggle === "checkmark" || toggle === "radio" ? properties.get("toggle-state") === 1 : null,
        children: isMenu ? below(deeper, depth + 1) : null,
      } as const;
    });
  };
  return below(Array.isArray(layout) ? (layout as readonly Value[])[2] : undefined, 0);
}

export function isVariant(value: unknown): value is Variant {
  return typeof value === "object" && value !== null && "signature" in value;
}

/** One underscore stands before the letter that chooses it, two are one. */
function withoutMnemonic(label: Value | undefined): string {
  return typeof label === "string" ? label.slice(0, LABEL_MAX).replace(/_(.)/g, "$1") : "";
}
